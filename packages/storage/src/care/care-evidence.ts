import { type Address, type Hash, isSteadError, type MicroUsd, messageOf } from '@stead/core'
import type { ReceiptChain } from '@stead/market'
import type { Secp256k1 } from '@stead/protocol'
import {
  type Agreement,
  agreementIdOf,
  agreementSchema,
  checkNextAgreement,
  dueAt,
  nextAgreement,
  openAgreement,
  type SignedAgreement,
} from '../agreement/agreement.ts'
import type { SetPiece } from '../agreement/piece-set.ts'
import { decodePossession, type PossessionProof, verifyPossession } from '../agreement/possession.ts'
import type { PaidPeriod } from '../consumer/paid-periods.ts'
import { StorageError } from '../errors.ts'
import { amountOf } from '../meter.ts'
import { careAmountOf, isCareNumber } from './care-terms.ts'

/** Whom and what a caretaker's evidence must be about. */
export interface CareContext {
  readonly secp256k1: Secp256k1
  readonly identity: ReceiptChain
  readonly payer: Address
  readonly caretaker: Address
  readonly sharePpm: number
  readonly priceMaxMicroUsdPerTibHour: MicroUsd
  /** When the caretaker was appointed, in whole seconds since 1970: nothing before is billed. */
  readonly appointedSecond: number
  /** Whether a piece is one of the payer's: its name and root. */
  readonly isOwn: (piece: SetPiece) => boolean
}

/** Up to where an agreement's periods are over. */
export interface BilledTo {
  readonly revision: number
  readonly atSecond: number
  readonly bytes: number
  /** Kept until then and not billed yet: a node whose credit is small is paid in parts. */
  readonly leftByteSeconds: bigint
}

/** What a bill comes to. */
export interface CheckedBill {
  readonly byteSeconds: bigint
  readonly amountMicroUsd: MicroUsd
  /** The last revision of each agreement of the bill. */
  readonly billedTo: ReadonlyMap<Hash, BilledTo>
}

/** What some periods that were paid to nodes are billed with, right or not. @throws ProtocolError for what is no revision */
export function careAmountOfPeriods(periods: readonly PaidPeriod[], sharePpm: number): MicroUsd {
  return careAmountOf(
    periods.reduce((sum, period) => sum + paidFor(period).amountMicroUsd, 0n),
    sharePpm,
  )
}

/** What a period was paid with. */
export function paidFor({ before, after }: Pick<PaidPeriod, 'before' | 'after'>): {
  readonly byteSeconds: bigint
  readonly amountMicroUsd: MicroUsd
} {
  const [from, to] = [agreementOf(before), agreementOf(after)]
  const byteSeconds = dueAt(from, to.atSecond) - to.dueByteSeconds
  return { byteSeconds, amountMicroUsd: amountOf(to.priceMicroUsdPerTibHour, byteSeconds) }
}

/**
 * Recomputes a bill from its evidence alone, in the order of the periods.
 * @param before up to where each agreement was billed
 * @throws StorageError STORAGE_CARE_DIFFERS with what is wrong
 */
export function checkCareBill(
  context: CareContext,
  node: Address,
  { periods, before }: { readonly periods: readonly PaidPeriod[]; readonly before: ReadonlyMap<Hash, BilledTo> },
): CheckedBill {
  const billedTo = new Map(before)
  const named = new Set<Hash>()
  let [byteSeconds, paid] = [0n, 0n]
  for (const period of periods) {
    const checked = checkPeriod(context, node, period)
    named.add(checked.agreement)
    const leftByteSeconds = requireAfter(checked, billedTo.get(checked.agreement), context.appointedSecond)
    const { revision, atSecond, bytes } = checked.after
    billedTo.set(checked.agreement, { revision, atSecond, bytes, leftByteSeconds })
    byteSeconds += checked.byteSeconds
    paid += amountOf(checked.after.priceMicroUsdPerTibHour, checked.byteSeconds)
  }
  return {
    byteSeconds,
    amountMicroUsd: careAmountOf(paid, context.sharePpm),
    billedTo: new Map(Array.from(billedTo).filter(([agreement]) => named.has(agreement))),
  }
}

/**
 * Checks what a node shows of an agreement with a caretaker, for leaves that this payer has drawn just now.
 * @returns the revision that it showed it for
 * @throws StorageError STORAGE_CARE_DIFFERS
 */
