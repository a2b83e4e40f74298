import { BlobExchange, ComputeConsumer, ComputeProvider } from '@stead/compute'
import {
  type Address,
  hasCode,
  type LogFields,
  messageOf,
  type Network,
  type PeerId,
  type Signer,
  type Size,
  type Store,
  silentMetrics,
} from '@stead/core'
import type { EpochService } from '@stead/epochs'
import {
  MarketPayer,
  type MarketPayerInput,
  MarketProvider,
  marketPayerOptionsSchema,
  marketProviderOptionsSchema,
  OfferBook,
  offerBookOptionsSchema,
} from '@stead/market'
import type { CaretakerInput, StorageProviderComponents } from '@stead/storage'
import { decorated, type LedgerView, MemoryChain, MemoryDisk, MemoryStore, type SeededRandom } from '@stead/testkit'
import { attack } from '../byzantine/attacker.ts'
import { careCheatOf } from '../byzantine/care-cheats.ts'
import { careLyingStore } from '../byzantine/care-network.ts'
import { attackOf, type CheatName } from '../byzantine/cheats.ts'
import { attackEpochs, type EpochLiar } from '../byzantine/epoch-attacker.ts'
import { epochCheatOf } from '../byzantine/epoch-cheats.ts'
import { type BendableParts, lyingParts } from '../byzantine/lying-parts.ts'
import { type ClockFaults, SimClock } from '../engine/sim-clock.ts'
import type { EpochDuties } from './epoch-duties.ts'
import { type LiveCaretaker, openNodeCaretaker } from './node-care.ts'
import { economyOf, type NodeAccount, openNodeEpochs } from './node-epochs.ts'
import {
  type LiveStorageBuyer,
  type LiveStorageProvider,
  openStorageBuyer,
  openStorageProvider,
} from './node-storage.ts'
import { type ChainFaults, SimChain } from './sim-chain.ts'
import { SimDisk } from './sim-disk.ts'
import { SimExecutor } from './sim-executor.ts'
import type { Place } from './sim-hub.ts'
import { simLogger } from './sim-logger.ts'
import { type DiskFaults, SimStore } from './sim-store.ts'
import type { StorageDuties } from './storage-duties.ts'
import { watchedNetwork } from './watched-network.ts'
import type { WorldParts } from './world-parts.ts'

/** Who a node is; fixed for the whole run. */
export interface NodePlan {
  readonly name: string
  readonly role: 'payer' | 'provider'
  readonly signer: Signer
  readonly peer: PeerId
  /** Who is paid; the account that claims. */
  readonly operator: Address
  readonly place: Place
  readonly clock: ClockFaults
  readonly concurrency: number
  readonly priceMicroUsdPerGigafuel: number
  /** A provider's limits of credit; small, so that a run of minutes comes to them. */
  readonly creditStartMicroUsd: bigint
  readonly writeOffMaxMicroUsd: bigint
  /** What a provider waits for before it claims. */
  readonly claimMinimumMicroUsd: bigint
  /** What it takes a whole coin of the chain for, in which gas is paid. */
  readonly nativeCoinMicroUsd: bigint
  /** How it cheats; undefined for a node that keeps to the protocol. */
  readonly cheat: CheatName | undefined
  /** Its bond and what it does in epochs; undefined for a node that takes no part in them. */
  readonly epochs: EpochDuties | undefined
  /** How it sells or buys storage; undefined in a world without. */
  readonly storage: StorageDuties | undefined
  /** How it looks after what others keep; undefined for a node that does not. */
  readonly care: CaretakerInput | undefined
  /** Nodes that cheat in the same way and know of each other, this one among them. */
  readonly gang: ReadonlySet<PeerId>
}

/** The account that sends a node's transactions and pays for their gas. */
export function accountOf({ role, signer, operator }: NodePlan): Address {
  return role === 'payer' ? signer.address : operator
}

/** What can be wrong with one node now. */
export interface NodeFaults {
  readonly disk: DiskFaults
  readonly chain: ChainFaults
}

/** The buying side of a node that lives. */
export interface LivePayer {
  readonly market: MarketPayer
  readonly compute: ComputeConsumer
  readonly blobs: BlobExchange
  readonly offers: OfferBook
  /** Undefined in a world without storage, and until it is up. */
  storage?: LiveStorageBuyer
}

