import {
  type Address,
  type Clock,
  type Hash,
  isSteadError,
  type Logger,
  type MicroUsd,
  messageOf,
  microUsd,
  type Network,
  type PeerId,
  type Random,
  type Signer,
  type Store,
  type StoreOperation,
} from '@stead/core'
import type { MarketPayer, PayerChannel, ReceiptChain } from '@stead/market'
import { addressOfPublicKey, bytesToHex, peerIdOfPublicKey, type Secp256k1 } from '@stead/protocol'
import { type Agreement, agreementIdOf, agreementSchema } from '../agreement/agreement.ts'
import { withRoom } from '../consumer/channel-room.ts'
import type { PaidPeriod } from '../consumer/paid-periods.ts'
import { rejectUnheard } from '../consumer/reject-unheard.ts'
import { isEnded } from '../consumer/remote-code.ts'
import { STORAGE_PROTOCOL, storageReplySchema, storageRequestSchema } from '../messages.ts'
import type { StorageConsumerOptions } from '../options.ts'
import { decodeReference, pieceNameOf, rootOfPiece } from '../placement/segment-reference.ts'
import {
  type BilledTo,
  type CareContext,
  type CheckedBill,
  careAmountOfPeriods,
  checkCareBill,
  checkShown,
} from './care-evidence.ts'
import { type CareNodeRow, type CareReply, type CareRequest, type CareStanding, careBillIdOf } from './care-messages.ts'
import {
  ACCEPTED_CARE_TABLE,
  type AcceptedRow,
  APPOINTED_KEY,
  APPOINTED_TABLE,
  type AppointedRow,
  acceptedRowSchema,
  appointedRowSchema,
} from './care-rows.ts'
import { careNeedSchema } from './care-terms.ts'
import type { HandedPlaces } from './handover.ts'
import { itemOf } from './ward-bills.ts'
import { perDayLimit } from './ward-book.ts'

/** What a {@link CareBillDesk} stands on. */
export interface CareBillDeskComponents {
  readonly network: Network
  readonly market: Pick<MarketPayer, 'channels' | 'requote' | 'journal'>
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly signer: Signer
  readonly secp256k1: Secp256k1
  readonly logger: Logger
  readonly identity: ReceiptChain
  readonly segments: () => AsyncIterable<HandedPlaces>
  /** References of the segments that the caretaker was told of and looks after until it is told otherwise. */
  readonly told: () => AsyncIterable<Uint8Array>
  readonly ask: (peer: PeerId, request: CareRequest) => Promise<CareReply>
}

const SECOND_MS = 1000
const AUDIT_TIMEOUT_MS = 30_000
/** Bills of one node in one round: two years of settlements. */
const BILLS_MAX = 128
const REFUSAL_CHARACTERS_MAX = 200
/** Of what a node was paid for: it may have lost a piece, and said so. */
const SHOWN_SHARE = 0.9

/** What a node showed just now, of an agreement that it may not have any more; undefined when it does not answer. */
type Shown = { readonly agreement: Agreement | undefined } | { readonly refusal: string } | undefined

/** Takes what a caretaker bills, node by node: accepted when its evidence is right and the node shows the pieces now, refused otherwise. */
export class CareBillDesk {
  readonly #components: CareBillDeskComponents
  readonly #limits: Pick<StorageConsumerOptions, 'priceMaxMicroUsdPerTibHour'>

  constructor(components: CareBillDeskComponents, limits: Pick<StorageConsumerOptions, 'priceMaxMicroUsdPerTibHour'>) {
    this.#components = components
    this.#limits = limits
  }

  /**
   * Checks and accepts all that is billed.
   * @param note told of each change of the row, which is on disk then
   * @throws CoreError, MarketError, StorageError of the caretaker as NETWORK_REMOTE
   */
  async collect(
    appointed: AppointedRow,
    standing: CareStanding | undefined,
    note: (row: AppointedRow) => void,
  ): Promise<AppointedRow> {
    let row = appointed
    const own = new OwnPieces(this.#components)
    for (const told of standing?.nodes ?? []) {
      row = await this.#collectOf(row, told, own)
      note(row)
    }
    return row
  }

  async #collectOf(appointed: AppointedRow, told: CareNodeRow, own: OwnPieces): Promise<AppointedRow> {
    const peer = appointed.peer as PeerId
    const node = addressOfPublicKey(told.node)
    const accepted = await this.#acceptedOf(node)
    let row = appointed
    let shown: Shown
    const last = accepted.at(-1)
    let over: { readonly accepted?: Uint8Array; readonly refused?: ReturnType<typeof careBillIdOf> } =
      last === undefined ? {} : { accepted: last.delivery }
    for (let count = 0; count < BILLS_MAX; count++) {
      const { periods } = await this.#components.ask(peer, { bill: { node, ...over } })
      if (periods.length === 0) return row
      await own.load()
      // Asked once, and only where something is billed.
      shown ??= await this.#show(row, told, own)
      // Its node is away: it is asked again in the next round.
      if (shown === undefined) return row
      const verdict = await this.#verdict(row, node, { periods, shown, own })
      if (typeof verdict === 'string') {
        row = await this.#refuse(row, periods, verdict)
        over = { refused: careBillIdOf(periods) }
        continue
      }
      const delivery = await this.#accept(row, node, { periods, verdict })
      if (delivery === undefined) return row
      row = delivery.row
      over = { accepted: delivery.delivery }
    }
    return row
  }

