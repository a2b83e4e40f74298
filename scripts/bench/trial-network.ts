import { type ChildProcess, fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BlobExchange, ComputeConsumer } from '@stead/compute'
import { address, silentLogger } from '@stead/core'
import { loadNodeConfig } from '@stead/node'
import { nodeDirectories } from '@stead/node/files'
import { loadSecp256k1 } from '@stead/protocol'
import { compileCacheDirectory } from '../../packages/cli/bin/compile-cache.mjs'
import { DAEMON_FLAGS, daemonEnvironment } from '../../packages/cli/bin/daemon-flags.mjs'
import { devLayout } from '../../packages/cli/src/dev/dev-layout.ts'
import { LocalChain } from '../../packages/cli/src/dev/local-chain.ts'
import { SteadNode } from '../../packages/node/src/daemon/stead-node.ts'
import type { TrialGateway } from './trial-gateway.ts'

/** What a provider process tells when it serves. */
export interface TrialProvider {
  readonly addresses: readonly string[]
  /** Port of the plain TCP echo in the same process: the reference of the round trip. */
  readonly echoPort: number
}

/** A chain and a payer in this process, providers in processes of their own; all on loopback, all removed at the end. */
export class TrialNetwork {
  readonly directory: string = mkdtempSync(join(tmpdir(), 'stead-bench-'))
  readonly providers: TrialProvider[] = []
  readonly #children: ChildProcess[] = []
  #chain: LocalChain | undefined
  #payer: SteadNode | undefined

  get payer(): SteadNode {
    if (this.#payer === undefined) throw new TypeError('the trial network was not started')
    return this.#payer
  }

  /** Starts the chain, `providers` providers that take `concurrency` tasks each and share some disk space, and the payer. */
  async start(providers: number, concurrency: number, storageGib = 0): Promise<void> {
    const layout = devLayout(this.directory)
    const secp256k1 = await loadSecp256k1()
    const components = { logger: silentLogger, secp256k1, onEnded: (error: Error) => fail(error) }
    this.#chain = new LocalChain(components, { layout, port: 0 })
    await this.#chain.start()
    const chain = { 'chain.rpcUrl': this.#chain.rpcUrl, 'chain.addressBook': layout.addressBook }
    for (let number = 1; number <= providers; number++) {
      const bootstrap = this.providers[0]?.addresses ?? []
      const settings = { ...chain, concurrency, storageGib, bootstrap, dataDir: layout.providerDir(number) }
      this.providers.push(await this.#startProvider(settings))
    }
    this.#payer = await startNode(layout.payerDir, {
      ...chain,
      'network.bootstrap': this.providers.flatMap(({ addresses }) => addresses.slice(0, 1)),
    })
    await this.#chain.provideFor(this.#payer.foundation.signer.address, { isPayer: true })
    await this.#payer.trade.offers.wait('compute', { minimum: providers, timeoutMs: 30_000 })
  }

  /** A consumer of its own, so that what is sent ahead of a provider's concurrency can be chosen. */
  async consumer(pipelineDepth: number): Promise<{ consumer: ComputeConsumer; blobs: BlobExchange }> {
    const { foundation, trade } = this.payer
    const consumer = new ComputeConsumer(
      { ...foundation, market: trade.payer.market, offers: trade.offers, blobs: trade.blobs },
      { pipelineDepth },
    )
    await consumer.start()
    return { consumer, blobs: trade.blobs }
  }

  /** Another payer, in a process of its own, with an S3 gateway and dollars. */
  async startGateway(): Promise<TrialGateway & { readonly process: number }> {
    const layout = devLayout(this.directory)
    const settings = {
      'chain.rpcUrl': this.#chain?.rpcUrl,
      'chain.addressBook': layout.addressBook,
      'network.bootstrap': this.providers.flatMap(({ addresses }) => addresses.slice(0, 1)),
      dataDir: join(this.directory, 'gateway'),
    }
    const { child, ready } = await this.#fork<TrialGateway>('trial-gateway.ts', settings)
    await this.#chain?.provideFor(address(ready.account), { isPayer: true })
    return { ...ready, process: child.pid ?? 0 }
  }

  /** The numbers of the providers' processes. */
  get processes(): readonly number[] {
    return this.#children.slice(0, this.providers.length).flatMap(({ pid }) => pid ?? [])
  }

  async stop(): Promise<void> {
    await this.#payer?.stop()
    for (const child of this.#children) {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      await ended
    }
    await this.#chain?.stop()
    rmSync(this.directory, { recursive: true, force: true })
  }

  async #startProvider(settings: object): Promise<TrialProvider> {
    return (await this.#fork<TrialProvider>('provider.ts', settings)).ready
  }

  async #fork<Ready>(file: string, settings: object): Promise<{ readonly child: ChildProcess; readonly ready: Ready }> {
    // As the `stead` command starts a daemon.
    const child = fork(join(import.meta.dirname, file), [JSON.stringify(settings)], {
      execArgv: ['--conditions=@stead/source', ...DAEMON_FLAGS],
      env: { ...daemonEnvironment(process.env), NODE_COMPILE_CACHE: compileCacheDirectory(process.env) },
    })
    this.#children.push(child)
    const ready = await new Promise<Ready>((resolve, reject) => {
      child.once('message', (message: Ready) => resolve(message))
      child.once('exit', (code) => reject(new Error(`the process of ${file} ended with code ${code}`)))
    })
    return { child, ready }
  }
}

/** A node in this process with these settings. */
export async function startNode(dataDir: string, flags: Readonly<Record<string, unknown>>): Promise<SteadNode> {
  const directories = nodeDirectories(dataDir, {})
  const local = { 'network.listen': ['/ip4/127.0.0.1/tcp/0'], 'network.mdns': false }
  const { config } = loadNodeConfig({ directories, environment: {}, flags: { ...local, ...flags } })
  const node = new SteadNode({ logger: silentLogger }, { config, directories })
  await node.start()
  return node
}

function fail(error: Error): never {
  throw error
}