/** The selling side of a node that lives. */
export interface LiveProvider {
  readonly market: MarketProvider
  readonly compute: ComputeProvider
  /** Undefined in a world without storage, and until it is up. */
  storage?: LiveStorageProvider
  /** Undefined for who sells no care, and until it is up. */
  care?: LiveCaretaker
}

/** One life of a node: from its start to its crash. */
interface Life {
  readonly clock: SimClock
  readonly payer: LivePayer | undefined
  readonly provider: LiveProvider | undefined
  readonly blobs: BlobExchange
  readonly offers: OfferBook
  epochs: EpochService | undefined
}

/** What each side of storage has of its own. */
type OwnToSide = 'market' | 'offers' | 'identity' | 'pieces'

/** What a disk says that the world has spoilt. */
const DISK_FAULTS = ['STORE_FAILED', 'STORE_FULL', 'STORE_CORRUPT'] as const
const ROT_MESSAGES: readonly string[] = [
  'a piece is not any more what was stored',
  'a part of the piece logs cannot be read',
]
/** Of what a loss of power may take from the files of pieces, a part stays for each unforced write that survives. */
const SURVIVING_STEPS = 4
/** How fuel becomes simulated time: a slow core. */
const FUEL_PER_MS = 200
/** A thaw of the simulated chain takes {@link THAW_SECONDS}, and claims go out this long before its end. */
const THAW_MARGIN_MS = 200_000
/** Long enough for an outage, short enough for a run. */
export const THAW_SECONDS = 300
/** Forks of the simulated chain undo a few blocks, and endpoints are a minute behind. */
const FINAL_AFTER_MS = 180_000
/** Money comes home within a run of minutes. */
const PURSES: MarketPayerInput = {
  finalAfterMs: FINAL_AFTER_MS,
  purseCheckMs: 30_000,
  purseIdleMs: 120_000,
  purseMinimumMicroUsd: 1_000n,
}
/** So few that in worlds of half an hour some must give way. */
const CHANNELS_PER_PAYER_MAX = 24

/**
 * A node of the simulated world: the real market and compute over simulated ports. It dies without a word, at any await,
 * and comes back with what its disk has.
 */
export class SimNode {
  readonly plan: NodePlan
  readonly #parts: WorldParts
  readonly #faults: () => NodeFaults
  readonly #view: () => LedgerView
  readonly #onBug: (what: string) => void
  #store = new MemoryStore()
  #disk = new MemoryDisk()
  #life: Life | undefined
  #lives = 0
  #powerLosses = 0
  #wallJumps = 0
  #rottenPieces = 0
  #equivocatedMs: number | undefined

  constructor(
    parts: WorldParts,
    plan: NodePlan,
    on: {
      readonly faults: () => NodeFaults
      /** What the chain looks like from here, asked for each question. */
      readonly view: () => LedgerView
      readonly onBug: (what: string) => void
    },
  ) {
    this.#parts = parts
    this.plan = plan
    this.#faults = on.faults
    this.#view = on.view
    this.#onBug = on.onBug
    parts.hub.setPlace(plan.peer, plan.place)
  }

  /** Keeps to the protocol; rules are about such nodes. */
  get isHonest(): boolean {
    return this.plan.cheat === undefined
  }

  /** How often it lost what its disk was not forced to keep. */
  get powerLosses(): number {
    return this.#powerLosses
  }

  /** How often its wall clock was moved. */
  get wallJumps(): number {
    return this.#wallJumps
  }

  /** When it said two things for one slot the last time, in simulated time; undefined for who never did. */
  get equivocatedMs(): number | undefined {
    return this.#equivocatedMs
  }

  /** Bits of its pieces that rotted. */
  get rottenPieces(): number {
    return this.#rottenPieces
  }

