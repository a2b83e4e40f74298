import { join } from 'node:path'
import {
  type Address,
  hasCode,
  type Logger,
  type MicroUsd,
  messageOf,
  type Signer,
  silentLogger,
  silentMetrics,
} from '@stead/core'
import { nodeKeyPath } from '@stead/node/files'
import { loadOrCreateKey, systemClock, systemRandom } from '@stead/node/identity'
import { createSigner, loadSecp256k1, type Secp256k1 } from '@stead/protocol'
import { SqliteStore } from '@stead/sqlite'
import { daemonClient } from '../daemon-access.ts'
import { CliError } from '../errors.ts'
import { DaemonProcess, type DaemonProcessOptions, type DaemonProgram } from './daemon-process.ts'
import { type DevLayout, devLayout, readDevState, writeDevState } from './dev-layout.ts'
import { LocalChain } from './local-chain.ts'
import { DAILY_EPOCHS, type LocalEpochs, policyPath, writePolicy } from './local-economy.ts'
import { RESTARTS_MAX, RestartPolicy } from './restart-policy.ts'

/** What a local network tells its supervisor. */
export interface DevNetworkEvents {
  /** One line for a person. */
  readonly onNotice: (text: string) => void
  /** The network cannot go on. */
  readonly onFailure: (error: unknown) => void
}

/** What a local network needs. */
export interface DevNetworkComponents {
  readonly logger: Logger
  readonly events: DevNetworkEvents
}

/** Which local network. */
export interface DevNetworkOptions {
  readonly directory: string
  readonly providers: number
  /** How epochs are, when the chain is new. @default a day each */
  readonly epochs?: LocalEpochs
  /** Further arguments of the payer's `stead up`. */
  readonly payerArguments?: readonly string[]
  /** What each provider does beside selling. @default the first proposes reward roots and watches those of others */
  readonly partOf?: (provider: number, member: DevMember) => DevPart
}

/** What a provider does beside selling. */
export interface DevPart {
  /** Further arguments of `stead up`. */
  readonly args: readonly string[]
  /** What runs in place of `stead up`. */
  readonly program?: DaemonProgram | undefined
}

/** One member of the network. */
export interface DevMember {
  /** `payer`, `provider-1`. */
  readonly name: string
  readonly dataDir: string
  readonly node: Address
  readonly operator: Address | undefined
}

/** For one that starts alone, and for each that starts beside it: they share the machine's cores. */
const [READY_TIMEOUT_MS, READY_TIMEOUT_BESIDE_MS] = [60_000, 20_000]
/** Since the payer saw one more: on a busy machine many processes take long to come up. */
const OFFERS_TIMEOUT_MS = 120_000
/** Until then it is as long as it always takes. */
const OFFERS_TELL_MS = 10_000
const OFFERS_LOOK_MS = 100
const KEEP_ALIVE_MS = 60_000
/** Test money is worth nothing; the price only makes the sums long enough to look at. */
const PRICE_MICRO_USD_PER_GIGAFUEL = 1000
/** Disk space that each provider sells. */
const STORAGE_SHARE_GIB = 2
/** With so many nodes objects are coded as on a real network. */
const LARGE_PROFILE_PROVIDERS = 12
const CONCURRENCY = 1

/**
 * A chain, providers and a payer on this machine, each a process of its own with its own keys and folders. Everything
 * is below one directory; the same directory again is the same network.
 */
export class DevNetwork {
  readonly layout: DevLayout
  readonly #components: DevNetworkComponents
  readonly #options: DevNetworkOptions
  readonly #members: DevMember[] = []
  readonly #processes: Map<string, DaemonProcess> = new Map()
  readonly #listen: Map<string, readonly string[]> = new Map()
  readonly #restarts = new RestartPolicy()
  readonly #starting: Set<Promise<void>> = new Set()
  /** Members that were stopped on purpose. */
  readonly #absent: Set<string> = new Set()
  #lock: SqliteStore | undefined
  #chain: LocalChain | undefined
  #isStopping = false
  /** A supervisor lives until it is stopped, even in a moment in which it only waits for the clock. */
  #alive: NodeJS.Timeout | undefined

