import { type Address, address, type PeerId, type Signer, silentLogger, silentMetrics, type UnixMs } from '@stead/core'
import {
  MarketPayer,
  MarketProvider,
  type MarketProviderInput,
  marketPayerOptionsSchema,
  marketProviderOptionsSchema,
  OfferBook,
  offerBookOptionsSchema,
} from '@stead/market'
import { createSigner, loadSecp256k1, peerIdOfPublicKey, type Secp256k1, type Task } from '@stead/protocol'
import { InlineExecutor } from '@stead/sandbox'
import { METER_VERSION, usesFloats } from '@stead/sandbox/facts'
import {
  ManualClock,
  MemoryChain,
  MemoryHub,
  MemoryLedger,
  type MemoryNetwork,
  MemoryStore,
  SeededRandom,
} from '@stead/testkit'
import { expect } from 'vitest'
import {
  type BillAudit,
  BlobExchange,
  ComputeConsumer,
  type ComputeConsumerInput,
  ComputeProvider,
  type ComputeProviderInput,
  computeProviderOptionsSchema,
  computeTermsSchema,
  type JobEvent,
  type JobHandle,
  type JobRequest,
  type JobResult,
  outcomeOfTask,
  recomputeBill,
} from '../../src/index.ts'
import { termsOf } from '../../src/provider/provider-terms.ts'
import { compileGuest, expectedHash, GUEST_MODES, guestInput } from './guest.ts'

const secp256k1: Secp256k1 = await loadSecp256k1()
const guestModule = await compileGuest()
const PAYER_ACCOUNT: Address = address(`0x${'aa'.repeat(20)}`)
/** What the payer's account holds at the beginning. */
const FUNDS = 1_000_000_000n

function keyOf(number: number): { readonly signer: Signer; readonly peer: PeerId } {
  const signer = createSigner(secp256k1, new Uint8Array(32).fill(number))
  return { signer, peer: peerIdOfPublicKey(signer.publicKey) }
}

/** Makes what serves tasks on a node; the real provider unless a test says otherwise. */
export type ServiceFactory = (node: ProviderParts) => { start(): Promise<void>; stop(): Promise<void> }

/** What a provider node is made of. */
export interface ProviderParts {
  readonly number: number
  readonly network: MemoryNetwork
  readonly market: MarketProvider
  readonly blobs: BlobExchange
  readonly executor: InlineExecutor
  readonly clock: ManualClock
  readonly options: ComputeProviderInput
}

export interface ProviderOptions {
  readonly operator?: Address
  readonly compute?: ComputeProviderInput
  readonly market?: Partial<MarketProviderInput>
  readonly service?: ServiceFactory
}

export interface ProviderNode {
  readonly number: number
  readonly node: Address
  readonly operator: Address
  readonly peer: PeerId
  readonly market: MarketProvider
  readonly service: { start(): Promise<void>; stop(): Promise<void> }
}

export interface PayerNode {
  readonly offers: OfferBook
  readonly market: MarketPayer
  readonly blobs: BlobExchange
  readonly consumer: ComputeConsumer
}

interface Common {
  readonly clock: ManualClock
  readonly logger: typeof silentLogger
  readonly metrics: typeof silentMetrics
}

/** Providers and a payer in one process, on a clock that the test moves: everything but wires, disks and chain is real. */
export class World {
  readonly clock: ManualClock = new ManualClock({ turnsPerStep: 200 })
  readonly random: SeededRandom
  readonly hub: MemoryHub
  readonly ledger: MemoryLedger
  readonly executor: InlineExecutor = new InlineExecutor()
  readonly providers: ProviderNode[] = []
  payerStore: MemoryStore = new MemoryStore()
  #payer: PayerNode | undefined
  readonly #consumerOptions: ComputeConsumerInput

  constructor(
    options: { readonly seed?: number; readonly consumer?: ComputeConsumerInput; readonly funds?: bigint } = {},
  ) {
    this.random = new SeededRandom(options.seed ?? 1)
    this.hub = new MemoryHub({ clock: this.clock, random: this.random.fork() })
    this.ledger = new MemoryLedger({ clock: this.clock, secp256k1 })
    this.ledger.give(PAYER_ACCOUNT, { dollarMicroUsd: options.funds ?? FUNDS, gasWei: 10n ** 20n })
    this.#consumerOptions = { offerWaitMs: 1000, stallTimeoutMs: 5000, ...options.consumer }
  }