  /** What a bill comes to, or why it is refused. */
  async #verdict(
    row: AppointedRow,
    node: Address,
    bill: { readonly periods: readonly PaidPeriod[]; readonly shown: NonNullable<Shown>; readonly own: OwnPieces },
  ): Promise<CheckedBill | string> {
    const { periods, shown, own } = bill
    if ('refusal' in shown) return shown.refusal
    try {
      const rows = await this.#acceptedOf(node)
      const before = new Map<Hash, BilledTo>(rows.map(({ agreement, ...to }) => [agreement, to]))
      const checked = checkCareBill(this.#context(row, own), node, { periods, before })
      return lacks(row, shown.agreement, periods) ?? this.#overBudget(row, checked) ?? checked
    } catch (error) {
      if (!isSteadError(error)) throw error
      return messageOf(error)
    }
  }

  #overBudget(row: AppointedRow, { amountMicroUsd }: CheckedBill): string | undefined {
    const accepted = row.acceptedMicroUsd + amountMicroUsd
    const untilNow = perDayLimit(row.perDayMicroUsd, this.#components.clock.now() - row.appointedAt)
    if (accepted > row.budgetMicroUsd)
      return `${accepted} micro-dollars are billed, the budget is ${row.budgetMicroUsd}`
    return accepted <= untilNow ? undefined : `${accepted} micro-dollars are billed, ${untilNow} may be spent until now`
  }

  /** Puts a bill on the channel. @returns undefined when it cannot be paid now */
  async #accept(
    row: AppointedRow,
    node: Address,
    { periods, verdict }: { readonly periods: readonly PaidPeriod[]; readonly verdict: CheckedBill },
  ): Promise<{ readonly row: AppointedRow; readonly delivery: Uint8Array } | undefined> {
    const { market, clock, ask } = this.#components
    const { amountMicroUsd, byteSeconds } = verdict
    const channel: PayerChannel | undefined = market.channels().find(({ id }) => id === row.channel)
    if (channel === undefined) return undefined
    // After a restart nobody knows for what its quote was asked.
    if (channel.state === 'expired') {
      const { budgetMicroUsd } = row
      await market.requote(channel.id, careNeedSchema.encodeDocument({ version: 1, budgetMicroUsd }))
    }
    const wish = { clock, wishMicroUsd: amountMicroUsd }
    const reservation = await withRoom(channel, wish, () => channel.reserve(amountMicroUsd))
    if (reservation === undefined) return undefined
    const { delivery } = reservation
    const bill = careBillIdOf(periods)
    try {
      await ask(row.peer as PeerId, { settle: { node, channel: channel.id, delivery, bill, amountMicroUsd } })
    } catch (error) {
      rejectUnheard(channel, reservation, error)
      throw error
    }
    reservation.accept({ delivery, item: itemOf(periods), evidence: bill, quantity: byteSeconds, amountMicroUsd })
    const next = { ...row, acceptedMicroUsd: microUsd(row.acceptedMicroUsd + amountMicroUsd) }
    // In the same turn: what was accepted and up to where are on disk together or not at all.
    await market.journal([appointedOperation(next), ...acceptedOperations(node, verdict, delivery)])
    return { row: next, delivery }
  }

  async #refuse(row: AppointedRow, periods: readonly PaidPeriod[], why: string): Promise<AppointedRow> {
    const { logger, store } = this.#components
    logger.warn('a bill of the caretaker is refused', { node: row.node, why })
    const billed = amountSaid(periods, row.sharePpm)
    const refusal = why.slice(0, REFUSAL_CHARACTERS_MAX)
    const next = { ...row, refusedMicroUsd: microUsd(row.refusedMicroUsd + billed), refusal }
    await store.write([appointedOperation(next)], 'process')
    return next
  }

  /** Has a node show what it keeps for the caretaker, for leaves that nobody knew before. */
  async #show(row: AppointedRow, { node: key, agreement }: CareNodeRow, own: OwnPieces): Promise<Shown> {
    const { network, random } = this.#components
    const seed = random.bytes(32)
    const payload = storageRequestSchema.encodeMessage({ audit: { agreement, seed } })
    let answer: Uint8Array
    try {
      answer = await network.request(peerIdOfPublicKey(key), STORAGE_PROTOCOL, payload, { timeoutMs: AUDIT_TIMEOUT_MS })
    } catch (error) {
      if (!isSteadError(error)) throw error
      // Nobody pays any longer for what the payer has told the caretaker to give up, and the node ends that agreement.
      if (isEnded(error)) return { agreement: undefined }
      return error.code === 'NETWORK_REMOTE' ? { refusal: `a node does not show it: ${messageOf(error)}` } : undefined
    }
    try {
      const { agreement: signed, proof } = storageReplySchema.decodeMessage(answer)
      if (proof === undefined) return { refusal: 'a node shows nothing' }
      const shown = checkShown(this.#context(row, own), addressOfPublicKey(key), { signed, proof, seed })
      if (agreementIdOf(shown) !== agreement) return { refusal: 'a node shows another agreement' }
      return { agreement: shown }
    } catch (error) {
      if (!isSteadError(error)) throw error
      return { refusal: messageOf(error) }
    }
  }

  #context(row: AppointedRow, own: OwnPieces): CareContext {
    const { secp256k1, identity, signer } = this.#components
    return {
      secp256k1,
      identity,
      payer: signer.address,
      caretaker: row.node,
      sharePpm: row.sharePpm,
      priceMaxMicroUsdPerTibHour: this.#limits.priceMaxMicroUsdPerTibHour,
      appointedSecond: Math.floor(row.appointedAt / SECOND_MS),
      isOwn: (piece) => own.has(piece.piece, piece.root),
    }
  }

  /** What was accepted of a node's, the last one at the end. */
  async #acceptedOf(node: Address): Promise<readonly AcceptedRow[]> {
    const rows = await this.#components.store.scan(ACCEPTED_CARE_TABLE, { prefix: `${node}/` })
    return rows
      .map(({ value }) => acceptedRowSchema.decodeMessage(value))
      .toSorted((left, right) => left.atSecond - right.atSecond)
  }
}

