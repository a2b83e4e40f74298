import {
  type Clock,
  type Hash,
  hash,
  isSteadError,
  type Logger,
  type MicroUsd,
  microUsd,
  type Network,
  type PeerId,
  type Random,
  type Signer,
  type Store,
  type StoreOperation,
} from '@stead/core'
import type { MarketPayer, PayerChannel } from '@stead/market'
import { addressOfPeerId, contentIdOf, equalBytes, type Secp256k1 } from '@stead/protocol'
import {
  type Agreement,
  agreementIdOf,
  agreementNumber,
  agreementSchema,
  checkAgreementSignature,
  dueAt,
  firstAgreement,
  nextAgreement,
  openAgreement,
  type SignedAgreement,
  signAgreement,
} from '../agreement/agreement.ts'
import { PieceSet, type SetChange, type SetPiece } from '../agreement/piece-set.ts'
import { decodePossession, possessionIdOf, verifyPossession } from '../agreement/possession.ts'
import { loadSet, setPieceSchema, slotKey } from '../agreement/set-rows.ts'
import { changeOf, slotMessageOf } from '../agreement/slot-message.ts'
import { StorageError } from '../errors.ts'
import {
  CHANGES_MAX,
  PIECES_PROTOCOL,
  pieceRequestSchema,
  STORAGE_PROTOCOL,
  type StorageReply,
  type StorageRequest,
  storageReplySchema,
  storageRequestSchema,
} from '../messages.ts'
import { amountOf } from '../meter.ts'
import {
  BOUGHT_SLOTS_TABLE,
  BOUGHT_TABLE,
  type BoughtRow,
  encodeBoughtRow,
  type PendingRevision,
} from './bought-rows.ts'
import { roomOf } from './channel-room.ts'
import { forgetPeriods, paidPeriodOperation } from './paid-periods.ts'
import { remoteCodeOf } from './remote-code.ts'

/** What a driver stands on. */
export interface AgreementDriverComponents {
  readonly network: Network
  readonly market: MarketPayer
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly signer: Signer
  readonly secp256k1: Secp256k1
  readonly logger: Logger
}

/** What came of asking for a proof and paying it. */
export type SettleOutcome =
  /** Proven and paid to this second; `isWhole` when nothing more is due until now. */
  | {
      readonly kind: 'paid'
      readonly amountMicroUsd: MicroUsd
      readonly paidToSecond: number
      readonly isWhole: boolean
      /** Pieces of which the node says that they rotted. */
      readonly damaged: readonly Hash[]
    }
  /** Nothing is due. */
  | { readonly kind: 'nothing-due' }
  /** The channel has no room for it now. */
  | { readonly kind: 'no-room'; readonly needMicroUsd: MicroUsd; readonly haveMicroUsd: MicroUsd }
  /** No answer, or none that says anything about the pieces. */
  | { readonly kind: 'offline'; readonly error: unknown }
  /** The node says itself that it does not have this piece any more. */
  | { readonly kind: 'lost'; readonly piece: Hash }
  /** What it showed is not what it signed for. */
  | { readonly kind: 'lied'; readonly proof: Uint8Array; readonly seed: Uint8Array }

const ASK_TIMEOUT_MS = 30_000
const PIECE_TIMEOUT_MS = 120_000
const SECOND_MS = 1000

/** The payer's side of one agreement: sends pieces, agrees on them, has them proven, pays, reads. One step after another. */
export class AgreementDriver {
  readonly id: Hash
  readonly peer: PeerId
  readonly #components: AgreementDriverComponents
  readonly #set: PieceSet
  #row: BoughtRow
  #agreement: Agreement | undefined
  #turn: Promise<unknown> = Promise.resolve()

  /** @param set what the row's agreement is about */
  constructor(components: AgreementDriverComponents, id: Hash, row: BoughtRow, set: PieceSet = new PieceSet()) {
    this.#components = components
    this.id = id
    this.peer = row.peer
    this.#row = row
    this.#set = set
    this.#agreement = row.signed === undefined ? undefined : agreementSchema.decodeDocument(row.signed.document)
  }

