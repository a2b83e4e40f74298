import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BlobExchange, ComputeConsumer } from '@stead/compute'
import { silentLogger } from '@stead/core'
import { loadNodeConfig } from '@stead/node'
import { nodeDirectories, readS3File, type S3Access } from '@stead/node/files'
import { loadSecp256k1 } from '@stead/protocol'
import type { DaemonProcess } from '../../packages/cli/src/dev/daemon-process.ts'
import { devLayout } from '../../packages/cli/src/dev/dev-layout.ts'
import { LocalChain } from '../../packages/cli/src/dev/local-chain.ts'
import { SteadNode } from '../../packages/node/src/daemon/stead-node.ts'
import { type DaemonSettings, startPublished } from './published-daemon.ts'

/** A payer's daemon with its S3 gateway open. */
export interface TrialGateway extends S3Access {
  readonly process: number
}

/** A chain and a payer in this process, providers in processes of their own; all on loopback, all removed at the end. */
export class TrialNetwork {
  readonly directory: string = mkdtempSync(join(tmpdir(), 'stead-bench-'))
  readonly #providers: DaemonProcess[] = []
  #gateway: DaemonProcess | undefined
  #echo: ChildProcess | undefined
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
    for (let number = 1; number <= providers; number++) {
      const settings = {
        ...this.#settings(this.#providers.slice(0, 1)),
        'provide.enabled': true,
        'provide.operator': `0x${number.toString(16).padStart(40, '0')}`,
        'provide.concurrency': concurrency,
        'storage.shareGib': storageGib,
        'storage.keepFreeGib': 1,
      }
      this.#providers.push(await startPublished(`provider-${number}`, layout.providerDir(number), settings))
    }
    this.#payer = await startNode(layout.payerDir, this.#settings(this.#providers))
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

  /** Another payer, a daemon of its own, with an S3 gateway and dollars. */
  async startGateway(): Promise<TrialGateway> {
    const dataDir = join(this.directory, 'gateway')
    const s3 = { 's3.enabled': true, 's3.port': 0, 'storage.spread': false }
    this.#gateway = await startPublished('gateway', dataDir, { ...this.#settings(this.#providers), ...s3 })
    const access = readS3File(nodeDirectories(dataDir, {}).stateDir)
    if (access === undefined) throw new Error('the gateway did not say where it is')
    await this.#chain?.provideFor(this.#gateway.ready.node, { isPayer: true })
    return { ...access, process: this.#gateway.pid }
  }

  /** A plain TCP echo in another process: the reference of a round trip. @returns its port */
  async startEcho(): Promise<number> {
    this.#echo = fork(join(import.meta.dirname, 'echo.ts'), { execArgv: [] })
    const [port] = (await once(this.#echo, 'message')) as [number]
    return port
  }

  /** The numbers of the providers' processes. */
  get processes(): readonly number[] {
    return this.#providers.map(({ pid }) => pid)
  }

  async stop(): Promise<void> {
    await this.#payer?.stop()
    this.#echo?.kill()
    await this.#gateway?.stop()
    await Promise.all(this.#providers.map((provider) => provider.stop()))
    await this.#chain?.stop()
    rmSync(this.directory, { recursive: true, force: true })
  }

  #settings(known: readonly DaemonProcess[]): DaemonSettings {
    return {
      'chain.rpcUrl': this.#chain?.rpcUrl,
      'chain.addressBook': devLayout(this.directory).addressBook,
      'network.bootstrap': known.flatMap(({ ready }) => ready.addresses.slice(0, 1)),
    }
  }
}

/** A node in this process with these settings. */
async function startNode(dataDir: string, flags: Readonly<Record<string, unknown>>): Promise<SteadNode> {
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
