import {
  type Address,
  type Clock,
  type Counter,
  freeMemory,
  type Hash,
  hasCode,
  type IncomingRequest,
  isSteadError,
  type Logger,
  type Metrics,
  messageOf,
  microUsd,
  type Network,
  type Random,
  type Signer,
  type Size,
  type Store,
  type Timer,
} from '@stead/core'
import type { MarketProvider, ReceiptChain, Refusal, SellerQuote, SellerRequest } from '@stead/market'
import { addressOfPeerId, type Secp256k1 } from '@stead/protocol'
import type { Agreement } from '../agreement/agreement.ts'
import { StorageError } from '../errors.ts'
import {
  type AuditAsk,
  type GetBlocks,
  PIECE_BYTES_MAX,
  PIECES_MESSAGE_BYTES_MAX,
  PIECES_PROTOCOL,
  type PutPiece,
  pieceReplySchema,
  pieceRequestSchema,
  STORAGE_MESSAGE_BYTES_MAX,
  STORAGE_PROTOCOL,
  type StorageReply,
  type StorageRequest,
  storageReplySchema,
  storageRequestSchema,
} from '../messages.ts'
import { type StorageProviderInput, type StorageProviderOptions, storageProviderOptionsSchema } from '../options.ts'
import type { PieceLog } from '../pieces/piece-log.ts'
import { RegisterDesk } from '../register/register-desk.ts'
import { ROOTS_MESSAGE_BYTES_MAX, ROOTS_PROTOCOL } from '../register/register-messages.ts'
import { type StorageTerms, storageMismatch, storageNeedSchema, storageTermsSchema } from '../terms.ts'
import { AgreementDesk } from './agreement-desk.ts'
import type { ChallengeAnswer } from './challenge-answer.ts'
import { Leaving, type LeavingProgress } from './leaving.ts'
import { logNameOf } from './log-name.ts'
import { PendingPieces } from './pending-pieces.ts'
import { PieceIntakes } from './piece-intakes.ts'
import { PieceScrub } from './piece-scrub.ts'

/** What a provider stands on. */
export interface StorageProviderComponents {
  readonly network: Network
  readonly market: MarketProvider
  /** Started and stopped by whoever made it. */
  readonly pieces: PieceLog
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly metrics: Metrics
  readonly signer: Signer
  readonly secp256k1: Secp256k1
  readonly identity: ReceiptChain
}

/** What a provider does with new pieces; `stopped` before start and after stop. */
export type StorageProviderState = 'stopped' | 'running' | 'paused' | 'finishing'

/** A provider's state in numbers. */
export interface StorageProviderStatus {
  readonly state: StorageProviderState
  readonly agreements: number
  /** Paid for. */
  readonly agreedBytes: number
  /** On disk and paid for, deleted and not compacted, and shared in all. */
  readonly liveBytes: number
  readonly trashBytes: number
  readonly capacityBytes: number
  /** Undefined while the node stays. */
  readonly leaving: LeavingProgress | undefined
}

/** Messages of one peer that are in work or wait. */
const ASKS_PER_PEER_MAX = 16
/** Messages of pieces of one peer that are in work or wait; each may have a mebibyte. */
const PIECES_PER_PEER_MAX = 4
/** Pieces and parts of all peers that are in memory at once: 16 MiB. */
const WRITES_AT_ONCE_MAX = 16
const HANDLER_TIMEOUT_MS = 120_000
const SWEEP_MS = 60_000

/** Sells storage: takes pieces, agrees on them revision by revision, proves them, and bills proven time. */
export class StorageProvider {
  readonly #components: StorageProviderComponents
  readonly #options: StorageProviderOptions
  readonly #pending: PendingPieces
  readonly #intakes: PieceIntakes
  readonly #desk: AgreementDesk
  readonly #leaving: Leaving
  readonly #registers: RegisterDesk
  readonly #scrub: PieceScrub
  readonly #refused: Counter
  readonly #bytes: Counter
  readonly #audits: Counter
  #state: StorageProviderState = 'stopped'
  #writing = 0
  #timer: Timer | undefined
  #sweeping: Promise<void> = Promise.resolve()