  /** Brings an agreement back with what it is about. @throws CoreError STORE_FAILED, STORE_CORRUPT */
  static async load(components: AgreementDriverComponents, id: Hash, row: BoughtRow): Promise<AgreementDriver> {
    const slots = row.signed === undefined ? 1 : agreementSchema.decodeDocument(row.signed.document).slots
    return new AgreementDriver(components, id, row, await loadSet(components.store, BOUGHT_SLOTS_TABLE, id, slots))
  }

  /** A first revision, signed here and on disk, for {@link open} to send. @throws CoreError as Store.write */
  static async draft(
    components: AgreementDriverComponents,
    channel: PayerChannel,
    terms: {
      /** 0 for the payer's first agreement with the node. */
      readonly ordinal: number
      readonly chainId: number
      readonly escrow: Agreement['escrow']
      readonly priceMicroUsdPerTibHour: MicroUsd
    },
  ): Promise<AgreementDriver> {
    const { signer, clock, store } = components
    const { ordinal, chainId, escrow, priceMicroUsdPerTibHour } = terms
    const number = agreementNumber(ordinal)
    const parties = { chainId, escrow, payer: signer.address, node: channel.terms.node, number }
    const atSecond = Math.floor(clock.now() / SECOND_MS)
    const set = new PieceSet()
    const first = firstAgreement(parties, { atSecond, priceMicroUsdPerTibHour, set: set.root })
    const document = agreementSchema.encodeDocument(first)
    const pending = { document, payerSignature: signAgreement(signer, first, document), changes: [], isBilled: false }
    const row: BoughtRow = { version: 1, peer: channel.peer, channel: channel.id, pending }
    const id = agreementIdOf(first)
    await store.write([rowOperation(id, row)], 'process')
    return new AgreementDriver(components, id, row, set)
  }

  /** The newest revision that both sides signed; undefined before {@link open}. */
  get agreement(): Agreement | undefined {
    return this.#agreement
  }

  get set(): PieceSet {
    return this.#set
  }

  /** Brings both sides to the same revision. @throws StorageError, CoreError as request */
  async open(channel: PayerChannel): Promise<Agreement> {
    return await this.#inTurn(() => this.#open(channel))
  }

