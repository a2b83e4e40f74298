import { type Address, address, type Network, type PeerId, type Signer, silentLogger, silentMetrics } from '@stead/core'
import {
  MarketPayer,
  MarketProvider,
  marketPayerOptionsSchema,
  marketProviderOptionsSchema,
  OfferBook,
  offerBookOptionsSchema,
} from '@stead/market'
import { createSigner, loadSecp256k1, peerIdOfPublicKey, type Secp256k1 } from '@stead/protocol'
import {
  answerShares,
  Caretaker,
  type CaretakerInput,
  createErasureKernel,
  createFrameCipher,
  deskOfOwner,
  type ErasureKernel,
  type FrameCipher,
  HolderReach,
  loadPairHasher,
  type NetworkSegments,
  type PairHasher,
  PieceLog,
  pieceLogOptionsSchema,
  type SegmentProfile,
  SegmentReader,
  SHARES_LIMITS,
  SHARES_PROTOCOL,
  StorageConsumer,
  StorageProvider,
  type StorageProviderInput,
} from '@stead/storage'
import {
  ManualClock,
  MemoryChain,
  MemoryDisk,
  MemoryHub,
  MemoryLedger,
  MemoryStore,
  SeededRandom,
} from '@stead/testkit'
import type { MemoryAdjudicator } from './memory-adjudicator.ts'

const secp256k1: Secp256k1 = await loadSecp256k1()
const hasher: PairHasher = await loadPairHasher()
const kernel: ErasureKernel = createErasureKernel()
const cipher: FrameCipher = createFrameCipher()
const ACCOUNT: Address = address(`0x${'aa'.repeat(20)}`)
const CARE_ACCOUNT: Address = address(`0x${'cc'.repeat(20)}`)
const MIB = 1024 * 1024
/** So many neighbours to both sides: a network that no death parts. */
const NEIGHBOURS = 6
const PROFILE: SegmentProfile = { dataPieces: 4, pieces: 12, enough: 9 }

function keyOf(number: number): { readonly signer: Signer; readonly peer: PeerId } {
  const signer = createSigner(secp256k1, new Uint8Array(32).fill(number))
  return { signer, peer: peerIdOfPublicKey(signer.publicKey) }
}

/** A node that sells storage. */
export interface SellingNode {
  readonly peer: PeerId
  readonly node: Address
  readonly operator: Address
  readonly disk: MemoryDisk
  readonly store: MemoryStore
  readonly market: MarketProvider
  readonly storage: StorageProvider
}

/** What a payer that stores has. */
export interface StoringPayer {
  readonly market: MarketPayer
  readonly consumer: StorageConsumer
  readonly segments: NetworkSegments
}

/** A caretaker that runs. */
export interface RunningCaretaker {
  readonly caretaker: Caretaker
  readonly peer: PeerId
  readonly node: Address
  readonly market: MarketPayer
  readonly sold: MarketProvider
  readonly store: MemoryStore
  readonly offers: OfferBook
}

/** How a node differs from the others. */
export interface SellingOptions {
  readonly operator?: Address
  readonly decorate?: (network: Network) => Network
  readonly capacityBytes?: number
  readonly storage?: StorageProviderInput
}

/** Many nodes that sell storage and one payer, over simulated ports. */
export class NetworkWorld {
  readonly clock: ManualClock = new ManualClock({ turnsPerStep: 400 })
  readonly random: SeededRandom = new SeededRandom(7)
  readonly hub: MemoryHub
  readonly ledger: MemoryLedger
  readonly sellers: SellingNode[] = []
  payerStore: MemoryStore = new MemoryStore()
  careStore: MemoryStore = new MemoryStore()
  /** Put between the caretaker and its network; set it before it starts. */
  decorateCaretaker: (network: Network) => Network = (network) => network
  decoratePayer: (network: Network) => Network = (network) => network
  /** Whether the payer wants each piece in a place of its own; set it before it starts. */
  hasDistinctSubnets = false
  /** Where nodes with stake are asked; set it before the payer starts. @default nowhere */
  court: MemoryAdjudicator | undefined
  readonly #profile: SegmentProfile
  readonly #dead: Set<PeerId> = new Set()
  #payer: StoringPayer | undefined

  constructor(profile: SegmentProfile = PROFILE) {
    this.#profile = profile
    this.hub = new MemoryHub({ clock: this.clock, random: this.random.fork() })
    this.hub.setDefaultLink({ latencyMs: 20, jitterMs: 10 })
    this.ledger = new MemoryLedger({ clock: this.clock, secp256k1 })
    for (const account of [ACCOUNT, CARE_ACCOUNT])
      this.ledger.give(account, { dollarMicroUsd: 1_000_000_000n, gasWei: 10n ** 20n })
  }

