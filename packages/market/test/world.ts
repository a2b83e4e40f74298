import {
  type Address,
  address,
  type MicroUsd,
  microUsd,
  type PeerId,
  type Signer,
  silentLogger,
  silentMetrics,
} from '@stead/core'
import {
  type BillEntry,
  contentIdOf,
  createSigner,
  loadSecp256k1,
  type Offer,
  peerIdOfPublicKey,
  type Secp256k1,
} from '@stead/protocol'
import { ManualClock, MemoryChain, MemoryHub, MemoryLedger, MemoryStore, SeededRandom } from '@stead/testkit'
import {
  MarketPayer,
  type MarketPayerInput,
  MarketProvider,
  type MarketProviderInput,
  marketPayerOptionsSchema,
  marketProviderOptionsSchema,
  type OfferEntry,
  type OpenedQuote,
  type Refusal,
  type SellerQuote,
  type SellerRequest,
} from '../src/index.ts'

export const secp256k1: Secp256k1 = await loadSecp256k1()

/** A key that tests can repeat. */
export function keyOf(number: number): { readonly signer: Signer; readonly peer: PeerId } {
  const key = new Uint8Array(32).fill(number)
  const signer = createSigner(secp256k1, key)
  return { signer, peer: peerIdOfPublicKey(signer.publicKey) }
}

export const OPERATOR: Address = address(`0x${'0f'.repeat(20)}`)
export const PAYER_ACCOUNT: Address = address(`0x${'aa'.repeat(20)}`)
/** What the payer's account holds at the beginning, in micro-dollars. */
export const FUNDS = 100_000_000n
export const NEED: Uint8Array = Uint8Array.of(1, 2, 3)
export const TERMS: Uint8Array = Uint8Array.of(9)

/** One entry of a bill; `number` makes item and evidence. */
export function entryOf(delivery: Uint8Array, amount: bigint | number, number = 1): BillEntry {
  return {
    delivery,
    item: contentIdOf('dag-cbor', Uint8Array.of(1, number & 0xff, number >> 8)),
    evidence: contentIdOf('dag-cbor', Uint8Array.of(2, number & 0xff, number >> 8)),
    quantity: BigInt(amount) * 10n,
    amountMicroUsd: microUsd(BigInt(amount)),
  }
}

/** How a world is set up. */
export interface WorldOptions {
  readonly provider?: Omit<MarketProviderInput, 'operator'>
  readonly payer?: MarketPayerInput
  readonly leastUnitMicroUsd?: bigint
  readonly seed?: number
  /** The payer's way to the chain. @default one that answers at once */
  readonly payerChain?: (ledger: MemoryLedger, account: Address) => MemoryChain
}

/** One payer and one provider over simulated ports; both can crash and come back. */
export class World {
  readonly clock: ManualClock = new ManualClock({ turnsPerStep: 300 })
  readonly random: SeededRandom
  readonly hub: MemoryHub
  readonly ledger: MemoryLedger
  readonly payerKey: ReturnType<typeof keyOf> = keyOf(1)
  readonly providerKey: ReturnType<typeof keyOf> = keyOf(2)
  readonly options: WorldOptions
  payerStore: MemoryStore = new MemoryStore()
  providerStore: MemoryStore = new MemoryStore()
  /** Called with the disk that a new process begins with. */
  onReopen: (store: MemoryStore) => void = () => undefined
  sell: (request: SellerRequest) => SellerQuote | Refusal
  #payer: MarketPayer | undefined
  #provider: MarketProvider | undefined

  constructor(options: WorldOptions = {}) {
    this.options = options
    this.random = new SeededRandom(options.seed ?? 1)
    this.hub = new MemoryHub({ clock: this.clock, random: this.random.fork() })
    this.ledger = new MemoryLedger({ clock: this.clock, secp256k1 })
    this.ledger.give(PAYER_ACCOUNT, { dollarMicroUsd: FUNDS, gasWei: 10n ** 18n })
    this.ledger.give(OPERATOR, { gasWei: 10n ** 18n })
    this.sell = () => ({
      terms: TERMS,
      concurrency: 4,
      leastUnitMicroUsd: microUsd(options.leastUnitMicroUsd ?? 10n),
    })
  }