  constructor(components: DevNetworkComponents, options: DevNetworkOptions) {
    this.#components = components
    this.#options = options
    this.layout = devLayout(options.directory)
  }

  get members(): readonly DevMember[] {
    return this.#members
  }

  get rpcUrl(): string {
    if (this.#chain === undefined) throw new TypeError('the local network was not started')
    return this.#chain.rpcUrl
  }

  /** The process of a member, while it runs; for tests that kill it. */
  processOf(name: string): DaemonProcess | undefined {
    return this.#processes.get(name)
  }

  /**
   * Takes the folder for this network alone, before anything is said or touched; starting does it as well.
   * @throws CliError CLI_DEV_RUNNING
   */
  async claim(): Promise<void> {
    this.#lock ??= await takeLock(this.layout)
  }

  /** Brings everything up and waits until the payer sees all offers. @throws CliError CLI_DEV_RUNNING, CLI_DEV_FAILED */
  async start(): Promise<void> {
    this.#alive = setInterval(() => undefined, KEEP_ALIVE_MS)
    await this.claim()
    const before = readDevState(this.layout.root)
    for (const [name, addresses] of Object.entries(before?.listen ?? {})) this.#listen.set(name, addresses)
    const secp256k1 = await loadSecp256k1()
    await this.#startChain(secp256k1, before?.rpcUrl)
    this.#listMembers(secp256k1)
    await this.#provideForAll(secp256k1)
    const [bootstrap, ...others] = this.#members.filter((member) => member.operator !== undefined)
    const payer = this.#members.find((member) => member.operator === undefined)
    if (bootstrap === undefined || payer === undefined)
      throw new TypeError('a local network has a provider and a payer')
    await this.#startMember(bootstrap)
    const rest = [...others, payer]
    await Promise.all(rest.map((member) => this.#startMember(member, rest.length - 1)))
    this.#saveState()
    await this.#waitForOffers()
  }

  /** Gives an account test dollars. @throws ChainError */
  async giveDollars(account: Address, amountMicroUsd: MicroUsd): Promise<void> {
    await this.#chain?.giveDollars(account, amountMicroUsd)
  }

  /** Stops one member, as its owner would. It stays stopped. */
  async stopMember(name: string): Promise<void> {
    const process = this.#processes.get(name)
    this.#absent.add(name)
    this.#processes.delete(name)
    await process?.stop()
  }

  /** Kills one member without warning. It stays dead. */
  killMember(name: string): void {
    const running = this.#processes.get(name)
    this.#absent.add(name)
    this.#processes.delete(name)
    running?.kill()
  }

  /** Starts a member that was stopped. @throws CliError CLI_DEV_FAILED */
  async startMember(name: string): Promise<void> {
    const member = this.#members.find((each) => each.name === name)
    if (member === undefined) throw new RangeError(`the local network has no ${name}`)
    if (this.#isStopping || !this.#absent.delete(name)) return
    await this.#startMember(member)
  }

  /** Stops everything: the payer first, so that no task is lost on its way, the chain last. */
  async stop(): Promise<void> {
    this.#isStopping = true
    // A member that is just coming up would outlive the network.
    await Promise.allSettled(this.#starting)
    await this.#processes.get('payer')?.stop()
    await Promise.all([...this.#processes.values()].map((process) => process.stop()))
    await this.#chain?.stop()
    await this.#lock?.close()
    clearInterval(this.#alive)
  }

  async #startChain(secp256k1: Secp256k1, rpcUrl: string | undefined): Promise<void> {
    const { logger, events } = this.#components
    const { epochs = DAILY_EPOCHS } = this.#options
    const port = rpcUrl === undefined ? 0 : Number(new URL(rpcUrl).port)
    const components = { logger, secp256k1, onEnded: (error: Error) => this.#fail(error) }
    // Kept before it is started: a chain that came up halfway must be stopped as well.
    this.#chain = new LocalChain(components, { layout: this.layout, port, epochs })
    try {
      await this.#chain.start()
    } catch (error) {
      if (port === 0 || !hasCode(error, 'CHAIN_LOCAL_BUSY')) throw error
      events.onNotice(`port ${port} of the chain is taken by another program; using another one`)
      this.#chain = new LocalChain(components, { layout: this.layout, port: 0, epochs })
      await this.#chain.start()
    }
  }

  #listMembers(secp256k1: Secp256k1): void {
    const addressOf = (path: string): Address =>
      createSigner(secp256k1, loadOrCreateKey(path, { secp256k1, random: systemRandom })).address
    const { layout } = this
    for (let number = 1; number <= this.#options.providers; number++) {
      const dataDir = layout.providerDir(number)
      this.#members.push({
        name: `provider-${number}`,
        dataDir,
        node: addressOf(nodeKeyPath(dataDir)),
        operator: addressOf(operatorKeyPath(dataDir)),
      })
    }
    const dataDir = layout.payerDir
    this.#members.push({ name: 'payer', dataDir, node: addressOf(nodeKeyPath(dataDir)), operator: undefined })
  }

  async #provideForAll(secp256k1: Secp256k1): Promise<void> {
    const signerOf = (path: string): Signer =>
      createSigner(secp256k1, loadOrCreateKey(path, { secp256k1, random: systemRandom }))
    writePolicy(this.layout.root, this.#options.epochs ?? DAILY_EPOCHS)
    for (const { node, operator, dataDir } of this.#members) {
      await this.#chain?.provideFor(node, { isPayer: operator === undefined })
      if (operator !== undefined)
        await this.#chain?.bond(signerOf(nodeKeyPath(dataDir)), signerOf(operatorKeyPath(dataDir)))
    }
  }

  async #startMember(member: DevMember, beside = 0): Promise<void> {
    const starting = this.#bringUp(member, readyTimeoutMs(beside))
    this.#starting.add(starting)
    try {
      await starting
    } finally {
      this.#starting.delete(starting)
    }
  }

  async #bringUp(member: DevMember, readyTimeoutMs: number): Promise<void> {
    const process = await DaemonProcess.start({
      name: member.name,
      dataDir: member.dataDir,
      ...this.#programOf(member),
      readyTimeoutMs,
    })
    this.#processes.set(member.name, process)
    this.#listen.set(member.name, process.ready.addresses.map(withoutPeer))
    this.#supervise(member, process)
  }

  #programOf(member: DevMember): Pick<DaemonProcessOptions, 'args' | 'program'> {
    const { partOf = proposerFirst } = this.#options
    const part = member.operator === undefined ? undefined : partOf(this.#members.indexOf(member) + 1, member)
    return { args: [...this.#argumentsOf(member), ...(part?.args ?? [])], program: part?.program }
  }

  #argumentsOf(member: DevMember): string[] {
    const listen = this.#listen.get(member.name) ?? ['/ip4/127.0.0.1/tcp/0']
    const known = [...this.#processes.values()].flatMap((each) => each.ready.addresses.slice(0, 1))
    const bootstrap = member.name === 'provider-1' ? [] : known.slice(0, 1)
    return [
      ...['--rpc', this.rpcUrl, '--address-book', this.layout.addressBook, '--no-mdns'],
      ...['--epochs-policies', policyPath(this.layout.root)],
      ...listen.flatMap((address) => ['--listen', address]),
      ...bootstrap.flatMap((address) => ['--bootstrap', address]),
      ...(member.operator === undefined ? this.#payerArguments() : providerArguments(member.operator)),
    ]
  }

  /** Everything is in one place, and there may be few nodes: what is kept here is for trying out. */
  #payerArguments(): readonly string[] {
    const { providers, payerArguments = [] } = this.#options
    const profile = providers >= LARGE_PROFILE_PROVIDERS ? '4-of-12' : '2-of-3'
    return ['--no-storage-spread', '--storage-profile', profile, '--s3', '--s3-port', '0', ...payerArguments]
  }

  /** A member that dies is started again, more and more slowly; one that keeps dying is given up. */
  #supervise(member: DevMember, process: DaemonProcess): void {
    const startedMs = systemClock.monotonicMs()
    void process.exited.then(async ({ code, signal }) => {
      if (this.#isStopping || this.#absent.has(member.name)) return
      this.#processes.delete(member.name)
      const how = signal === null ? `ended with code ${code}` : `was ended by ${signal}`
      const { events } = this.#components
      if (code === 0) return events.onNotice(`${member.name} finished; it is not started again`)
      events.onNotice(`${member.name} (pid ${process.pid}) ${how}; log: ${process.logFile}`)
      await this.#restart(member, systemClock.monotonicMs() - startedMs)
    })
  }

  async #restart(member: DevMember, ranMs: number): Promise<void> {
    const { events } = this.#components
    for (let lastedMs = ranMs; !this.#isStopping; lastedMs = 0) {
      const delayMs = this.#restarts.delayMs(member.name, lastedMs)
      if (delayMs === undefined) return events.onNotice(`${member.name} is given up after ${RESTARTS_MAX} restarts`)
      events.onNotice(`${member.name} is started again in ${delayMs} ms`)
      await systemClock.sleep(delayMs)
      if (this.#isStopping) return
      try {
        await this.#startMember(member)
        return events.onNotice(`${member.name} is up again`)
      } catch (error) {
        events.onNotice(`${member.name} did not start: ${messageOf(error)}`)
      }
    }
  }

  async #waitForOffers(): Promise<void> {
    const client = daemonClient(this.layout.payerDir)
    const need = this.#options.providers
    let best = 0
    let sinceMs = systemClock.monotonicMs()
    let toldMs = sinceMs
    for (;;) {
      const { offers } = await client.listOffers()
      const have = offers.filter(({ resource }) => resource === 'compute').length
      if (have >= need) return
      const nowMs = systemClock.monotonicMs()
      if (have > best) [best, sinceMs] = [have, nowMs]
      if (nowMs > toldMs + OFFERS_TELL_MS) {
        toldMs = nowMs
        this.#components.events.onNotice(`all are up; the payer has heard of ${have} of ${need} providers …`)
      }
      if (nowMs > sinceMs + OFFERS_TIMEOUT_MS) {
        const details = { needOffers: need, haveOffers: have }
        throw new CliError('CLI_DEV_FAILED', `the payer sees ${have} of ${need} offers`, { details })
      }
      await new Promise((resolve) => setTimeout(resolve, OFFERS_LOOK_MS))
    }
  }

  #saveState(): void {
    const listen = Object.fromEntries(this.#listen)
    writeDevState(this.layout.root, { version: 1, providers: this.#options.providers, rpcUrl: this.rpcUrl, listen })
  }

  #fail(error: unknown): void {
    if (!this.#isStopping) this.#components.events.onFailure(error)
  }
}

/** How long a member may take until it serves, in milliseconds. @param beside others that start at the same time */
function readyTimeoutMs(beside: number): number {
  return READY_TIMEOUT_MS + beside * READY_TIMEOUT_BESIDE_MS
}

function providerArguments(operator: Address): string[] {
  const numbers = {
    '--price': PRICE_MICRO_USD_PER_GIGAFUEL,
    '--concurrency': CONCURRENCY,
    '--storage-share-gib': STORAGE_SHARE_GIB,
    '--storage-keep-free-gib': 1,
  }
  return [
    '--provide',
    '--operator',
    operator,
    ...Object.entries(numbers).flatMap(([flag, value]) => [flag, String(value)]),
  ]
}

function proposerFirst(provider: number, { dataDir }: DevMember): DevPart {
  const key = operatorKeyPath(dataDir)
  return { args: provider === 1 ? ['--watch-epochs', '--propose-epochs', '--operator-key', key] : [] }
}

/** Where a provider's operator has its key. */
export function operatorKeyPath(dataDir: string): string {
  return join(dataDir, 'keys', 'operator.key')
}

function withoutPeer(address: string): string {
  return address.replace(/\/p2p\/.*$/, '')
}

/** One supervisor a folder; the operating system frees the lock of one that was killed. */
async function takeLock(layout: DevLayout): Promise<SqliteStore> {
  try {
    return await SqliteStore.open({ logger: silentLogger, metrics: silentMetrics }, { directory: layout.lockDir })
  } catch (error) {
    if (!hasCode(error, 'STORE_LOCKED')) throw error
    throw new CliError('CLI_DEV_RUNNING', `a local network already runs in ${layout.root}`, {
      details: { directory: layout.root },
      cause: error,
    })
  }
}
