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
} from '@stead/core'
import type { MarketPayer, PayerChannel } from '@stead/market'
import { contentIdOf, type Secp256k1 } from '@stead/protocol'
import {
  type Agreement,
  type AgreementParties,
  agreementIdOf,
  agreementSchema,
  dueAt,
  firstAgreement,
  nextAgreement,
  partOf,
  type SignedAgreement,
  signAgreement,
} from '../agreement/agreement.ts'
import { PieceSet, type SetChange, type SetPiece } from '../agreement/piece-set.ts'
import { decodePossession, possessionIdOf, verifyPossession } from '../agreement/possession.ts'
import { loadSet } from '../agreement/set-rows.ts'
import { changeOf } from '../agreement/slot-message.ts'
import { StorageError } from '../errors.ts'
import {
  CHANGES_MAX,
  STORAGE_PROTOCOL,
  type StorageReply,
  type StorageRequest,
  storageReplySchema,
  storageRequestSchema,
} from '../messages.ts'
import { amountOf, byteSecondsFor } from '../meter.ts'
import { ASK_TIMEOUT_MS, askUntilHeard, partMost } from './bill-risk.ts'
import { BoughtAgreement } from './bought-agreement.ts'
import { BOUGHT_SLOTS_TABLE, type BoughtRow, boughtOperation, type PendingRevision } from './bought-rows.ts'
import { withRoom } from './channel-room.ts'
import { giveUpTooLargeBill } from './give-up-bill.ts'
import { NodeTime } from './node-time.ts'
import { paidPeriodOperation } from './paid-periods.ts'
import { isSignedElsewhere, type RecoveryParts, recoverAgreement } from './recover-agreement.ts'
import { rejectUnheard } from './reject-unheard.ts'
import { isEnded, remoteCodeOf } from './remote-code.ts'
import { type SendOptions, sendPiece } from './send-piece.ts'
import type { SettleOutcome } from './settle-outcome.ts'

/** What a driver stands on. */
export interface AgreementDriverComponents {
  readonly network: Network
  readonly market: Pick<MarketPayer, 'journal'>
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly signer: Signer
  readonly secp256k1: Secp256k1
  readonly logger: Logger
}

const PIECE_TIMEOUT_MS = 120_000
/** What a node says of a revision that it has not taken and never will: it does not follow, or a piece of it is gone. */
const REFUSALS: ReadonlySet<string | undefined> = new Set([
  'STORAGE_AGREEMENT_DIFFERS',
  'STORAGE_CLOCK_AHEAD',
  'STORAGE_PIECE_UNKNOWN',
  'STORAGE_PIECE_DIFFERS',
  'STORAGE_UNSUPPORTED',
  'STORAGE_RUNWAY',
])
/** What a channel has no room for at once is proven and paid in parts; what is left is due the next time. */
const PARTS_MAX = 32
/** Of an agreement that was found again: the next payment opens another one. */
const NO_CHANNEL: Hash = hash(`0x${'00'.repeat(32)}`)

/** The payer's side of one agreement: sends pieces, agrees on them, has them proven, pays, reads. One step after another. */
export class AgreementDriver {
  readonly id: Hash
  readonly peer: PeerId
  readonly #components: AgreementDriverComponents
  readonly #bought: BoughtAgreement
  #turn: Promise<unknown> = Promise.resolve()
  #nodeTime: NodeTime = new NodeTime()
  #isLeaving = false