  /** A bit of what it keeps for others flips, for good; false where it keeps nothing. */
  rotPiece(fraction: () => number): boolean {
    const files = [...this.#disk.files].filter(([, bytes]) => bytes.length > 0)
    const [name, bytes] = files[Math.floor(fraction() * files.length)] ?? []
    if (name === undefined || bytes === undefined) return false
    this.#disk.rot(name, Math.floor(fraction() * bytes.length))
    this.#rottenPieces++
    return true
  }

  get isAlive(): boolean {
    return this.#life !== undefined
  }

  /** How often it was started. */
  get lives(): number {
    return this.#lives
  }

  get payer(): LivePayer | undefined {
    return this.#life?.payer
  }

  get provider(): LiveProvider | undefined {
    return this.#life?.provider
  }

  get epochs(): EpochService | undefined {
    return this.#life?.epochs
  }

  /** Timers that wait, and rows on its disk: what must not grow without end. */
  sizes(): { readonly timers: number; readonly rows: number } {
    return { timers: this.#life?.clock.pendingTimers ?? 0, rows: this.#store.rowCount }
  }

  get account(): Address {
    return accountOf(this.plan)
  }

  /** What its code says that it holds in memory, structure by structure. */
  structures(): readonly Size[] {
    const { payer, provider, blobs, offers } = this.#life ?? {}
    // Asking a seller's book would make it listen for what it does not need.
    const offersHeld = payer === undefined ? undefined : offers?.list('compute').length
    return [
      { what: 'offers', have: offersHeld ?? 0, max: this.#parts.offersMax },
      ...(blobs?.sizes() ?? []),
      ...(payer?.market.sizes() ?? []),
      ...(payer?.compute.sizes() ?? []),
      ...(provider?.market.sizes() ?? []),
      ...(provider?.compute.sizes() ?? []),
      ...(provider?.storage?.storage.sizes() ?? []),
      ...(provider?.care?.market.sizes() ?? []),
      ...(provider?.care?.caretaker.sizes() ?? []),
    ]
  }

  /** The disk, for faults at a certain write. */
  get store(): MemoryStore {
    return this.#store
  }

  /** The disk on which it keeps pieces for others; empty in a world without storage. */
  get disk(): MemoryDisk {
    return this.#disk
  }

  /** Starts the process; resolves when everything is up. Starting may fail when disk or chain do. */
  async start(): Promise<void> {
    const { scheduler, streams, ledger, hub, secp256k1, offerReader, executor, tally, conversations } = this.#parts
    const { name, peer, operator, role, signer, clock: clockFaults } = this.plan
    this.#lives++
    const clock = new SimClock(scheduler, clockFaults)
    const random = streams.stream(`${name} life ${this.#lives}`)
    const logger = simLogger(this.#parts, name, (message, fields) => this.#report(message, fields))
    const disk = { inner: this.#store, clock, random: random.fork(), tally }
    const store: Store = new SimStore(disk, () => this.#faults().disk)
    const runs = new SimExecutor({ executor, clock }, ({ input }) => 1 + (input.length * 1000) / FUEL_PER_MS)
    const wire = hub.createNode(peer)
    const listened = decorated<Network>(wire, { request: conversations.listen(wire) })
    const straight = { network: listened, executor: runs, clock, signer }
    const parts = this.#bent(straight, random)
    const { network } = parts
    const account = this.#account(this.account, clock, random)
    const { chain } = account
    const common = { clock, random, logger, metrics: silentMetrics, store, network, chain, signer, secp256k1 }
    const blobs = new BlobExchange(common)
    const offers = new OfferBook(
      { ...common, offerReader, identity: ledger.identity },
      offerBookOptionsSchema.parse({ offersPerResourceMax: this.#parts.offersMax }),
    )
    const byHand = attackOf(this.plan.cheat)
    const payer = role === 'payer' && byHand === undefined ? this.#payer({ ...common, blobs, offers }) : undefined
    const provider = role === 'provider' ? this.#provider({ ...common, blobs, executor: parts.executor }) : undefined
    const life: Life = { clock, payer, provider, blobs, offers, epochs: undefined }
    this.#life = life
    await network.start()
    await chain.start()
    await blobs.start()
    await provider?.market.start()
    await provider?.compute.start()
    await payer?.market.start()
    await offers.start()
    if (provider !== undefined) {
      const terms = () => provider.compute.offerTerms()
      offers.publish({ resource: 'compute', signer, operator, region: '-', terms })
    }
    await payer?.compute.start()
    if (this.plan.storage !== undefined) await this.#startStorage(life, common, this.plan.storage)
    if (this.plan.care !== undefined) await this.#startCare(life, { ...common, random }, this.plan.care)
    if (this.plan.epochs !== undefined) {
      const node = this.#account(signer.address, clock, random)
      await node.chain.start()
      life.epochs = await openNodeEpochs({ ...common, offers, node, operator: account }, this.plan.epochs)
      life.epochs.start()
      this.#cheatInEpochs({ ...common, service: life.epochs, chain, economy: economyOf(account) })
    }
    if (byHand !== undefined) void attack(byHand, { ...common, blobs, offers }, this.#telling())
  }

  /** A person or a time server moves its wall clock. */
  jumpWall(byMs: number): void {
    this.#wallJumps++
    this.#life?.clock.jumpWall(byMs)
  }

  /** Its wall clock is set right. */
  mendWall(): void {
    this.#life?.clock.mendWall()
  }

  /** The process is gone. What its disk keeps depends on how. */
  crash(kind: 'kill' | 'power', unforcedSurvivors: number): void {
    if (this.#life === undefined) return
    if (kind === 'power') this.#powerLosses++
    this.#life.clock.die()
    this.#life = undefined
    this.#parts.hub.kill(this.plan.peer)
    if (!this.#store.isCrashed) this.#store.crash()
    this.#store = this.#store.reopen(kind, unforcedSurvivors)
    if (!this.#disk.isCrashed) this.#disk.crash()
    this.#disk = this.#disk.reopen(kind, unforcedSurvivors / SURVIVING_STEPS)
  }

  async #startStorage(
    { payer, provider, offers, clock }: Life,
    parts: Omit<Parameters<typeof openStorageBuyer>[0] & StorageProviderComponents, OwnToSide>,
    { selling, secret }: StorageDuties,
  ): Promise<void> {
    const { tally, ledger } = this.#parts
    const { name, signer, operator } = this.plan
    const { identity } = ledger
    const kit = this.#parts.storage()
    if (payer !== undefined)
      payer.storage = await openStorageBuyer({ ...parts, market: payer.market, offers, identity }, kit, secret)
    if (provider === undefined) return
    const random = this.#parts.streams.stream(`${name} pieces ${this.#lives}`)
    const disk = new SimDisk({ inner: this.#disk, clock, random, tally }, () => this.#faults().disk)
    const market = this.#parts.witness.watch(name, provider.market)
    provider.storage = await openStorageProvider({ ...parts, market, identity, disk }, kit, selling)
    const { storage } = provider.storage
    offers.publish({ resource: 'storage', signer, operator, region: '-', terms: () => storage.offerTerms() })
  }

  async #startCare(
    { provider, offers, clock }: Life,
    parts: Omit<Parameters<typeof openNodeCaretaker>[0], OwnToSide | 'sold'> & { readonly random: SeededRandom } & Omit<
        ConstructorParameters<typeof MarketPayer>[0],
        'chain'
      >,
    options: CaretakerInput,
  ): Promise<void> {
    if (provider === undefined) return
    const { name, signer, operator } = this.plan
    const { chain } = this.#account(signer.address, clock, parts.random)
    await chain.start()
    const market = new MarketPayer({ ...parts, chain }, marketPayerOptionsSchema.parse(PURSES))
    await market.start()
    const sold = this.#parts.witness.watch(name, provider.market)
    const { identity } = this.#parts.ledger
    const store = careLyingStore(parts.store, careCheatOf(this.plan.cheat))
    const all = { ...parts, market, sold, offers, identity, store }
    const care = await openNodeCaretaker(all, this.#parts.storage(), options)
    provider.care = care
    offers.publish({ resource: 'care', signer, operator, region: '-', terms: () => care.caretaker.offerTerms() })
  }

  #cheatInEpochs(liar: Omit<EpochLiar, 'onEquivocation'>): void {
    const cheat = epochCheatOf(this.plan.cheat)
    if (cheat === undefined) return
    const onEquivocation = (): void => {
      this.#equivocatedMs = this.#parts.scheduler.nowMs
    }
    void attackEpochs(cheat, { ...liar, onEquivocation }, this.#telling())
  }

  /** An account on the chain, through this node's endpoint. */
  #account(account: Address, clock: SimClock, random: SeededRandom): NodeAccount {
    const { ledger, hub, trace, scheduler } = this.#parts
    const inner = new MemoryChain(ledger, account, this.#view)
    const tell = (what: string): void => trace.tell(scheduler.nowMs, this.plan.name, what)
    const components = { inner, clock, worldClock: hub.clock, random: random.fork(), tell }
    return { inner, chain: new SimChain(components, () => this.#faults().chain) }
  }

  #payer(
    parts: ConstructorParameters<typeof MarketPayer>[0] &
      Omit<ConstructorParameters<typeof ComputeConsumer>[0], 'market'>,
  ): LivePayer {
    const market = new MarketPayer(parts, marketPayerOptionsSchema.parse(PURSES))
    const compute = new ComputeConsumer({ ...parts, market }, { providersPerJobMax: 8, stallTimeoutMs: 120_000 })
    return {
      market,
      compute: this.#parts.jobs.watch(this.plan.name, compute),
      blobs: parts.blobs,
      offers: parts.offers,
    }
  }

  #provider(
    parts: ConstructorParameters<typeof MarketProvider>[0] &
      Omit<ConstructorParameters<typeof ComputeProvider>[0], 'market'>,
  ): LiveProvider {
    const { name, operator, concurrency, priceMicroUsdPerGigafuel, creditStartMicroUsd, writeOffMaxMicroUsd } =
      this.plan
    const credit = { creditStartMicroUsd, writeOffMaxMicroUsd }
    const claims = {
      claimMinimumMicroUsd: this.plan.claimMinimumMicroUsd,
      nativeCoinMicroUsd: this.plan.nativeCoinMicroUsd,
      claimCheckMs: 30_000,
      claimRetryMaxMs: 20_000,
    }
    const options = {
      operator,
      ...credit,
      ...claims,
      thawMarginMs: THAW_MARGIN_MS,
      finalAfterMs: FINAL_AFTER_MS,
      channelsPerPayerMax: CHANNELS_PER_PAYER_MAX,
    }
    const market = new MarketProvider(parts, marketProviderOptionsSchema.parse(options))
    const price = { priceMicroUsdPerGigafuel, minimumMicroUsdPerTask: 1 + (priceMicroUsdPerGigafuel % 7) }
    const watched = this.#parts.witness.watch(name, market)
    const compute = new ComputeProvider({ ...parts, market: watched }, { concurrency, ...price })
    return { market, compute }
  }

  /** What the node stands on: watched when it is honest, bent when it is not. */
  #bent(parts: BendableParts, random: SeededRandom): BendableParts {
    const { name, cheat, gang } = this.plan
    const { secp256k1 } = this.#parts
    if (cheat !== undefined) return lyingParts(parts, cheat, { random: random.fork(), secp256k1, gang })
    const network = this.plan.storage === undefined ? parts.network : this.#watched(parts.network)
    return { ...parts, network: watchedNetwork(network, (what) => this.#onBug(`${name} has a fault: ${what}`)) }
  }

  #watched(network: Network): Network {
    const { storageWitness, careWitness } = this.#parts
    return careWitness.watch(storageWitness.watch(network))
  }

  #telling(): Parameters<typeof attack>[2] {
    const { trace, scheduler } = this.#parts
    const { name } = this.plan
    return { tell: (what) => trace.tell(scheduler.nowMs, name, what), onBug: (what) => this.#onBug(`${name}: ${what}`) }
  }

  /** Everything that the code itself takes for a fault of its own; a disk that refuses is a fault of the world's, and a cheat's are its own. */
  #report(message: string, { error, ...fields }: LogFields): void {
    const isOfDisk = DISK_FAULTS.some((code) => fields.code === code || hasCode(error, code))
    // A bit of a piece that flips is told of when it is read.
    const isOfRot = this.#rottenPieces > 0 && ROT_MESSAGES.includes(message)
    if (!this.isHonest || this.#faults().disk.refusedShare > 0 || isOfDisk || isOfRot) return
    const details = Object.entries(fields).map(([key, value]) => ` ${key}=${String(value)}`)
    const cause = error === undefined ? '' : `: ${messageOf(error)}`
    this.#onBug(`${this.plan.name} logged an error: ${message}${details.join('')}${cause}`)
  }
}