  get payer(): MarketPayer {
    if (this.#payer === undefined) throw new TypeError('no payer runs')
    return this.#payer
  }

  get provider(): MarketProvider {
    if (this.#provider === undefined) throw new TypeError('no provider runs')
    return this.#provider
  }

  get offer(): OfferEntry {
    const { signer, peer } = this.providerKey
    const { chainId, escrow } = this.ledger.identity
    const offer: Offer = {
      version: 1,
      node: signer.address,
      operator: OPERATOR,
      resource: 'compute',
      chainId,
      escrow,
      region: '-',
      sequence: 1,
      issuedAt: this.clock.now(),
      expiresAt: this.clock.now(),
      terms: TERMS,
    }
    return { offer, peer, signed: { document: new Uint8Array(0), signature: new Uint8Array(65) } }
  }

  async start(): Promise<void> {
    await this.startProvider()
    await this.startPayer()
  }

  async startProvider(): Promise<void> {
    const { signer, peer } = this.providerKey
    const network = this.hub.createNode(peer)
    await network.start()
    const chain = new MemoryChain(this.ledger, OPERATOR)
    await chain.start()
    const provider = new MarketProvider(
      { ...this.#parts(signer), network, store: this.providerStore, chain },
      marketProviderOptionsSchema.parse({ ...this.options.provider, operator: OPERATOR }),
    )
    provider.sell({ resource: 'compute', terms: () => TERMS, quote: (request) => this.sell(request) })
    this.#provider = provider
    await provider.start()
  }

  async startPayer(): Promise<void> {
    const { signer, peer } = this.payerKey
    const network = this.hub.createNode(peer)
    await network.start()
    const { payerChain } = this.options
    const chain = payerChain?.(this.ledger, PAYER_ACCOUNT) ?? new MemoryChain(this.ledger, PAYER_ACCOUNT)
    await chain.start()
    const payer = new MarketPayer(
      { ...this.#parts(signer), network, store: this.payerStore, chain },
      marketPayerOptionsSchema.parse({ ...this.options.payer }),
    )
    this.#payer = payer
    await payer.start()
  }

  /** The payer's process dies and a new one begins with what the disk has. */
  async restartPayer(): Promise<void> {
    this.killPayer()
    await this.startPayer()
    await this.clock.settle()
  }

  async restartProvider(): Promise<void> {
    this.killProvider()
    await this.startProvider()
    await this.clock.settle()
  }

  killPayer(): void {
    this.hub.kill(this.payerKey.peer)
    if (!this.payerStore.isCrashed) this.payerStore.crash()
    this.payerStore = this.payerStore.reopen()
    this.onReopen(this.payerStore)
  }

  killProvider(): void {
    this.hub.kill(this.providerKey.peer)
    if (!this.providerStore.isCrashed) this.providerStore.crash()
    this.providerStore = this.providerStore.reopen()
    this.onReopen(this.providerStore)
  }

  /** Resolves a call that waits for timers, by letting time pass. */
  async within<Result>(call: Promise<Result>, limitMs = 60_000, stepMs = 50): Promise<Result> {
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

  async quote(): Promise<OpenedQuote> {
    const answers = await this.within(
      this.payer.quotes({ resource: 'compute', need: NEED, providers: [this.offer], timeoutMs: 5_000 }),
    )
    const [answer] = answers
    if (answer?.kind !== 'quote')
      throw new Error(`no quote: ${JSON.stringify(answer, (_, v) => (typeof v === 'bigint' ? `${v}` : v))}`)
    return answer.opened
  }

  async open(allocation: MicroUsd | bigint = 1_000_000n): Promise<ReturnType<MarketPayer['channels']>[number]> {
    const quote = await this.quote()
    const opened = await this.within(this.payer.openChannels([{ quote, allocationMicroUsd: microUsd(allocation) }]))
    const [channel] = opened.channels
    if (channel === undefined) throw opened.refused[0]?.error ?? new Error('no channel')
    return channel
  }

  /** One delivery from reservation to acceptance. */
  async deliver(
    amount: bigint | number,
    maximum: bigint | number = amount,
    number = 1,
  ): Promise<BillEntry | undefined> {
    const channel = this.payer.channels().find(({ state }) => state === 'open')
    const reservation = channel?.reserve(microUsd(BigInt(maximum)))
    if (channel === undefined || reservation === undefined) return undefined
    const { delivery } = reservation
    const admission = this.provider.admit({
      peer: this.payerKey.peer,
      channel: channel.id,
      delivery,
      maximumMicroUsd: microUsd(BigInt(maximum)),
    })
    const entry = entryOf(delivery, amount, number)
    await admission.deliver(entry)
    reservation.accept(entry)
    return entry
  }

  #parts(signer: Signer): {
    clock: ManualClock
    random: SeededRandom
    signer: Signer
    secp256k1: Secp256k1
    logger: typeof silentLogger
    metrics: typeof silentMetrics
  } {
    return {
      clock: this.clock,
      random: this.random.fork(),
      signer,
      secp256k1,
      logger: process.env.STEAD_TEST_LOG === undefined ? silentLogger : consoleLogger,
      metrics: silentMetrics,
    }
  }
}

const consoleLogger: typeof silentLogger = {
  debug: (message, fields) => console.log('debug', message, fields),
  info: (message, fields) => console.log('info', message, fields),
  warn: (message, fields) => console.log('warn', message, fields),
  error: (message, fields) => console.log('error', message, fields),
  child: () => consoleLogger,
}
