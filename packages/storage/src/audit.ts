import { type ContentId, type Hash, isSteadError, type MicroUsd, messageOf, microUsd } from '@stead/core'
import { type ReceiptChain, type ReceiptChainEvidence, verifyReceiptChain } from '@stead/market'
import { type BillEntry, bytesToHex, contentIdOf, equalBytes, type Secp256k1 } from '@stead/protocol'
import {
  type Agreement,
  agreementIdOf,
  checkNextAgreement,
  dueAt,
  nextAgreement,
  openAgreement,
} from './agreement/agreement.ts'
import { decodePossession, possessionIdOf, verifyPossession } from './agreement/possession.ts'
import type { PaidPeriod } from './consumer/paid-periods.ts'
import { amountOf } from './meter.ts'

/** In which respect a bill of storage differs; a closed list. */
export type StorageBillDifference =
  | 'receipts'
  | 'signature'
  | 'parties'
  | 'revision'
  | 'overlap'
  | 'proof'
  | 'quantity'
  | 'amount'
  | 'item'
  | 'billed-twice'
  | 'not-billed'
  | 'no-evidence'

/** What a bill of storage is recomputed from. */
export interface StorageBillInput {
  readonly secp256k1: Secp256k1
  readonly chain: ReceiptChain
  /** Paid periods of one node. */
  readonly periods: readonly PaidPeriod[]
  /** All channels that paid for them, with all receipts. */
  readonly channels: readonly ReceiptChainEvidence[]
}

/** What one channel's part of a bill of storage adds up to. */
export interface StorageBilledChannel {
  readonly channel: Hash
  /** Periods that were recomputed. */
  readonly entries: number
  readonly amountMicroUsd: MicroUsd
  /** What the last voucher says, older periods included. */
  readonly cumulativeMicroUsd: MicroUsd
}

/** What recomputing a bill of storage found. */
export type StorageBillAudit =
  | {
      readonly kind: 'match'
      /** Periods whose revisions, proof, quantity and amount are right. */
      readonly periods: number
      readonly byteSeconds: bigint
      readonly amountMicroUsd: MicroUsd
      /** Accepted, and not on a receipt yet. */
      readonly waiting: number
      /** Billed before the oldest evidence that is kept. */
      readonly older: { readonly entries: number; readonly amountMicroUsd: MicroUsd }
      readonly channels: readonly StorageBilledChannel[]
    }
  | {
      readonly kind: 'difference'
      readonly what: StorageBillDifference
      /** One sentence for a person. */
      readonly message: string
      readonly expected: string
      readonly got: string
      readonly channel?: Hash
      readonly delivery?: string
    }

type Difference = StorageBillAudit & { readonly kind: 'difference' }

class Found extends Error {
  readonly difference: Difference
  constructor(difference: Omit<Difference, 'kind'>) {
    super(difference.message)
    this.difference = { kind: 'difference', ...difference }
  }
}

/** A period as its own documents say it. */
interface Recomputed {
  readonly delivery: string
  readonly channel: Hash
  readonly agreement: Hash
  readonly before: Agreement
  readonly after: Agreement
  readonly item: ContentId
  readonly evidence: ContentId
  readonly byteSeconds: bigint
  readonly amountMicroUsd: MicroUsd
}

interface Billed {
  readonly entry: BillEntry
  readonly channel: Hash
  /** Where it is among the channel's entries. */
  readonly place: number
}

/**
 * Recomputes what a node billed for storage, from bytes alone: each period follows from a revision that both signed, was
 * proven by leaves that a seed drew, costs what was agreed, and is on the receipts once. Stops at the first difference.
 * What was due before a period's first revision is what both signed there.
 */
export function recomputeStorageBill(input: StorageBillInput): StorageBillAudit {
  try {
    return recompute(input)
  } catch (error) {
    if (error instanceof Found) return error.difference
    throw error
  }
}