/** Whether a node lacks what it was paid for while the caretaker was alone. Before and after that its payer may have told it to give it up. */
function lacks(
  { aloneFrom, aloneTo }: AppointedRow,
  shown: Agreement | undefined,
  periods: readonly PaidPeriod[],
): string | undefined {
  const alone = periods
    .map(({ after }) => agreementSchema.decodeDocument(after.document))
    .filter(({ atSecond }) => atSecond * SECOND_MS > aloneFrom && atSecond * SECOND_MS < aloneTo)
  // What an older agreement was about is in nobody's hands any more.
  const shownId = shown === undefined ? undefined : agreementIdOf(shown)
  if (alone.some((after) => agreementIdOf(after) !== shownId)) return 'a node has ended the agreement that is billed'
  if (shown === undefined) return undefined
  const most = Math.max(0, ...alone.map(({ bytes }) => bytes))
  return shown.bytes >= most * SHOWN_SHARE ? undefined : `a node keeps ${shown.bytes} bytes, ${most} are billed`
}

/** What a bill says that it comes to; 0 when not even that can be read. */
function amountSaid(periods: readonly PaidPeriod[], sharePpm: number): MicroUsd {
  try {
    return careAmountOfPeriods(periods, sharePpm)
  } catch (error) {
    if (isSteadError(error) || error instanceof RangeError) return microUsd(0n)
    throw error
  }
}

function appointedOperation(row: AppointedRow): StoreOperation {
  return { kind: 'put', table: APPOINTED_TABLE, key: APPOINTED_KEY, value: appointedRowSchema.encodeMessage(row) }
}

function acceptedOperations(node: Address, { billedTo }: CheckedBill, delivery: Uint8Array): StoreOperation[] {
  return Array.from(billedTo, ([agreement, to]) => {
    const value = acceptedRowSchema.encodeMessage({ version: 1, node, agreement, delivery, ...to })
    return { kind: 'put', table: ACCEPTED_CARE_TABLE, key: `${node}/${agreement.slice(2)}`, value }
  })
}

/**
 * Names and roots of all pieces that a payer keeps, or has not told its caretaker yet that it does not: what was deleted
 * just before its payer went away is looked after, and paid for, until that is back. Read when they are first needed.
 */
class OwnPieces {
  readonly #components: Pick<CareBillDeskComponents, 'segments' | 'told'>
  readonly #roots: Map<Hash, string> = new Map()
  #isLoaded = false

  constructor(components: Pick<CareBillDeskComponents, 'segments' | 'told'>) {
    this.#components = components
  }

  async load(): Promise<void> {
    if (this.#isLoaded) return
    for await (const reference of this.#components.told()) this.#add(reference)
    for await (const { reference } of this.#components.segments()) this.#add(reference)
    this.#isLoaded = true
  }

  has(piece: Hash, root: Uint8Array): boolean {
    return this.#roots.get(piece) === bytesToHex(root)
  }

  #add(reference: Uint8Array): void {
    const known = decodeReference(reference)
    for (let number = 0; number < known.pieces; number++)
      this.#roots.set(pieceNameOf(known.segment, number), bytesToHex(rootOfPiece(known, number)))
  }
}