  /** Sends a piece; it is kept for good once {@link agree} named it. The same again is no work. */
  async put(piece: Hash, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    const payload = pieceRequestSchema.encodeMessage({ put: { agreement: this.id, piece, bytes } })
    await this.#components.network.request(this.peer, PIECES_PROTOCOL, payload, {
      ...withSignal(signal),
      timeoutMs: PIECE_TIMEOUT_MS,
      bulk: true,
    })
  }

  /**
   * Agrees that some pieces are kept from now on, and that others are not any more.
   * @throws StorageError of the node as NETWORK_REMOTE; RangeError for more than 512 at once
   */
  async agree(
    channel: PayerChannel,
    { add = [], drop = [] }: { readonly add?: readonly SetPiece[]; readonly drop?: readonly Hash[] },
  ): Promise<Agreement> {
    return await this.#inTurn(async () => {
      await this.#open(channel)
      const fresh = add.filter(({ piece }) => this.#set.slotOf(piece) === undefined)
      const gone = new Set(drop.flatMap((piece) => this.#set.slotOf(piece) ?? []))
      const changes = Array.from(gone, (slot): SetChange => ({ slot, piece: undefined }))
      const slots = this.#set.freeSlots(fresh.length)
      for (const [place, piece] of fresh.entries()) changes.push({ slot: slots[place] ?? 0, piece })
      if (changes.length > CHANGES_MAX) throw new RangeError(`a revision changes at most ${CHANGES_MAX} slots`)
      if (changes.length === 0) return this.#require()
      return await this.#revise(channel, changes)
    })
  }

  /** Has the node prove what it keeps, and pays for the time until now, or for as much of it as the channel has room for. */
  async settle(channel: PayerChannel): Promise<SettleOutcome> {
    return await this.#inTurn(async () => {
      const { pending } = this.#row
      if (pending?.isBilled === true) return await this.#settleAfter(channel, await this.#pay(channel, pending))
      try {
        await this.#open(channel)
      } catch (error) {
        return { kind: 'offline', error }
      }
      return await this.#settle(channel)
    })
  }

  /** Pays what is due besides what was asked for before. */
  async #settleAfter(channel: PayerChannel, before: SettleOutcome): Promise<SettleOutcome> {
    if (before.kind !== 'paid' || before.isWhole) return before
    const rest = await this.#settle(channel)
    if (rest.kind !== 'paid') return before
    return { ...rest, amountMicroUsd: microUsd(before.amountMicroUsd + rest.amountMicroUsd) }
  }

  async #open(channel: PayerChannel): Promise<Agreement> {
    const { pending } = this.#row
    if (pending === undefined) return this.#require()
    if (pending.isBilled) {
      const outcome = await this.#pay(channel, pending)
      if (outcome.kind === 'paid') return this.#require()
      if (outcome.kind === 'offline') throw outcome.error
      throw new StorageError('STORAGE_NOT_PROVEN', `the node cannot go on: ${outcome.kind}`, {
        details: { agreement: this.id },
      })
    }
    try {
      return await this.#send(channel, pending)
    } catch (error) {
      if (remoteCodeOf(error) !== 'STORAGE_AGREEMENT_DIFFERS') throw error
      return await this.#recover(error)
    }
  }

  async #revise(channel: PayerChannel, changes: readonly SetChange[]): Promise<Agreement> {
    const before = this.#require()
    const set = this.#set.rootAfter(changes)
    const next = nextAgreement(before, { atSecond: this.#second(before), set, isBilled: false })
    return await this.#send(channel, await this.#sign(channel, next, { changes, isBilled: false }))
  }

  async #settle(channel: PayerChannel): Promise<SettleOutcome> {
    const before = this.#require()
    const nowSecond = this.#second(before)
    const room = await roomOf(channel, this.#components.clock)
    const toSecond = affordableSecond(before, nowSecond, room)
    const need = amountOf(before.priceMicroUsdPerTibHour, dueAt(before, nowSecond))
    if (need === 0n) return { kind: 'nothing-due' }
    if (toSecond === undefined) return { kind: 'no-room', needMicroUsd: need, haveMicroUsd: room }
    const next = nextAgreement(before, { atSecond: toSecond, set: this.#set.root, isBilled: true })
    return await this.#pay(channel, await this.#sign(channel, next, { changes: [], isBilled: true }))
  }

  /** Sends a revision that bills, and pays for it when it is proven. Whatever the answer, the revision stays until it is known. */
  async #pay(channel: PayerChannel, pending: PendingRevision): Promise<SettleOutcome> {
    const { random } = this.#components
    const next = agreementSchema.decodeDocument(pending.document)
    const before = this.#require()
    const quantity = dueAt(before, next.atSecond)
    const amountMicroUsd = amountOf(next.priceMicroUsdPerTibHour, quantity)
    const room = await roomOf(channel, this.#components.clock)
    const { node, atSecond: nowSecond } = next
    const forgotten = await forgetPeriods(this.#components.store, { node, agreement: this.id, nowSecond })
    const reservation = channel.reserve(amountMicroUsd)
    if (reservation === undefined) return { kind: 'no-room', needMicroUsd: amountMicroUsd, haveMicroUsd: room }
    const seed = random.bytes(32)
    let reply: StorageReply
    let after: SignedAgreement
    try {
      const { document, payerSignature } = pending
      const { delivery } = reservation
      reply = await this.#ask({
        settle: { channel: channel.id, document, payerSignature, delivery, maximumMicroUsd: amountMicroUsd, seed },
      })
      after = this.#bothSigned(next, pending, reply.agreement)
    } catch (error) {
      // It may have been delivered, and the answer lost; then it is asked for again under another name.
      reservation.reject('not-received')
      return await this.#unpaid(error)
    }
    const { proof = new Uint8Array(0) } = reply
    if (!isProof(next, seed, reply)) {
      reservation.reject('wrong-result')
      return { kind: 'lied', proof, seed }
    }
    if (reply.amountMicroUsd !== amountMicroUsd) {
      reservation.reject('over-billed')
      return { kind: 'offline', error: new StorageError('STORAGE_AGREEMENT_DIFFERS', 'the node bills another amount') }
    }
    reservation.accept({
      delivery: reservation.delivery,
      item: contentIdOf('dag-cbor', pending.document),
      evidence: possessionIdOf(proof),
      quantity,
      amountMicroUsd,
    })
    const { delivery } = reservation
    const period = paidPeriodOperation({
      version: 1,
      delivery,
      channel: channel.id,
      before: this.#signed(),
      after,
      proof,
    })
    // In the same turn: the revision, its payment and what proves it are on disk together or not at all.
    await this.#adopt(next, after, [], [period, ...forgotten])
    const damaged = reply.damaged.filter((piece) => this.#set.slotOf(piece) !== undefined)
    const isWhole = next.atSecond >= this.#second(next)
    return { kind: 'paid', amountMicroUsd, paidToSecond: next.atSecond, isWhole, damaged }
  }

  async #unpaid(error: unknown): Promise<SettleOutcome> {
    const code = remoteCodeOf(error)
    const isLost = code === 'STORAGE_PIECE_DAMAGED' || code === 'STORAGE_PIECE_UNKNOWN'
    // The node says so before it signs: another revision can take this one's place. After anything else it may have signed.
    if (isLost) await this.#withdraw()
    const piece = isLost && isSteadError(error) ? error.details.remotePiece : undefined
    if (typeof piece === 'string') return { kind: 'lost', piece: hash(piece) }
    return { kind: 'offline', error }
  }

  async #withdraw(): Promise<void> {
    const { pending: _refused, ...row } = this.#row
    await this.#components.store.write([rowOperation(this.id, row)], 'process')
    this.#row = row
  }

  async #sign(
    channel: PayerChannel,
    next: Agreement,
    { changes, isBilled }: { readonly changes: readonly SetChange[]; readonly isBilled: boolean },
  ): Promise<PendingRevision> {
    const { signer, store } = this.#components
    const document = agreementSchema.encodeDocument(next)
    const payerSignature = signAgreement(signer, next, document)
    const pending = { document, payerSignature, changes: changes.map(slotMessageOf), isBilled }
    const row = { ...this.#row, channel: channel.id, pending }
    await store.write([rowOperation(this.id, row)], 'process')
    this.#row = row
    return pending
  }

  async #send(channel: PayerChannel, pending: PendingRevision): Promise<Agreement> {
    const { document, payerSignature, changes } = pending
    const { agreement } = await this.#ask({ revise: { channel: channel.id, document, payerSignature, changes } })
    const next = agreementSchema.decodeDocument(document)
    await this.#adopt(next, this.#bothSigned(next, pending, agreement), changes.map(changeOf))
    return next
  }

  /** The node does not know the revision before: it goes on from what both signed last, whoever has that. */
  async #recover(cause: unknown): Promise<Agreement> {
    const { secp256k1, logger } = this.#components
    // Whoever lost its books finds the agreement that it had at the node.
    const before = this.#agreement
    const { agreement: signed } = await this.#ask({ standing: { agreement: this.id } })
    const theirs = openAgreement(secp256k1, signed)
    if (agreementIdOf(theirs) !== this.id || theirs.revision < (before?.revision ?? 0)) throw cause
    if (theirs.revision === before?.revision) {
      // The node never took it, and never will: what it was about is agreed anew.
      await this.#withdraw()
      return before
    }
    logger.warn('an agreement is taken from its node', {
      agreement: this.id,
      from: before?.revision,
      to: theirs.revision,
    })
    await this.#adopt(theirs, signed, await this.#slotsOf(theirs))
    return theirs
  }

  /** Reads what is in all slots from the node, and believes it when it has the root that was signed. */
  async #slotsOf(theirs: Agreement): Promise<readonly SetChange[]> {
    const found = new Map<number, SetPiece>()
    for (let fromSlot: number | undefined = 0; fromSlot !== undefined; ) {
      const { slots, nextSlot }: StorageReply = await this.#ask({ standing: { agreement: this.id, fromSlot } })
      for (const { slot, piece } of slots.map(changeOf)) if (piece !== undefined) found.set(slot, piece)
      if (nextSlot !== undefined && nextSlot <= fromSlot)
        throw new StorageError('STORAGE_AGREEMENT_DIFFERS', 'the node tells its slots in no order')
      fromSlot = nextSlot
    }
    const changes: SetChange[] = []
    for (const [slot] of this.#set.entries()) if (!found.has(slot)) changes.push({ slot, piece: undefined })
    for (const [slot, piece] of found) changes.push({ slot, piece })
    if (!equalBytes(this.#set.rootAfter(changes).root, theirs.root))
      throw new StorageError('STORAGE_AGREEMENT_DIFFERS', 'the slots that the node tells are not those that it signed')
    return changes
  }

  /** The revision with both signatures: the payer's is its own, not the one that the node answers. */
  #bothSigned(
    next: Agreement,
    { document, payerSignature }: PendingRevision,
    { document: answered, nodeSignature }: SignedAgreement,
  ): SignedAgreement {
    if (!equalBytes(document, answered))
      throw new StorageError('STORAGE_AGREEMENT_DIFFERS', `the node answers another revision than ${next.revision}`)
    const signed = { document, signature: nodeSignature }
    checkAgreementSignature(this.#components.secp256k1, addressOfPeerId(this.peer), next, signed)
    return { document, payerSignature, nodeSignature }
  }

  async #adopt(
    next: Agreement,
    signed: SignedAgreement,
    changes: readonly SetChange[],
    rows: readonly StoreOperation[] = [],
  ): Promise<void> {
    const { pending: _done, ...rest } = this.#row
    const row = { ...rest, signed }
    const slots = changes.map(({ slot, piece }): StoreOperation => {
      const place = { table: BOUGHT_SLOTS_TABLE, key: slotKey(this.id, slot) }
      if (piece === undefined) return { kind: 'delete', ...place }
      return { kind: 'put', ...place, value: setPieceSchema.encodeMessage(piece) }
    })
    await this.#components.market.journal([rowOperation(this.id, row), ...slots, ...rows])
    this.#set.apply(changes)
    this.#agreement = next
    this.#row = row
  }

  async #ask(request: StorageRequest): Promise<StorageReply> {
    const payload = storageRequestSchema.encodeMessage(request)
    const answer = await this.#components.network.request(this.peer, STORAGE_PROTOCOL, payload, {
      timeoutMs: ASK_TIMEOUT_MS,
    })
    return storageReplySchema.decodeMessage(answer)
  }

  #signed(): SignedAgreement {
    const { signed } = this.#row
    if (signed === undefined) throw new RangeError('what nobody signed is not billed')
    return signed
  }

  #require(): Agreement {
    if (this.#agreement !== undefined) return this.#agreement
    throw new StorageError('STORAGE_AGREEMENT_UNKNOWN', 'the node has not signed this agreement yet', {
      details: { agreement: this.id },
    })
  }

  /** Now, and never before the last revision: clocks jump. */
  #second({ atSecond }: Agreement): number {
    return Math.max(atSecond, Math.floor(this.#components.clock.now() / SECOND_MS))
  }

  async #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => undefined)
    return await turn
  }
}

/** The last second until which `room` pays; undefined when it pays for none. */
function affordableSecond(before: Agreement, nowSecond: number, room: MicroUsd): number | undefined {
  const costs = (second: number): bigint => amountOf(before.priceMicroUsdPerTibHour, dueAt(before, second))
  if (costs(nowSecond) <= room) return nowSecond
  if (costs(before.atSecond) > room) return undefined
  let [low, high] = [before.atSecond, nowSecond]
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (costs(middle) <= room) low = middle
    else high = middle
  }
  return costs(low) > 0n ? low : undefined
}

function isProof(next: Agreement, seed: Uint8Array, { proof }: StorageReply): boolean {
  if (proof === undefined) return false
  try {
    return verifyPossession(next, seed, decodePossession(proof))
  } catch (error) {
    if (isSteadError(error)) return false
    throw error
  }
}

function rowOperation(id: Hash, row: BoughtRow): StoreOperation {
  return { kind: 'put', table: BOUGHT_TABLE, key: id.slice(2), value: encodeBoughtRow(row) }
}

function withSignal(signal: AbortSignal | undefined): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal }
}