  static async of(count: number, profile: SegmentProfile = PROFILE): Promise<NetworkWorld> {
    const world = new NetworkWorld(profile)
    for (let number = 0; number < count; number++) await world.addSeller()
    await world.startPayer()
    return world
  }

  get payer(): StoringPayer {
    if (this.#payer === undefined) throw new TypeError('no payer runs')
    return this.#payer
  }

  /** Of the payer's machine. */
  get payerPeer(): PeerId {
    return keyOf(200).peer
  }

  /** Of somebody who has nothing to do with anybody. */
  get strangerPeer(): PeerId {
    return keyOf(230).peer
  }

  async addSeller({
    operator: given,
    decorate,
    capacityBytes = 256 * MIB,
    storage: options = {},
  }: SellingOptions = {}): Promise<SellingNode> {
    const number = this.sellers.length + 1
    const { signer, peer } = keyOf(number)
    const operator = given ?? address(`0x${number.toString(16).padStart(2, '0').repeat(20)}`)
    const plain = this.hub.createNode(peer)
    await plain.start()
    const network = decorate?.(plain) ?? plain
    const chain = new MemoryChain(this.ledger, operator)
    await chain.start()
    const [disk, store] = [new MemoryDisk(), new MemoryStore()]
    const parts = { ...this.#parts(signer), network, store }
    const { identity } = this.ledger
    const market = new MarketProvider({ ...parts, chain }, marketProviderOptionsSchema.parse({ operator }))
    await market.start()
    const pieces = new PieceLog(
      { ...parts, disk, hasher },
      pieceLogOptionsSchema.parse({ capacityBytes, keepFreeBytes: 0, fileBytesMax: 8 * MIB }),
    )
    await pieces.start()
    const storage = new StorageProvider({ ...parts, market, pieces, identity }, { runwaySecondsMin: 3600, ...options })
    await storage.start()
    const offers = new OfferBook({ ...parts, identity }, offerBookOptionsSchema.parse({}))
    await offers.start()
    offers.publish({ resource: 'storage', signer, operator, region: '-', terms: () => storage.offerTerms() })
    const seller = { peer, node: signer.address, operator, disk, store, market, storage }
    this.sellers.push(seller)
    for (const other of this.sellers.slice(-1 - NEIGHBOURS, -1)) await this.within(plain.connect(other.peer, 5000))
    return seller
  }

  /** A node that looks after what payers keep; a seller of storage as well. */
  async startCaretaker(store: MemoryStore = this.careStore, options: CaretakerInput = {}): Promise<RunningCaretaker> {
    this.careStore = store
    const { signer, peer } = keyOf(220)
    const network = this.decorateCaretaker(this.hub.createNode(peer))
    await network.start()
    const { identity } = this.ledger
    const parts = { ...this.#parts(signer), network, store }
    const operator = address(`0x${'ca'.repeat(20)}`)
    const [buyerChain, sellerChain] = [
      new MemoryChain(this.ledger, CARE_ACCOUNT),
      new MemoryChain(this.ledger, operator),
    ]
    await buyerChain.start()
    await sellerChain.start()
    const market = new MarketPayer({ ...parts, chain: buyerChain }, marketPayerOptionsSchema.parse({}))
    await market.start()
    const sold = new MarketProvider({ ...parts, chain: sellerChain }, marketProviderOptionsSchema.parse({ operator }))
    await sold.start()
    const offers = new OfferBook({ ...parts, identity }, offerBookOptionsSchema.parse({}))
    await offers.start()
    for (const seller of this.#living().slice(0, NEIGHBOURS)) await this.within(network.connect(seller.peer, 5000))
    const caretaker = new Caretaker({ ...parts, market, sold, offers, hasher, identity, cipher, kernel }, options)
    await caretaker.start()
    offers.publish({ resource: 'care', signer, operator, region: '-', terms: () => caretaker.offerTerms() })
    return { caretaker, peer, node: signer.address, market, sold, store, offers }
  }

  /** Ends the caretaker's process, and starts another one on its disk. */
  async restartCaretaker(options: CaretakerInput = {}): Promise<RunningCaretaker> {
    this.hub.kill(keyOf(220).peer)
    if (!this.careStore.isCrashed) this.careStore.crash()
    return await this.startCaretaker(this.careStore.reopen(), options)
  }

  /** The payer's machine is closed. */
  async closePayer(): Promise<void> {
    this.hub.kill(keyOf(200).peer)
    if (!this.payerStore.isCrashed) this.payerStore.crash()
    await this.clock.settle()
  }

  #living(): readonly SellingNode[] {
    return this.sellers.filter(({ peer, store }) => !this.#dead.has(peer) && !store.isCrashed)
  }

  async startPayer(mayBegin = true): Promise<void> {
    this.#payer = await this.#openPayer(200, this.payerStore, mayBegin)
  }

  /** Another machine that pays for what it keeps itself. */
  async addMachine(): Promise<StoringPayer> {
    return await this.#openPayer(202, new MemoryStore(), false)
  }

  /** Somebody who is no payer of any of the nodes. */
  async addReader(): Promise<NetworkSegments> {
    return (await this.#openPayer(201, new MemoryStore())).segments
  }

  /** Reads what others pay for: no account, no offers, nothing but a way to the nodes. @param owner who is asked for what was repaired */
  async addStranger(owner: NetworkSegments): Promise<{ readonly network: Network; readonly segments: SegmentReader }> {
    const { signer, peer } = keyOf(202)
    const network = this.hub.createNode(peer)
    await network.start()
    const desk = this.hub.createNode(keyOf(203).peer)
    await desk.start()
    desk.handle(SHARES_PROTOCOL, SHARES_LIMITS, (request) =>
      answerShares(request, { places: (segment) => owner.places(segment) }),
    )
    for (const other of this.sellers) await this.within(network.connect(other.peer, 5000))
    await this.within(network.connect(desk.self, 5000))
    const sealing = { cipher, hasher, kernel, identity: this.ledger.identity }
    const reach = new HolderReach({ network, clock: this.clock })
    const parts = { ...this.#parts(signer), network, reach, ...sealing }
    const { places } = deskOfOwner(parts, { owner: desk.self })
    return { network, segments: new SegmentReader(parts, { hedgeAfterMs: 400, awayWaitMs: 60_000 }, places) }
  }

  async #openPayer(key: number, store: MemoryStore, mayBegin = true): Promise<StoringPayer> {
    const { signer, peer } = keyOf(key)
    const network = this.decoratePayer(this.hub.createNode(peer))
    await network.start()
    const chain = new MemoryChain(this.ledger, ACCOUNT)
    await chain.start()
    const parts = { ...this.#parts(signer), network, store }
    const { identity } = this.ledger
    const market = new MarketPayer({ ...parts, chain }, marketPayerOptionsSchema.parse({}))
    await market.start()
    const offers = new OfferBook({ ...parts, identity }, offerBookOptionsSchema.parse({}))
    await offers.start()
    for (const seller of this.sellers)
      if (!this.#dead.has(seller.peer) && !seller.store.isCrashed && network.peers().length < 2 * NEIGHBOURS)
        await this.within(network.connect(seller.peer, 5000))
    const consumer = new StorageConsumer(
      {
        ...parts,
        market,
        offers,
        hasher,
        identity,
        cipher,
        kernel,
        mayBegin: async () => mayBegin,
        hasLostBooks: !mayBegin,
        ...this.#courtOf(),
      },
      { hasDistinctSubnets: this.hasDistinctSubnets, lostAfterMs: 2 * 3_600_000 },
      this.#profile,
    )
    await consumer.start()
    return { market, consumer, segments: consumer.segments }
  }

  #courtOf(): Pick<ConstructorParameters<typeof StorageConsumer>[0], 'court'> {
    const { court } = this
    if (court === undefined) return {}
    const operatorOf = async (): Promise<Address> => ACCOUNT
    return { court: { adjudicator: court.of(ACCOUNT), chain: { operatorOf, blockTime: async () => court.now() } } }
  }

  /** @param store what the next process finds, where its disk is another one */
  async restartPayer(store?: MemoryStore): Promise<void> {
    this.hub.kill(keyOf(200).peer)
    if (!this.payerStore.isCrashed) this.payerStore.crash()
    this.payerStore = store ?? this.payerStore.reopen()
    await this.startPayer(store === undefined)
    await this.clock.settle()
  }

  kill(seller: SellingNode): void {
    this.#dead.add(seller.peer)
    this.hub.kill(seller.peer)
    seller.store.crash()
    seller.disk.crash()
  }

  /** Resolves a call that waits for timers, by letting time pass. */
  async within<Result>(call: Promise<Result>, limitMs = 120_000, stepMs = 20): Promise<Result> {
    let isDone = false
    const done = (): void => {
      isDone = true
    }
    call.then(done, done)
    await this.clock.settle()
    for (let passed = 0; !isDone && passed < limitMs; passed += stepMs) await this.clock.advance(stepMs)
    if (!isDone) throw new Error(`not done within ${limitMs} simulated ms`)
    return await call
  }

  #parts(signer: Signer): {
    clock: ManualClock
    random: SeededRandom
    signer: Signer
    secp256k1: Secp256k1
    logger: typeof silentLogger
    metrics: typeof silentMetrics
  } {
    const { clock } = this
    return { clock, random: this.random.fork(), signer, secp256k1, logger: silentLogger, metrics: silentMetrics }
  }
}