  constructor(components: StorageProviderComponents, options: StorageProviderInput = {}) {
    this.#components = components
    this.#options = Object.freeze(storageProviderOptionsSchema.parse(options))
    this.#pending = new PendingPieces(components, this.#options)
    this.#intakes = new PieceIntakes({ ...components, pending: this.#pending }, this.#options.pendingMs)
    this.#leaving = new Leaving(components)
    const isLeaving = (): boolean => this.#leaving.isLeaving
    this.#desk = new AgreementDesk({ ...components, pending: this.#pending, isLeaving }, this.#options)
    const isPayer = (payer: Address): boolean => this.#desk.hasPayer(payer)
    this.#registers = new RegisterDesk({ ...components, isPayer }, this.#options)
    const onDamaged = (names: readonly Hash[]): void => this.#desk.noteDamaged(names)
    this.#scrub = new PieceScrub({ ...components, onDamaged }, this.#options.scrubMs)
    this.#refused = components.metrics.counter('stead_storage_refused_total', 'Requests that were refused, by reason', [
      'code',
    ])
    this.#audits = components.metrics.counter('stead_storage_audits_total', 'Audits that were answered, by outcome', [
      'outcome',
    ])
    this.#bytes = components.metrics.counter('stead_storage_bytes_total', 'Bytes of pieces by direction', ['direction'])
  }

  /** Reads the agreements, registers with the market and serves. Call it once, after network, market and pieces are up. */
  async start(): Promise<void> {
    const { network, market } = this.#components
    await this.#desk.load()
    await this.#pending.load()
    await this.#desk.giveUpFound()
    await this.#leaving.load()
    await this.#registers.load()
    this.#state = this.#leaving.isLeaving ? 'finishing' : 'running'
    market.sell({
      resource: 'storage',
      terms: () => storageTermsSchema.encodeDocument(this.#terms()),
      quote: (request) => this.#quote(request),
    })
    network.handle(
      STORAGE_PROTOCOL,
      {
        messageBytesMax: STORAGE_MESSAGE_BYTES_MAX,
        inFlightPerPeerMax: ASKS_PER_PEER_MAX,
        handlerTimeoutMs: HANDLER_TIMEOUT_MS,
      },
      (request) => this.#counted(() => this.#serve(request)),
    )
    network.handle(
      PIECES_PROTOCOL,
      {
        messageBytesMax: PIECES_MESSAGE_BYTES_MAX,
        bulk: true,
        lendsPayloads: true,
        inFlightPerPeerMax: PIECES_PER_PEER_MAX,
        handlerTimeoutMs: HANDLER_TIMEOUT_MS,
      },
      (request) => this.#counted(() => this.#servePiece(request)),
    )
    network.handle(
      ROOTS_PROTOCOL,
      {
        messageBytesMax: ROOTS_MESSAGE_BYTES_MAX,
        inFlightPerPeerMax: ASKS_PER_PEER_MAX,
        handlerTimeoutMs: HANDLER_TIMEOUT_MS,
      },
      (request) => this.#counted(() => this.#registers.serve(request)),
    )
    this.#sweepLater()
  }

  /** Serves no more; agreements go on with the next start. */
  async stop(): Promise<void> {
    this.#state = 'stopped'
    this.#timer?.clear()
    await this.#sweeping
  }

  /** Takes nothing new until {@link resume}; what is kept is proven and read as before. */
  pause(): void {
    if (this.#state === 'running') this.#state = 'paused'
  }

  /** Takes pieces again after {@link pause}. */
  resume(): void {
    if (this.#state === 'paused') this.#state = 'running'
  }

  /**
   * Takes nothing new from now on, and asks payers to move what is here to other nodes; it is proven, read and paid until
   * they have. Goes on after a restart. @throws CoreError STORE_FAILED, STORE_FULL
   */
  async leave(): Promise<void> {
    await this.#leaving.begin(this.#agreements())
    if (this.#state !== 'stopped') this.#state = 'finishing'
  }

  /** Takes pieces again after {@link leave}. @throws CoreError STORE_FAILED */
  async stay(): Promise<void> {
    if (!this.#leaving.isLeaving) return
    await this.#leaving.cancel()
    if (this.#state === 'finishing') this.#state = 'running'
  }

  #agreements(): readonly Agreement[] {
    return Array.from(this.#desk.all(), ({ agreement }) => agreement)
  }

  /** The terms for an offer as DAG-CBOR; undefined while nothing is for sale. */
  offerTerms(): Uint8Array | undefined {
    return this.#state === 'running' ? storageTermsSchema.encodeDocument(this.#terms()) : undefined
  }

  /** What answers a challenge on chain about one of the agreements. @throws as {@link AgreementDesk.answerTo} */
  async answerTo(agreement: Hash, seed: Uint8Array): Promise<ChallengeAnswer | undefined> {
    return await this.#desk.answerTo(agreement, seed)
  }

  /** What the provider holds in memory, with the most that it may. */
  sizes(): readonly Size[] {
    return [...this.#desk.sizes(), ...this.#pending.sizes(), ...this.#intakes.sizes(), ...this.#registers.sizes()]
  }

  status(): StorageProviderStatus {
    const agreements = this.#agreements()
    const agreedBytes = agreements.reduce((sum, { bytes }) => sum + bytes, 0)
    const leaving = this.#leaving.progress(agreements)
    const usage = this.#components.pieces.usage()
    return { state: this.#state, agreements: agreements.length, agreedBytes, leaving, ...usage }
  }

  #terms(): StorageTerms {
    const { liveBytes, trashBytes, capacityBytes } = this.#components.pieces.usage()
    const { priceMicroUsdPerTibHour, periodSecondsMax, unpaidSecondsMax, runwaySecondsMin } = this.#options
    return {
      version: 1,
      priceMicroUsdPerTibHour,
      freeBytes: powerOfTwoBelow(capacityBytes - liveBytes - trashBytes),
      pieceBytesMax: PIECE_BYTES_MAX,
      periodSecondsMax,
      unpaidSecondsMax,
      runwaySecondsMin,
    }
  }

  #quote({ peer, need }: SellerRequest): SellerQuote | Refusal {
    const terms = this.#terms()
    // Who has pieces here pays for them, whether there is room for more or not; new ones are refused when they come.
    const refusal = this.#desk.hasPayer(addressOfPeerId(peer)) ? undefined : this.#refusalOf(terms, need)
    if (refusal !== undefined) return refusal
    // What changes with each piece is no part of what is locked.
    const { freeBytes: _room, ...locked } = terms
    return {
      terms: storageTermsSchema.encodeDocument(locked),
      concurrency: PIECES_PER_PEER_MAX,
      leastUnitMicroUsd: microUsd(1n),
    }
  }

  #refusalOf(terms: StorageTerms, need: Uint8Array): Refusal | undefined {
    if (this.#state === 'paused') return { code: 'paused', message: 'the operator has paused this node', details: {} }
    if (this.#state !== 'running') return { code: 'finishing', message: 'this node takes nothing new', details: {} }
    const mismatch = storageMismatch(terms, storageNeedSchema.decodeDocument(need))
    if (mismatch === undefined) return undefined
    const { limit, need: wanted, have } = mismatch
    return { code: 'limit', message: `${limit}: need ${wanted} bytes, have ${have}`, details: { ...mismatch } }
  }

  async #serve({ peer, payload }: IncomingRequest): Promise<Uint8Array> {
    const request: StorageRequest = storageRequestSchema.decodeMessage(payload)
    return storageReplySchema.encodeMessage(await this.#answer(peer, request))
  }

  async #answer(
    peer: IncomingRequest['peer'],
    { revise, settle, standing, audit }: StorageRequest,
  ): Promise<StorageReply> {
    if (revise !== undefined) return await this.#desk.revise(peer, revise)
    if (settle !== undefined) return await this.#desk.settle(peer, settle)
    if (standing !== undefined) return await this.#desk.standing(peer, standing)
    if (audit !== undefined) return await this.#audited(audit)
    throw new StorageError('STORAGE_UNSUPPORTED', 'the request asks for nothing that is known here')
  }

  /** An auditor counts what is lost against this node: its operator hears of it before anything is taken. */
  async #audited({ agreement, seed }: AuditAsk): Promise<StorageReply> {
    try {
      const reply = await this.#desk.audit(agreement, seed)
      this.#audits.add(1, PROVEN)
      return reply
    } catch (error) {
      const isLost = hasCode(error, 'STORAGE_PIECE_UNKNOWN') || hasCode(error, 'STORAGE_PIECE_DAMAGED')
      this.#audits.add(1, isLost ? LOST : UNKNOWN)
      if (isLost)
        this.#components.logger.warn(
          'an auditor asked for a piece that is lost here; look after the disk of the pieces',
          {
            agreement,
            error: messageOf(error),
          },
        )
      throw error
    }
  }

  async #servePiece({ peer, payload }: IncomingRequest): Promise<Uint8Array> {
    const { put, get, bytes } = pieceRequestSchema.decodeMessage(payload)
    if (put !== undefined && bytes !== undefined) await this.#put(peer, put, bytes)
    else if (get !== undefined) return await this.#get(get)
    else throw new StorageError('STORAGE_UNSUPPORTED', 'the request asks for nothing that is known here')
    return pieceReplySchema.encodeMessage({ bytes: new Uint8Array(0), siblings: [] })
  }

  /** Takes a piece or a part of one, if there is not too much to write. */
  async #put(peer: IncomingRequest['peer'], put: PutPiece, bytes: Uint8Array): Promise<void> {
    if (this.#state !== 'running') throw new StorageError('STORAGE_FINISHING', 'this node takes nothing new')
    this.#desk.require(put.agreement, peer)
    if (this.#writing >= WRITES_AT_ONCE_MAX)
      throw new StorageError('STORAGE_BUSY', `${this.#writing} pieces are being written`)
    const name = logNameOf(put.agreement, put.piece)
    if (this.#pending.isGoing(name)) throw new StorageError('STORAGE_BUSY', 'this piece is being deleted')
    const isWhole = put.fromByte === 0 && bytes.length === put.lengthBytes
    this.#writing++
    try {
      await this.#intakes.expire()
      if (isWhole) await this.#putWhole(name, peer, { root: put.root, bytes })
      else await this.#intakes.take(name, peer, put, bytes)
      this.#bytes.add(bytes.length, IN)
    } finally {
      this.#writing--
    }
  }

  async #putWhole(
    name: Hash,
    peer: IncomingRequest['peer'],
    { root, bytes }: { readonly root: Uint8Array; readonly bytes: Uint8Array },
  ): Promise<void> {
    const { pieces } = this.#components
    try {
      // One that is there is agreed, or waits: the same bytes are no work, and other ones are refused by the log.
      if ((await pieces.find(name)) === undefined) await this.#pending.add(name, peer, bytes.length)
      await pieces.put(name, bytes, root)
    } catch (error) {
      // Nothing was written: it waits for nobody. Its note goes with the next start.
      if (hasCode(error, 'STORAGE_NO_ROOM') || hasCode(error, 'STORAGE_NOT_AUTHENTIC')) this.#pending.forget(name)
      throw error
    }
  }

  async #get({ agreement, piece, firstBlock, blocks }: GetBlocks): Promise<Uint8Array> {
    if (this.#state === 'stopped') throw new StorageError('STORAGE_FINISHING', 'this node stops')
    try {
      const name = logNameOf(agreement, piece)
      const { bytes, siblings } = await this.#components.pieces.readRange(name, firstBlock, blocks)
      this.#bytes.add(bytes.length, OUT)
      const reply = pieceReplySchema.encodeMessage({ bytes, siblings })
      // The reply has them now; what was read from the disk is nobody's.
      freeMemory(bytes)
      return reply
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      throw new StorageError('STORAGE_UNSUPPORTED', error.message)
    }
  }

  async #counted(serve: () => Promise<Uint8Array>): Promise<Uint8Array> {
    try {
      return await serve()
    } catch (error) {
      this.#refused.add(1, { code: isSteadError(error) ? error.code : 'internal' })
      throw error
    }
  }

  #sweepLater(): void {
    this.#timer = this.#components.clock.setTimer(SWEEP_MS, () => {
      this.#sweeping = this.#sweep().finally(() => {
        if (this.#state !== 'stopped') this.#sweepLater()
      })
    })
  }

  /** Deletes what nobody agreed on or paid for, and gives its room back. */
  async #sweep(): Promise<void> {
    const { pieces, logger } = this.#components
    try {
      await this.#intakes.expire()
      for (const name of this.#pending.over())
        if (!this.#intakes.has(name)) await this.#pending.remove(name, () => pieces.remove(name))
      await this.#desk.dropUnpaid()
      await this.#registers.dropUnasked()
      await pieces.compact()
      await this.#scrub.step(SWEEP_MS)
    } catch (error) {
      // The disk is full or away; what is over is found again the next time.
      if (!hasCode(error, 'CORE_STOPPED')) logger.warn('storage could not be swept', { error: messageOf(error) })
    }
  }
}

const [PROVEN, LOST, UNKNOWN] = [{ outcome: 'proven' }, { outcome: 'lost' }, { outcome: 'unknown' }]
const IN = { direction: 'in' }
const OUT = { direction: 'out' }

function powerOfTwoBelow(bytes: number): number {
  return bytes < 1 ? 0 : 2 ** Math.floor(Math.log2(bytes))
}