function recompute(input: StorageBillInput): StorageBillAudit {
  const { billed, cumulative } = billedEntries(input)
  const periods = input.periods.map((period) => recomputePeriod(input, period))
  checkOrder(periods)
  const deliveries = new Set<string>()
  for (const period of periods) {
    if (deliveries.has(period.delivery)) throw differs(period, 'billed-twice', '1', '2')
    deliveries.add(period.delivery)
  }
  const channels: StorageBilledChannel[] = []
  const older = { entries: 0, amountMicroUsd: 0n }
  let waiting = 0
  const counted = periods.filter((period) => checkEntry(period, billed.get(period.delivery)))
  for (const [channel, entries] of Map.groupBy(billed.values(), (each) => each.channel)) {
    const own = periods.filter((period) => period.channel === channel)
    waiting += waitingOf(own, billed)
    for (const { entry } of unexplained(channel, { entries, own, billed, deliveries })) {
      older.entries++
      older.amountMicroUsd += entry.amountMicroUsd
    }
    channels.push({
      channel,
      ...partOf(counted.filter((period) => period.channel === channel)),
      cumulativeMicroUsd: cumulative.get(channel) ?? microUsd(0n),
    })
  }
  const silent = periods.filter((period) => !channels.some(({ channel }) => channel === period.channel))
  return {
    kind: 'match',
    periods: counted.length,
    byteSeconds: counted.reduce((sum, { byteSeconds }) => sum + byteSeconds, 0n),
    amountMicroUsd: sumOf(counted),
    waiting: waiting + silent.length,
    older: { ...older, amountMicroUsd: microUsd(older.amountMicroUsd) },
    channels,
  }
}

/** Every entry of every channel by its delivery, after the receipts themselves were found right. */
function billedEntries({ secp256k1, chain, channels }: StorageBillInput): {
  readonly billed: ReadonlyMap<string, Billed>
  readonly cumulative: ReadonlyMap<Hash, MicroUsd>
} {
  const billed = new Map<string, Billed>()
  const cumulative = new Map<Hash, MicroUsd>()
  for (const evidence of channels) {
    const { channel } = evidence
    const verdict = verifyReceiptChain(secp256k1, chain, evidence)
    if (!verdict.ok) {
      const { index, what, need, have } = verdict.difference
      const message = `channel ${channel}${index === undefined ? '' : `, receipt ${index}`}: ${what} is not as it must be`
      throw new Found({ what: 'receipts', message, expected: need, got: have, channel })
    }
    cumulative.set(channel, verdict.sums.cumulativeMicroUsd)
    const entries = verdict.increments.flatMap((increment) => increment.entries)
    for (const [place, entry] of entries.entries()) {
      const delivery = deliveryText(entry.delivery)
      if (billed.has(delivery)) {
        const message = `delivery ${delivery} is billed in two channels`
        throw new Found({ what: 'billed-twice', message, expected: '1', got: '2', channel, delivery })
      }
      billed.set(delivery, { entry, channel, place })
    }
  }
  return { billed, cumulative }
}

function recomputePeriod({ secp256k1, chain, channels }: StorageBillInput, period: PaidPeriod): Recomputed {
  const { channel } = period
  const delivery = deliveryText(period.delivery)
  const place = { channel, delivery }
  const before = attempt('signature', place, () => openAgreement(secp256k1, period.before))
  const after = attempt('signature', place, () => openAgreement(secp256k1, period.after))
  const evidence = channels.find((each) => each.channel === channel)
  if (evidence === undefined) throw differs(place, 'receipts', `receipts of channel ${channel}`, 'none')
  const parties: readonly (readonly [unknown, unknown])[] = [
    [chain.chainId, after.chainId],
    [chain.escrow, after.escrow],
    [evidence.terms.node, after.node],
    [evidence.seed.voucherSigner, after.payer],
  ]
  for (const [need, have] of parties) if (need !== have) throw differs(place, 'parties', String(need), String(have))
  const { root, leaves, slots, pieces, bytes } = before
  const byteSeconds = attempt('revision', place, () => {
    const set = { root, leaves, slots, pieces, bytes }
    // Some of it may stay due, where the channel had no room for all.
    const billedByteSeconds = dueAt(before, after.atSecond) - after.dueByteSeconds
    checkNextAgreement(after, nextAgreement(before, { atSecond: after.atSecond, set, billedByteSeconds }))
    return billedByteSeconds
  })
  attempt('proof', place, () => {
    const proof = decodePossession(period.proof)
    if (!verifyPossession(after, proof.seed, proof)) throw new RangeError('it shows other leaves than its seed draws')
  })
  return {
    ...place,
    agreement: agreementIdOf(after),
    before,
    after,
    item: contentIdOf('dag-cbor', period.after.document),
    evidence: possessionIdOf(period.proof),
    byteSeconds,
    amountMicroUsd: amountOf(after.priceMicroUsdPerTibHour, byteSeconds),
  }
}