  get payer(): PayerNode {
    if (this.#payer === undefined) throw new TypeError('no payer runs')
    return this.#payer
  }

  get payerPeer(): PeerId {
    return keyOf(200).peer
  }

  get consumer(): ComputeConsumer {
    return this.payer.consumer
  }

  /** A world with `count` honest providers and a payer that knows them. */
  static async of(
    count: number,
    options: ConstructorParameters<typeof World>[0] & { readonly provider?: ProviderOptions } = {},
  ): Promise<World> {
    const world = new World(options)
    await world.executor.start()
    for (let i = 0; i < count; i++) await world.addProvider(options.provider)
    await world.startPayer()
    return world
  }

  async addProvider(options: ProviderOptions = {}): Promise<ProviderNode> {
    const number = this.providers.length + 1
    const { signer, peer } = keyOf(number)
    const operator = options.operator ?? address(`0x${number.toString(16).padStart(2, '0').repeat(20)}`)
    this.ledger.give(operator, { gasWei: 10n ** 18n })
    const network = this.hub.createNode(peer)
    await network.start()
    const chain = new MemoryChain(this.ledger, operator)
    await chain.start()
    const store = new MemoryStore()
    const parts = { ...this.#common(), network, store, chain, signer, secp256k1, random: this.random.fork() }
    const market = new MarketProvider(parts, marketProviderOptionsSchema.parse({ ...options.market, operator }))
    const blobs = new BlobExchange(parts)
    const { executor, clock } = this
    const compute = { concurrency: 4, ...options.compute }
    const node = { number, network, market, blobs, executor, clock, options: compute }
    const service = options.service?.(node) ?? new ComputeProvider({ ...this.#common(), ...node }, compute)
    await blobs.start()
    await service.start()
    await market.start()
    const book = new OfferBook({ ...parts, identity: this.ledger.identity }, offerBookOptionsSchema.parse({}))
    await book.start()
    const offered = termsOf(computeProviderOptionsSchema.parse(compute), METER_VERSION)
    const terms = computeTermsSchema.encodeDocument(offered)
    book.publish({ resource: 'compute', signer, operator, region: '-', terms: () => terms })
    const provider = { number, node: signer.address, operator, peer, market, service }
    this.providers.push(provider)
    if (this.#payer !== undefined) await this.#connect()
    return provider
  }

  async startPayer(): Promise<void> {
    const { signer, peer } = keyOf(200)
    const network = this.hub.createNode(peer)
    await network.start()
    const chain = new MemoryChain(this.ledger, PAYER_ACCOUNT)
    await chain.start()
    const store = this.payerStore
    const parts = { ...this.#common(), network, store, chain, signer, secp256k1, random: this.random.fork() }
    const market = new MarketPayer(parts, marketPayerOptionsSchema.parse({}))
    const offers = new OfferBook({ ...parts, identity: this.ledger.identity }, offerBookOptionsSchema.parse({}))
    const blobs = new BlobExchange(parts)
    const consumer = new ComputeConsumer({ ...parts, market, offers, blobs }, this.#consumerOptions)
    this.#payer = { offers, market, blobs, consumer }
    await blobs.start()
    await market.start()
    await offers.start()
    offers.list('compute')
    await this.#connect()
    await consumer.start()
  }

  /** The payer's process dies, and whatever its disk has is what the next one finds. */
  killPayer(): void {
    this.hub.kill(keyOf(200).peer)
    if (!this.payerStore.isCrashed) this.payerStore.crash()
    this.payerStore = this.payerStore.reopen('kill')
    this.#payer = undefined
  }

  killProvider(number: number): void {
    this.hub.kill(keyOf(number).peer)
  }

  /** Lets time pass until a promise has settled. */
  async within<Result>(call: Promise<Result>, limitMs = 120_000, stepMs = 20): Promise<Result> {
    let isDone = false
    const done = (): void => {
      isDone = true
    }
    call.then(done, done)
    await this.clock.settle()
    for (let passed = 0; !isDone && passed < limitMs; passed += stepMs) await this.clock.advance(stepMs)
    if (!isDone) throw new Error(`not done within ${limitMs} simulated ms`)
    return call
  }

  /** Lets time pass until something is so. */
  async until(isSo: () => boolean, limitMs = 60_000, stepMs = 5): Promise<void> {
    for (let passed = 0; !isSo() && passed < limitMs; passed += stepMs) await this.clock.advance(stepMs)
    if (!isSo()) throw new Error(`not so within ${limitMs} simulated ms`)
  }

  /** A task that hashes `data`. */
  async task(data: string, limits: Partial<Task['limits']> = {}): Promise<Task> {
    return this.taskOf(guestInput(GUEST_MODES.hash, 0, data), limits)
  }

  /** A task with this input for the guest. */
  async taskOf(input: Uint8Array, limits: Partial<Task['limits']> = {}): Promise<Task> {
    const { cache } = this.payer.blobs
    return {
      version: 1,
      kind: 'function',
      module: await cache.put(guestModule),
      meterVersion: METER_VERSION,
      args: [],
      input: [await cache.put(input)],
      files: [],
      limits: {
        fuel: 10_000_000n as Task['limits']['fuel'],
        memoryPages: 64,
        outputBytes: 1 << 20,
        timeMs: 2000,
        ...limits,
      },
      seed: new Uint8Array(32),
      declaredTime: 0 as UnixMs,
    }
  }

  /** A job of `count` hash tasks. */
  async job(count: number, options: Partial<JobRequest> = {}): Promise<JobRequest> {
    const tasks = []
    for (let i = 0; i < count; i++) tasks.push({ key: `t${i}`, task: await this.task(`data ${i}`) })
    return {
      name: 'hashes',
      tasks,
      verification: { mode: 'trust' },
      maxCostMicroUsd: 1_000_000n as JobRequest['maxCostMicroUsd'],
      ...options,
    }
  }

  async submit(request: JobRequest): Promise<JobHandle> {
    return this.within(this.consumer.submit(request))
  }

  async run(
    request: JobRequest,
  ): Promise<{ readonly handle: JobHandle; readonly result: JobResult; readonly events: JobEvent[] }> {
    const handle = await this.submit(request)
    const result = await this.within(handle.result())
    return { handle, result, events: await eventsOf(handle) }
  }

  /** Fails unless every task of a hash job has the right output. */
  async expectRight(result: JobResult): Promise<void> {
    for (const [index, task] of result.tasks.entries()) {
      if (task.record === undefined) throw new Error(`task ${task.key} has no result: ${task.reason} ${task.detail}`)
      const output = await this.payer.blobs.cache.get(task.record.output)
      expect(output).toEqual(expectedHash(guestInput(GUEST_MODES.hash, 0, `data ${index}`)))
    }
  }

  /** Recomputes a job's bill by running it again. */
  async audit(handle: JobHandle): Promise<BillAudit> {
    const job = await this.consumer.evidence(handle.id)
    const receipts = await this.payer.market.receipts({})
    const { executor } = this
    const blobs = (id: Parameters<BlobExchange['cache']['get']>[0]) => this.payer.blobs.cache.get(id)
    const hasFloats = async (id: Task['module']) => usesFloats((await blobs(id)) ?? new Uint8Array())
    return recomputeBill({ job, receipts, hasFloats, run: (task) => outcomeOfTask(task, { executor, blobs }) })
  }

  async #connect(): Promise<void> {
    const network = this.hub.runningNode(keyOf(200).peer)
    for (const { peer } of this.providers) {
      if (this.hub.runningNode(peer) === undefined) continue
      if (network !== undefined) await this.within(network.connect(peer, 1000))
    }
    const running = this.providers.filter(({ peer }) => this.hub.runningNode(peer) !== undefined)
    const wish = { minimum: running.length, timeoutMs: 10_000 }
    await this.within(this.payer.offers.wait('compute', wish))
  }

  #common(): Common {
    const logger = process.env.STEAD_TEST_LOG === undefined ? silentLogger : consoleLogger
    return { clock: this.clock, logger, metrics: silentMetrics }
  }
}

/** All events of an ended job. */
export async function eventsOf(handle: JobHandle): Promise<JobEvent[]> {
  const events: JobEvent[] = []
  for await (const event of handle.events(1)) events.push(event)
  return events
}

const consoleLogger: typeof silentLogger = {
  debug: (message, fields) => console.log('debug', message, fields),
  info: (message, fields) => console.log('info', message, fields),
  warn: (message, fields) => console.log('warn', message, fields),
  error: (message, fields) => console.log('error', message, fields),
  child: () => consoleLogger,
}