export function checkShown(
  context: CareContext,
  node: Address,
  { signed, proof, seed }: { readonly signed: SignedAgreement; readonly proof: Uint8Array; readonly seed: Uint8Array },
): Agreement {
  const agreement = opened(context, signed)
  requireParties(context, node, agreement)
  requireProof(context, agreement, decoded(proof), seed)
  return agreement
}

interface CheckedPeriod {
  readonly agreement: Hash
  readonly before: Agreement
  readonly after: Agreement
  readonly byteSeconds: bigint
}

function checkPeriod(context: CareContext, node: Address, period: PaidPeriod): CheckedPeriod {
  const [before, after] = [opened(context, period.before), opened(context, period.after)]
  requireParties(context, node, after)
  const agreement = agreementIdOf(after)
  if (after.priceMicroUsdPerTibHour > context.priceMaxMicroUsdPerTibHour)
    throw differs(`a node is paid ${after.priceMicroUsdPerTibHour} micro-dollars for a tebibyte-hour, above the limit`)
  const { root, leaves, slots, pieces, bytes } = before
  const billedByteSeconds = attempt('its revisions do not follow', () => {
    const billed = dueAt(before, after.atSecond) - after.dueByteSeconds
    const set = { root, leaves, slots, pieces, bytes }
    checkNextAgreement(after, nextAgreement(before, { atSecond: after.atSecond, set, billedByteSeconds: billed }))
    return billed
  })
  const proof = decoded(period.proof)
  requireProof(context, after, proof, proof.seed)
  return { agreement, before, after, byteSeconds: billedByteSeconds }
}

/**
 * Neither a revision nor a second is billed twice, nor more than can have been kept since the last one.
 * @returns byte-seconds that can have been kept and are still due
 */
function requireAfter(
  { before, after, byteSeconds }: CheckedPeriod,
  last: BilledTo | undefined,
  begin: number,
): bigint {
  const from = last ?? { revision: -1, atSecond: begin, bytes: 0, leftByteSeconds: 0n }
  if (after.revision <= from.revision || before.revision < from.revision || after.atSecond < from.atSecond)
    throw differs(`revision ${after.revision} is billed after revision ${from.revision}`)
  // What was due before its first revision is what a caretaker and a node of its own both signed.
  const since = BigInt(Math.max(from.bytes, after.bytes)) * BigInt(after.atSecond - from.atSecond)
  const most = from.leftByteSeconds + since
  if (byteSeconds > most) throw differs(`${byteSeconds} byte-seconds are billed, ${most} can have been kept`)
  const left = most - byteSeconds
  if (left > after.dueByteSeconds) return after.dueByteSeconds
  return left
}

function requireParties({ identity, payer, caretaker }: CareContext, node: Address, agreement: Agreement): void {
  const isRight =
    agreement.chainId === identity.chainId &&
    agreement.escrow === identity.escrow &&
    agreement.payer === caretaker &&
    agreement.node === node &&
    agreement.node !== caretaker
  if (!isRight) throw differs('an agreement is between others, or is paid elsewhere')
  if (!isCareNumber(agreement.number, payer)) throw differs('an agreement is about what is kept for another payer')
}

function requireProof({ isOwn }: CareContext, agreement: Agreement, proof: PossessionProof, seed: Uint8Array): void {
  if (!verifyPossession(agreement, seed, proof)) throw differs('a node did not show the leaves that were drawn')
  const other = proof.leaves.find(({ piece }) => !isOwn(piece))
  if (other !== undefined) throw differs(`the piece ${other.piece.piece} is none of this payer's`)
}

function opened({ secp256k1 }: CareContext, signed: SignedAgreement): Agreement {
  return attempt('a revision is not signed by both', () => openAgreement(secp256k1, signed))
}

function decoded(proof: Uint8Array): PossessionProof {
  return attempt('a proof cannot be read', () => decodePossession(proof))
}

function agreementOf({ document }: SignedAgreement): Agreement {
  return agreementSchema.decodeDocument(document)
}

function attempt<Result>(what: string, work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    if (!isSteadError(error) && !(error instanceof RangeError)) throw error
    throw differs(`${what}: ${messageOf(error)}`)
  }
}

function differs(what: string): StorageError {
  return new StorageError('STORAGE_CARE_DIFFERS', what)
}