/** No second of an agreement is in two periods, and two revisions of one number are never both signed. */
function checkOrder(periods: readonly Recomputed[]): void {
  for (const own of Map.groupBy(periods, ({ agreement }) => agreement).values()) {
    const ordered = own.toSorted((left, right) => left.after.revision - right.after.revision)
    for (const [index, period] of ordered.entries()) {
      const last = ordered[index - 1]
      if (last === undefined) continue
      const { before } = period
      const [need, have] = [last.after, before]
      const isAfter = have.revision >= need.revision && have.atSecond >= need.atSecond
      const isSame =
        have.revision !== need.revision ||
        (have.dueByteSeconds === need.dueByteSeconds && equalBytes(have.root, need.root))
      if (isAfter && isSame) continue
      const text = ({ revision, atSecond }: Agreement): string => `revision ${revision} of second ${atSecond}`
      throw differs(period, 'overlap', `${text(need)} or later`, text(have))
    }
  }
}

/** @returns false for a period that is on no receipt yet */
function checkEntry(period: Recomputed, billed: Billed | undefined): boolean {
  if (billed === undefined) return false
  const { entry, channel } = billed
  const check = (what: StorageBillDifference, expected: unknown, got: unknown): void => {
    if (expected !== got) throw differs(period, what, String(expected), String(got))
  }
  check('parties', period.channel, channel)
  check('item', period.item, entry.item)
  check('proof', period.evidence, entry.evidence)
  check('quantity', period.byteSeconds, entry.quantity)
  check('amount', period.amountMicroUsd, entry.amountMicroUsd)
  return true
}

/** Periods that wait for their receipt: none with a later one of the same agreement that is on a receipt of the same channel. */
function waitingOf(own: readonly Recomputed[], billed: ReadonlyMap<string, Billed>): number {
  let waiting = 0
  for (const periods of Map.groupBy(own, ({ agreement }) => agreement).values()) {
    const open = periods.filter(({ delivery }) => !billed.has(delivery))
    const newest = Math.max(
      -1,
      ...periods.filter((each) => billed.has(each.delivery)).map(({ after }) => after.revision),
    )
    const [skipped] = open.filter(({ after }) => after.revision < newest)
    if (skipped !== undefined) throw differs(skipped, 'not-billed', String(skipped.amountMicroUsd), '0')
    waiting += open.length
  }
  return waiting
}

/**
 * Entries without a period: those before the oldest evidence of any agreement that the channel pays for. One that comes
 * after the first period of each of them was billed for nothing that is known.
 */
function unexplained(
  channel: Hash,
  about: {
    readonly entries: readonly Billed[]
    readonly own: readonly Recomputed[]
    readonly billed: ReadonlyMap<string, Billed>
    readonly deliveries: ReadonlySet<string>
  },
): readonly Billed[] {
  const { entries, own, billed, deliveries } = about
  const firsts = Map.groupBy(own, ({ agreement }) => agreement)
    .values()
    .map((periods) =>
      Math.min(...periods.map(({ delivery }) => billed.get(delivery)?.place ?? Number.POSITIVE_INFINITY)),
    )
  const known = own.length === 0 ? Number.POSITIVE_INFINITY : Math.max(...firsts)
  const without = entries.filter(({ entry }) => !deliveries.has(deliveryText(entry.delivery)))
  const later = without.find(({ place }) => place > known)
  if (later === undefined) return without
  const delivery = deliveryText(later.entry.delivery)
  const got = String(later.entry.amountMicroUsd)
  throw differs({ channel, delivery }, 'no-evidence', 'a period that was proven', `${got} micro-dollars billed`)
}

function sumOf(periods: readonly Recomputed[]): MicroUsd {
  return microUsd(periods.reduce((sum, { amountMicroUsd }) => sum + amountMicroUsd, 0n))
}

function partOf(periods: readonly Recomputed[]): Pick<StorageBilledChannel, 'entries' | 'amountMicroUsd'> {
  return { entries: periods.length, amountMicroUsd: sumOf(periods) }
}

function deliveryText(delivery: Uint8Array): string {
  return bytesToHex(delivery).slice(2)
}

interface Place {
  readonly channel: Hash
  readonly delivery: string
}

function differs({ channel, delivery }: Place, what: StorageBillDifference, expected: string, got: string): Found {
  const message = `delivery ${delivery}, ${what}: ${expected} expected, ${got} found`
  return new Found({ what, message, expected, got, channel, delivery })
}

/** Turns what a check throws into the difference that it found. */
function attempt<Result>(what: StorageBillDifference, place: Place, check: () => Result): Result {
  try {
    return check()
  } catch (error) {
    if (!isSteadError(error) && !(error instanceof RangeError)) throw error
    throw differs(place, what, 'what follows from the revision before', messageOf(error))
  }
}
