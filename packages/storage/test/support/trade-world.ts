import {
  type Address,
  address,
  type Hash,
  hash,
  type MicroUsd,
  microUsd,
  type Network,
  type PeerId,
  type Signer,
  silentLogger,
  silentMetrics,
} from '@stead/core'
import {
  MarketPayer,
  MarketProvider,
  marketPayerOptionsSchema,
  marketProviderOptionsSchema,
  type PayerChannel,
} from '@stead/market'
import { createSigner, loadSecp256k1, type Offer, peerIdOfPublicKey, type Secp256k1 } from '@stead/protocol'
import {
  AgreementDriver,
  BLOCK_BYTES,
  loadPairHasher,
  type PairHasher,
  PieceLog,
  ProofTree,
  pieceLogOptionsSchema,
  type SetPiece,
  StorageProvider,
  type StorageProviderInput,
  storageNeedSchema,
  storageTermsSchema,
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
import { agreementNumber } from '../../src/agreement/agreement.ts'
import { PIECES_TABLE, partsOf, pieceRowSchema } from '../../src/pieces/piece-rows.ts'
import { logNameOf } from '../../src/provider/log-name.ts'

const secp256k1: Secp256k1 = await loadSecp256k1()
export const hasher: PairHasher = await loadPairHasher()
const OPERATOR: Address = address(`0x${'0f'.repeat(20)}`)
const ACCOUNT: Address = address(`0x${'aa'.repeat(20)}`)
const MIB = 1024 * 1024

function keyOf(number: number): { readonly signer: Signer; readonly peer: PeerId } {
  const signer = createSigner(secp256k1, new Uint8Array(32).fill(number))
  return { signer, peer: peerIdOfPublicKey(signer.publicKey) }
}

/** A piece that tests can repeat. */
export function pieceOf(number: number, lengthBytes = 4096): SetPiece & { readonly bytes: Uint8Array } {
  const bytes = new SeededRandom(number).bytes(lengthBytes)
  const { root } = ProofTree.of(hasher, bytes)
  return { piece: hash(`0x${number.toString(16).padStart(64, '0')}`), root, lengthBytes, bytes }
}

/** How a world is set up. */
export interface TradeWorldOptions {
  readonly provider?: StorageProviderInput
  readonly capacityBytes?: number
  /** Puts something between the provider and its network. */
  readonly decorate?: (network: Network) => Network
}

/** One payer and one node that sells storage, over simulated ports; both can crash and come back. */
export class TradeWorld {
  readonly clock: ManualClock = new ManualClock({ turnsPerStep: 300 })
  readonly random: SeededRandom = new SeededRandom(1)
  readonly hub: MemoryHub
  readonly ledger: MemoryLedger
  readonly payerKey: ReturnType<typeof keyOf> = keyOf(1)
  readonly nodeKey: ReturnType<typeof keyOf> = keyOf(2)
  readonly #options: TradeWorldOptions
  payerStore: MemoryStore = new MemoryStore()
  nodeStore: MemoryStore = new MemoryStore()
  disk: MemoryDisk = new MemoryDisk()
  #lives = 0
  #agreements = 0
  #step: Promise<void> = Promise.resolve()
  #payer: { readonly market: MarketPayer; readonly network: Network } | undefined
  #node: { readonly market: MarketProvider; readonly pieces: PieceLog; readonly storage: StorageProvider } | undefined

  constructor(options: TradeWorldOptions = {}) {
    this.#options = options
    this.hub = new MemoryHub({ clock: this.clock, random: this.random.fork() })
    this.ledger = new MemoryLedger({ clock: this.clock, secp256k1 })
    this.ledger.give(ACCOUNT, { dollarMicroUsd: 100_000_000n, gasWei: 10n ** 18n })
    this.ledger.give(OPERATOR, { gasWei: 10n ** 18n })
  }

  get payer(): MarketPayer {
    if (this.#payer === undefined) throw new TypeError('no payer runs')
    return this.#payer.market
  }

  get payerNetwork(): Network {
    if (this.#payer === undefined) throw new TypeError('no payer runs')
    return this.#payer.network
  }

  get node(): { readonly market: MarketProvider; readonly pieces: PieceLog; readonly storage: StorageProvider } {
    if (this.#node === undefined) throw new TypeError('no node runs')
    return this.#node
  }

  static async started(options: TradeWorldOptions = {}): Promise<TradeWorld> {
    const world = new TradeWorld(options)
    await world.startNode()
    await world.startPayer()
    return world
  }

  async startNode(): Promise<void> {
    const { signer, peer } = this.nodeKey
    const plain = this.hub.createNode(peer)
    await plain.start()
    const network = this.#options.decorate?.(plain) ?? plain
    const chain = new MemoryChain(this.ledger, OPERATOR)
    await chain.start()
    const parts = { ...this.#parts(signer), network, store: this.nodeStore }
    const market = new MarketProvider(
      { ...parts, chain },
      marketProviderOptionsSchema.parse({ operator: OPERATOR, claimCheckMs: 3_600_000 }),
    )
    await market.start()
    const { capacityBytes = 256 * MIB } = this.#options
    const pieces = new PieceLog(
      { ...parts, disk: this.disk, hasher },
      pieceLogOptionsSchema.parse({ capacityBytes, keepFreeBytes: 0, fileBytesMax: MIB }),
    )
    await pieces.start()
    const storage = new StorageProvider(
      { ...parts, market, pieces, identity: this.ledger.identity },
      { priceMicroUsdPerTibHour: 10n ** 9n, runwaySecondsMin: 60, ...this.#options.provider },
    )
    await storage.start()
    this.#node = { market, pieces, storage }
  }

  async startPayer(): Promise<void> {
    const { signer, peer } = this.payerKey
    const network = this.hub.createNode(peer)
    await network.start()
    const chain = new MemoryChain(this.ledger, ACCOUNT)
    await chain.start()
    const market = new MarketPayer(
      { ...this.#parts(signer), network, store: this.payerStore, chain },
      marketPayerOptionsSchema.parse({}),
    )
    this.#payer = { market, network }
    await market.start()
  }

  async restartNode(kind: 'kill' | 'power' = 'kill'): Promise<void> {
    this.#lives++
    // Time must not pass twice.
    await this.#step
    this.hub.kill(this.nodeKey.peer)
    if (!this.nodeStore.isCrashed) this.nodeStore.crash()
    if (!this.disk.isCrashed) this.disk.crash()
    this.nodeStore = this.nodeStore.reopen(kind)
    this.disk = this.disk.reopen(kind, 0)
    await this.startNode()
    await this.clock.settle()
  }

  async restartPayer(kind: 'kill' | 'power' = 'kill'): Promise<void> {
    this.#lives++
    // Time must not pass twice.
    await this.#step
    this.hub.kill(this.payerKey.peer)
    if (!this.payerStore.isCrashed) this.payerStore.crash()
    this.payerStore = this.payerStore.reopen(kind)
    await this.startPayer()
    await this.clock.settle()
  }

  /** Resolves a call that waits for timers, by letting time pass. */
  async within<Result>(call: Promise<Result>, limitMs = 300_000, stepMs = 50): Promise<Result> {
    const life = this.#lives
    let isDone = false
    const done = (): void => {
      isDone = true
    }
    call.then(done, done)
    await this.clock.settle()
    for (let passed = 0; !isDone && passed < limitMs; passed += stepMs) {
      this.#step = this.clock.advance(stepMs)
      await this.#step
      // Whoever waited in a process that is dead does nothing more.
      if (this.#lives !== life) return await new Promise<Result>(() => undefined)
    }
    if (!isDone) throw new Error(`not done within ${limitMs} simulated ms`)
    return await call
  }

  /** A channel to the node. */
  async channel(allocation: bigint = 10_000_000n): Promise<PayerChannel> {
    const { signer, peer } = this.nodeKey
    const { chainId, escrow } = this.ledger.identity
    const offer: Offer = {
      version: 1,
      node: signer.address,
      operator: OPERATOR,
      resource: 'storage',
      chainId,
      escrow,
      region: '-',
      sequence: 1,
      issuedAt: this.clock.now(),
      expiresAt: this.clock.now(),
      terms: this.node.storage.offerTerms() ?? new Uint8Array(0),
    }
    const need = storageNeedSchema.encodeDocument({ version: 1, bytes: MIB, pieceBytes: MIB })
    const provider = { offer, peer, signed: { document: new Uint8Array(0), signature: new Uint8Array(65) } }
    const answers = await this.within(
      this.payer.quotes({ resource: 'storage', need, providers: [provider], timeoutMs: 5000 }),
    )
    const [answer] = answers
    if (answer?.kind !== 'quote')
      throw new Error(`no quote: ${answer?.kind === 'refusal' ? answer.refusal.message : answer?.kind}`)
    const share = { quote: answer.opened, allocationMicroUsd: microUsd(allocation) }
    const { channels, refused } = await this.within(this.payer.openChannels([share]))
    const [channel] = channels
    if (channel === undefined) throw refused[0]?.error ?? new Error('no channel')
    return channel
  }

  /** An agreement that both sides have signed. */
  async agreement(channel: PayerChannel): Promise<AgreementDriver> {
    const terms = storageTermsSchema.decodeDocument(channel.quote.terms)
    const driver = await AgreementDriver.draft(this.driverParts(), channel, {
      ...terms,
      ...this.ledger.identity,
      number: agreementNumber(this.#agreements++),
    })
    await this.within(driver.open(channel))
    return driver
  }

  driverParts(): ConstructorParameters<typeof AgreementDriver>[0] {
    const { signer } = this.payerKey
    return { ...this.#parts(signer), network: this.payerNetwork, market: this.payer, store: this.payerStore }
  }

  async keep(driver: AgreementDriver, channel: PayerChannel, ...pieces: ReturnType<typeof pieceOf>[]): Promise<void> {
    // Some of them in parts.
    const options = { partBytesMax: BLOCK_BYTES }
    for (const { bytes, ...piece } of pieces) await this.within(driver.put(piece, bytes, options))
    const add = pieces.map(({ bytes: _bytes, ...piece }) => piece)
    await this.within(driver.agree(channel, { add }))
  }

  /** The node's disk forgets what a piece was. */
  async rot(agreement: Hash, piece: Hash): Promise<void> {
    const row = await this.nodeStore.get(PIECES_TABLE, logNameOf(agreement, piece))
    if (row === undefined) throw new Error('there is no such piece')
    const kept = pieceRowSchema.decodeDocument(row)
    for (const { file, atByte, lengthBytes } of kept.parts === undefined ? [kept] : partsOf(kept))
      for (let place = 200; place < lengthBytes; place += 4096)
        this.disk.rot(`${String(file).padStart(8, '0')}.log`, atByte + place)
  }

  async pieceCount(): Promise<number> {
    return (await this.nodeStore.scan(PIECES_TABLE)).length
  }

  /** What the node has signed receipts for. */
  async earned(): Promise<MicroUsd> {
    await this.within(this.payer.settle())
    const receipts = await this.node.market.receipts({})
    const last = new Map(receipts.map(({ increment }) => [increment.channel, increment.deliveredMicroUsd] as const))
    return microUsd(Array.from(last.values()).reduce((sum, delivered) => sum + delivered, 0n))
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
      logger: silentLogger,
      metrics: silentMetrics,
    }
  }
}