  /** @param set what the row's agreement is about */
  constructor(components: AgreementDriverComponents, id: Hash, row: BoughtRow, set: PieceSet = new PieceSet()) {
    this.#components = components
    this.id = id
    this.peer = row.peer
    this.#bought = new BoughtAgreement(components, { id, row, set })
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
      /** 16 bytes: see {@link agreementNumber}. */
      readonly number: Uint8Array
      /** What is known of the node's clock. @default nothing */
      readonly nodeTime?: NodeTime
      readonly chainId: number
      readonly escrow: Agreement['escrow']
      readonly priceMicroUsdPerTibHour: MicroUsd
    },
  ): Promise<AgreementDriver> {
    const { signer, clock, store } = components
    const { number, chainId, escrow, priceMicroUsdPerTibHour, nodeTime = new NodeTime() } = terms
    const parties = { chainId, escrow, payer: signer.address, node: channel.terms.node, number }
    const atSecond = nodeTime.nowSecond(clock)
    const set = new PieceSet()
    const first = firstAgreement(parties, { atSecond, priceMicroUsdPerTibHour, set: set.root })
    const document = agreementSchema.encodeDocument(first)
    const pending = { document, payerSignature: signAgreement(signer, first, document), changes: [], isBilled: false }
    const row: BoughtRow = { version: 1, peer: channel.peer, channel: channel.id, pending }
    const id = agreementIdOf(first)
    await store.write([boughtOperation(id, row)], 'process')
    const driver = new AgreementDriver(components, id, row, set)
    driver.#nodeTime = nodeTime
    return driver
  }

  /** What is known of the node's clock. */
  get nodeTime(): NodeTime {
    return this.#nodeTime
  }

  /**
   * Finds the agreement that this payer had with a node before it lost its books.
   * @returns undefined when the node knows of none
   * @throws CoreError as request; StorageError STORAGE_AGREEMENT_DIFFERS, ProtocolError for what both did not sign
   */
  static async find(
    components: AgreementDriverComponents,
    peer: PeerId,
    parties: AgreementParties,
  ): Promise<AgreementDriver | undefined> {
    const driver = new AgreementDriver(components, agreementIdOf(parties), { version: 1, peer, channel: NO_CHANNEL })
    try {
      await driver.#inTurn(() => driver.#goBack(undefined))
    } catch (error) {
      if (remoteCodeOf(error) === 'STORAGE_AGREEMENT_UNKNOWN') return undefined
      throw error
    }
    return driver
  }

  /** The newest revision that both sides signed; undefined before {@link open}. */
  get agreement(): Agreement | undefined {
    return this.#bought.agreement
  }

  /** That revision as both sides keep it. */
  get signed(): SignedAgreement | undefined {
    return this.#bought.signed
  }

  /** Whether the node said in its last answer that its operator wants to go. */
  get isLeaving(): boolean {
    return this.#isLeaving
  }

  get set(): PieceSet {
    return this.#bought.set
  }

  /** Has the node say whether it leaves. @throws CoreError as request, StorageError of the node as NETWORK_REMOTE */
  async hear(): Promise<void> {
    await this.#inTurn(() => this.#ask({ standing: { agreement: this.id } }))
  }

  /** Whether the node has what this payer's key signed and this machine did not. @throws as {@link isSignedElsewhere} */
  async isSignedElsewhere(): Promise<boolean> {
    return await this.#inTurn(() => isSignedElsewhere(this.#recovery(), this.#bought))
  }

  /** Whether the node keeps a piece, or may have signed for it in a revision of which nothing was heard. */
  mayKeep(piece: Hash): boolean {
    const { set, pending } = this.#bought
    return set.slotOf(piece) !== undefined || (pending?.changes ?? []).some((change) => change.piece === piece)
  }

  /** Brings both sides to the same revision. @throws StorageError, CoreError as request */
  async open(channel: PayerChannel): Promise<Agreement> {
    return await this.#inTurn(() => this.#open(channel))
  }

  /** Sends a piece; it is kept for good once {@link agree} named it. The same again is no work. @throws as {@link sendPiece} */
  async put(
    piece: SetPiece,
    bytes: Uint8Array,
    options: Pick<SendOptions, 'partBytesMax' | 'signal'> = {},
  ): Promise<void> {
    const to = { peer: this.peer, agreement: this.id }
    await sendPiece(this.#components, to, { ...piece, bytes }, { timeoutMs: PIECE_TIMEOUT_MS, ...options })
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
      // Once, however often it was sent: each slot is paid for. What was given up before and comes again stays.
      const added = new Map(add.map((piece) => [piece.piece, piece]))
      const fresh = [...added.values()].filter(({ piece }) => this.#bought.set.slotOf(piece) === undefined)
      const gone = new Set(drop.flatMap((piece) => (added.has(piece) ? [] : (this.#bought.set.slotOf(piece) ?? []))))
      const changes = Array.from(gone, (slot): SetChange => ({ slot, piece: undefined }))
      const slots = this.#bought.set.freeSlots(fresh.length)
      for (const [place, piece] of fresh.entries()) changes.push({ slot: slots[place] ?? 0, piece })
      if (changes.length > CHANGES_MAX) throw new RangeError(`a revision changes at most ${CHANGES_MAX} slots`)
      if (changes.length === 0) return this.#bought.require()
      return await this.#revise(channel, changes)
    })
  }

  /**
   * Has the node prove what it keeps, and pays what is due until now, or as much of it as the channel has room for.
   * @param options `isFresh`: no other channel has more room than this one
   */
  async settle(channel: PayerChannel, options: { readonly isFresh?: boolean } = {}): Promise<SettleOutcome> {
    return await this.#inTurn(async () => {
      if (options.isFresh === true) await giveUpTooLargeBill(this.#recovery(), this.#bought, channel)
      let outcome = await this.#settleFirst(channel)
      // Refused as too early, and taken back: once more by the node's time, or the next round would be refused as well.
      if (outcome.kind === 'offline' && remoteCodeOf(outcome.error) === 'STORAGE_CLOCK_AHEAD')
        outcome = await this.#settleFirst(channel)
      for (let part = 1; part < PARTS_MAX && outcome.kind === 'paid' && !outcome.isWhole; part++) {
        const rest = await this.#settle(channel)
        if (rest.kind !== 'paid') break
        const amountMicroUsd = microUsd(outcome.amountMicroUsd + rest.amountMicroUsd)
        outcome = { ...rest, amountMicroUsd, damaged: [...new Set([...outcome.damaged, ...rest.damaged])] }
      }
      return outcome
    })
  }

  /** What was asked for before comes first. */
  async #settleFirst(channel: PayerChannel): Promise<SettleOutcome> {
    const { pending } = this.#bought
    if (pending?.isBilled === true) return await this.#pay(channel, pending)
    try {
      await this.#open(channel)
    } catch (error) {
      if (isEnded(error)) return { kind: 'ended' }
      if (remoteCodeOf(error) !== 'STORAGE_UNPAID') return { kind: 'offline', error }
      // Nothing else is signed before this is paid: what was to be agreed on is taken back.
      const outcome = await this.#recovered(error)
      if (outcome.kind === 'ended' || this.#bought.pending !== undefined) return outcome
    }
    return await this.#settle(channel)
  }

  async #open(channel: PayerChannel): Promise<Agreement> {
    const { pending } = this.#bought
    if (pending === undefined) return this.#bought.require()
    if (pending.isBilled) {
      const outcome = await this.#pay(channel, pending)
      if (outcome.kind === 'paid') return this.#bought.require()
      if (outcome.kind === 'offline') throw outcome.error
      throw new StorageError('STORAGE_NOT_PROVEN', `the node cannot go on: ${outcome.kind}`, {
        details: { agreement: this.id },
      })
    }
    try {
      return await this.#send(channel, pending)
    } catch (error) {
      if (!REFUSALS.has(remoteCodeOf(error))) throw error
      const agreement = await this.#goBack(error)
      // A period that the node has on its books: it is paid before anything else is agreed.
      return this.#bought.pending === undefined ? agreement : await this.#open(channel)
    }
  }

  async #revise(channel: PayerChannel, changes: readonly SetChange[]): Promise<Agreement> {
    const before = this.#bought.require()
    const set = this.#bought.set.rootAfter(changes)
    const next = nextAgreement(before, { atSecond: this.#second(before), set, billedByteSeconds: 0n })
    return await this.#send(channel, await this.#bought.sign(channel.id, next, { changes, isBilled: false }))
  }

  async #settle(channel: PayerChannel): Promise<SettleOutcome> {
    const before = this.#bought.require()
    const price = before.priceMicroUsdPerTibHour
    const atSecond = this.#second(before)
    const due = dueAt(before, atSecond)
    const need = amountOf(price, due)
    // What is kept for nothing is proven and signed for all the same: a bill of 0 says that it was there until then.
    if (due === 0n) return { kind: 'nothing-due' }
    const { clock } = this.#components
    // No more than a part may cost: whoever waits for credit keeps so much of it from all others.
    const room = await withRoom(channel, { clock, wishMicroUsd: partMost(channel, need) }, (free) => free)
    const partFor = (amount: MicroUsd): ReturnType<typeof partOf> =>
      amount >= need ? { atSecond, billedByteSeconds: due } : partOf(before, byteSecondsFor(price, amount))
    const careful = partFor(partMost(channel, room))
    // Where half of the credit is less than anything costs, as much as there is room for.
    const part = careful.billedByteSeconds > 0n ? careful : partFor(room)
    if (part.billedByteSeconds === 0n) return { kind: 'no-room', needMicroUsd: need, haveMicroUsd: room }
    const next = nextAgreement(before, { ...part, set: this.#bought.set.root })
    return await this.#pay(channel, await this.#bought.sign(channel.id, next, { changes: [], isBilled: true }))
  }

  /** Sends a revision that bills, and pays for it when it is proven. Whatever the answer, the revision stays until it is known. */
  async #pay(channel: PayerChannel, pending: PendingRevision): Promise<SettleOutcome> {
    const { random, clock } = this.#components
    const next = agreementSchema.decodeDocument(pending.document)
    const before = this.#bought.require()
    const quantity = dueAt(before, next.atSecond) - next.dueByteSeconds
    const amountMicroUsd = amountOf(next.priceMicroUsdPerTibHour, quantity)
    const wish = { clock, wishMicroUsd: amountMicroUsd }
    const [reservation, haveMicroUsd] = await withRoom(
      channel,
      wish,
      (room) => [channel.reserve(amountMicroUsd), room] as const,
    )
    if (reservation === undefined) return { kind: 'no-room', needMicroUsd: amountMicroUsd, haveMicroUsd }
    const seed = random.bytes(32)
    let reply: StorageReply
    let after: SignedAgreement
    try {
      const { document, payerSignature } = pending
      const { delivery } = reservation
      const settle = { channel: channel.id, document, payerSignature, delivery, maximumMicroUsd: amountMicroUsd, seed }
      reply = await askUntilHeard(clock, (timeoutMs) => this.#ask({ settle }, timeoutMs))
      after = this.#bought.bothSigned(next, pending, reply.agreement)
    } catch (error) {
      // It may have been delivered, and the answer lost; then it is asked for again under another name.
      rejectUnheard(channel, reservation, error)
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
      before: this.#bought.requireSigned(),
      after,
      proof,
    })
    // In the same turn: the revision, its payment and what proves it are on disk together or not at all.
    await this.#bought.adopt(next, after, [], [period])
    const damaged = reply.damaged.filter((piece) => this.#bought.set.slotOf(piece) !== undefined)
    const isWhole = next.dueByteSeconds === 0n && next.atSecond >= this.#second(next)
    return { kind: 'paid', amountMicroUsd, paidToSecond: next.atSecond, isWhole, damaged }
  }

  async #unpaid(error: unknown): Promise<SettleOutcome> {
    const code = remoteCodeOf(error)
    const isLost = code === 'STORAGE_PIECE_DAMAGED' || code === 'STORAGE_PIECE_UNKNOWN'
    // The node says so before it signs: another revision can take this one's place. After anything else it may have signed.
    if (isLost) await this.#bought.withdraw()
    if (isEnded(error)) return { kind: 'ended' }
    if (!isLost && REFUSALS.has(code)) return await this.#recovered(error)
    const piece = isLost && isSteadError(error) ? error.details.remotePiece : undefined
    if (typeof piece === 'string') return { kind: 'lost', piece: hash(piece) }
    return { kind: 'offline', error }
  }

  /** The node goes on from another revision; what it is about is settled the next time. */
  async #recovered(error: unknown): Promise<SettleOutcome> {
    try {
      await this.#goBack(error)
    } catch (cause) {
      return isEnded(cause) ? { kind: 'ended' } : { kind: 'offline', error: cause }
    }
    return { kind: 'offline', error }
  }

  /** Forgets the agreement: its node does not know it any more. @throws CoreError as Store.write */
  async forget(): Promise<void> {
    await this.#inTurn(() => this.#bought.forget())
  }

  async #send(channel: PayerChannel, pending: PendingRevision): Promise<Agreement> {
    const { document, payerSignature, changes } = pending
    const { agreement } = await this.#ask({ revise: { channel: channel.id, document, payerSignature, changes } })
    const next = agreementSchema.decodeDocument(document)
    await this.#bought.adopt(next, this.#bought.bothSigned(next, pending, agreement), changes.map(changeOf))
    return next
  }

  async #goBack(cause: unknown): Promise<Agreement> {
    return await recoverAgreement(this.#recovery(), this.#bought, cause)
  }

  #recovery(): RecoveryParts {
    return { ...this.#components, ask: (request) => this.#ask(request) }
  }

  async #ask(request: StorageRequest, timeoutMs: number = ASK_TIMEOUT_MS): Promise<StorageReply> {
    const payload = storageRequestSchema.encodeMessage(request)
    const { network, clock } = this.#components
    const answer = await network
      .request(this.peer, STORAGE_PROTOCOL, payload, { timeoutMs })
      .catch((error: unknown) => {
        this.#nodeTime.note(clock, error)
        throw error
      })
    const reply = storageReplySchema.decodeMessage(answer)
    this.#isLeaving = reply.isLeaving === true
    return reply
  }

  /** Now, also by the node's clock if that is behind, and never before the last revision: clocks jump. */
  #second({ atSecond }: Agreement): number {
    return Math.max(atSecond, this.#nodeTime.nowSecond(this.#components.clock))
  }

  async #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => undefined)
    return await turn
  }
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
