import { type ContentId, type Fuel, fuel, type Hash, hasCode, type MicroUsd } from '@stead/core'
import type { StoredReceipt } from '@stead/market'
import {
  type BillEntry,
  bytesToHex,
  checkIncrementFollows,
  contentIdOf,
  incrementId,
  quoteSchema,
  type Task,
  taskSchema,
} from '@stead/protocol'
import type { Outcome } from '@stead/sandbox'
import type { AcceptedDelivery, JobEvidence } from './consumer/job-evidence.ts'
import { evidenceOf } from './evidence.ts'
import { floatsOf } from './floats.ts'
import { amountOf } from './meter.ts'
import { type ComputeTerms, computeTermsSchema } from './terms.ts'

/** In which respect a bill differs; a closed list. */
export type BillDifference =
  | 'increments'
  | 'not-billed'
  | 'billed-twice'
  | 'task'
  | 'outcome'
  | 'raw-floats'
  | 'fuel'
  | 'amount'
  | 'journal'
  | 'voucher'
  | 'receipt'
  | 'not-repeatable'

/** What recomputing a bill found. */
export type BillAudit =
  | {
      readonly kind: 'match'
      /** Tasks that were run again. */
      readonly tasks: number
      /** Billed deliveries of the job. */
      readonly entries: number
      readonly fuel: Fuel
      readonly amountMicroUsd: MicroUsd
      readonly channels: readonly BilledChannel[]
    }
  | {
      readonly kind: 'difference'
      readonly what: BillDifference
      /** One sentence for a person. */
      readonly message: string
      readonly expected: string
      readonly got: string
      readonly channel?: Hash
      readonly delivery?: string
      readonly task?: string
    }

/** What one channel's part of a bill adds up to. */
export interface BilledChannel {
  readonly channel: Hash
  readonly entries: number
  /** Of this job. */
  readonly amountMicroUsd: MicroUsd
  /** What the last voucher of the channel says, other jobs included. */
  readonly cumulativeMicroUsd: MicroUsd
}

/** What a bill is recomputed from. */
export interface BillAuditInput {
  readonly job: JobEvidence
  /** All receipts of every channel that the job used, from the first on; their signatures are the market's to check. */
  readonly receipts: readonly StoredReceipt[]
  /** Runs a task again, on a machine that the auditor trusts. */
  readonly run: (task: Task, id: ContentId) => Promise<Outcome>
  /**
   * Whether a module has float arithmetic: then a result with raw floats that differs here is told as `raw-floats`, which
   * is no proof of a lie. @default none has
   */
  readonly hasFloats?: (module: ContentId) => Promise<boolean>
}

type Difference = BillAudit & { readonly kind: 'difference' }

class Found extends Error {
  readonly difference: Difference
  constructor(difference: Omit<Difference, 'kind'>) {
    super(difference.message)
    this.difference = { kind: 'difference', ...difference }
  }
}

interface Rerun {
  readonly task: Task
  readonly outcome: ContentId
  readonly fuel: Fuel
}

/**
 * Runs every billed task of a job again and compares outcome, fuel and amount with the receipts, and the sums with the
 * vouchers. Stops at the first difference. Pure but for `run`.
 */
export async function recomputeBill(input: BillAuditInput): Promise<BillAudit> {
  try {
    return await recompute(input)
  } catch (error) {
    if (error instanceof Found) return error.difference
    throw error
  }
}

async function recompute({ job, receipts, run, hasFloats }: BillAuditInput): Promise<BillAudit> {
  const tasks = new Map(job.tasks.map(({ key, document }) => [key, document]))
  const open = new Map(job.accepted.map((accepted) => [accepted.delivery, accepted]))
  const own = new Set(open.keys())
  const reruns = new Map<string, Rerun>()
  const channels: BilledChannel[] = []
  let fuelSum = 0n
  for (const [channel, chain] of chainsOf(receipts)) {
    const { cumulativeMicroUsd } = checkChain(channel, chain)
    let [entries, amount] = [0, 0n]
    for (const { entry, terms } of entriesOf(chain)) {
      const delivery = bytesToHex(entry.delivery).slice(2)
      const accepted = open.get(delivery)
      if (accepted === undefined) {
        if (own.has(delivery)) throw billedTwice(channel, delivery)
        // Of another job.
        continue
      }
      open.delete(delivery)
      const rerun = reruns.get(accepted.task) ?? (await runAgain(tasks.get(accepted.task), accepted, run))
      reruns.set(accepted.task, rerun)
      // Other fuel is another matter: NaN bits hardly ever change what a program does.
      const isOnlyOutput = rerun.outcome !== entry.evidence && rerun.fuel === entry.quantity
      if (isOnlyOutput && floatsOf(rerun.task) === 'raw' && (await hasFloats?.(rerun.task.module)))
        throw rawFloats(channel, accepted, { expected: rerun.outcome, got: entry.evidence })
      checkEntry(channel, { entry, accepted, rerun, terms, document: tasks.get(accepted.task) })
      entries++
      amount += entry.amountMicroUsd
      fuelSum += entry.quantity
    }
    if (entries > 0) channels.push({ channel, entries, amountMicroUsd: amount as MicroUsd, cumulativeMicroUsd })
  }
  checkAllBilled(open)
  const amountMicroUsd = channels.reduce((sum, { amountMicroUsd: part }) => sum + part, 0n) as MicroUsd
  checkSum(job, amountMicroUsd)
  const entries = channels.reduce((sum, { entries: part }) => sum + part, 0)
  return { kind: 'match', tasks: reruns.size, entries, fuel: fuel(fuelSum), amountMicroUsd, channels }
}

/** Receipts by channel, in the order of their index. */
function chainsOf(receipts: readonly StoredReceipt[]): Map<Hash, StoredReceipt[]> {
  const chains = new Map<Hash, StoredReceipt[]>()
  for (const receipt of receipts) {
    const { channel } = receipt.increment
    const chain = chains.get(channel)
    if (chain === undefined) chains.set(channel, [receipt])
    else chain.push(receipt)
  }
  for (const chain of chains.values()) chain.sort((left, right) => left.increment.index - right.increment.index)
  return chains
}

/** Every increment follows the one before, and no voucher is below what was delivered. */
function checkChain(channel: Hash, chain: readonly StoredReceipt[]): { readonly cumulativeMicroUsd: MicroUsd } {
  let before: Parameters<typeof checkIncrementFollows>[1]
  for (const { increment, incrementBytes, providerSignature } of chain) {
    try {
      checkIncrementFollows(increment, before)
    } catch (error) {
      if (!hasCode(error, 'PROTOCOL_CONTENT')) throw error
      const { need, have } = error.details
      throw new Found({
        what: 'increments',
        message: error.message,
        expected: String(need),
        got: String(have),
        channel,
      })
    }
    const { index, deliveredMicroUsd, cumulativeMicroUsd } = increment
    if (providerSignature === undefined) {
      const message = `increment ${index} is not receipted by the provider`
      throw new Found({ what: 'receipt', message, expected: 'a signature', got: 'none', channel })
    }
    if (cumulativeMicroUsd < deliveredMicroUsd) {
      const message = `the voucher of increment ${index} says less than was delivered`
      const [expected, got] = [String(deliveredMicroUsd), String(cumulativeMicroUsd)]
      throw new Found({ what: 'voucher', message, expected, got, channel })
    }
    before = { id: incrementId(incrementBytes), index, deliveredMicroUsd, cumulativeMicroUsd }
  }
  return { cumulativeMicroUsd: before?.cumulativeMicroUsd ?? (0n as MicroUsd) }
}

function* entriesOf(chain: readonly StoredReceipt[]): Generator<{ entry: BillEntry; terms: readonly ComputeTerms[] }> {
  const terms = new Map<string, ComputeTerms>()
  for (const { evidence } of chain)
    for (const { document } of evidence.quotes) {
      const quote = quoteSchema.decodeDocument(document)
      if (!terms.has(quote.id)) terms.set(quote.id, computeTermsSchema.decodeDocument(quote.terms))
    }
  const all = [...terms.values()]
  for (const { increment } of chain) for (const entry of increment.entries) yield { entry, terms: all }
}

async function runAgain(
  document: Uint8Array | undefined,
  accepted: AcceptedDelivery,
  run: BillAuditInput['run'],
): Promise<Rerun> {
  const { task, channel, delivery } = accepted
  if (document === undefined) {
    const message = `the job has no task ${JSON.stringify(task)}`
    throw new Found({ what: 'journal', message, expected: 'a task', got: 'none', channel, delivery, task })
  }
  const id = contentIdOf('dag-cbor', document)
  const decoded = taskSchema.decodeDocument(document)
  const outcome = await run(decoded, id)
  const evidence = evidenceOf(id, outcome)
  if (evidence !== undefined) return { task: decoded, outcome: evidence.id, fuel: evidence.record.fuel }
  const message = `task ${JSON.stringify(task)} has no result here: ${outcome.status}`
  throw new Found({
    what: 'not-repeatable',
    message,
    expected: accepted.outcome,
    got: outcome.status,
    channel,
    delivery,
    task,
  })
}

function checkEntry(
  channel: Hash,
  found: {
    readonly entry: BillEntry
    readonly accepted: AcceptedDelivery
    readonly rerun: Rerun
    readonly terms: readonly ComputeTerms[]
    readonly document: Uint8Array | undefined
  },
): void {
  const { entry, accepted, rerun, terms, document } = found
  const { task, delivery } = accepted
  const check = (what: BillDifference, expected: string, got: string): void => {
    if (expected === got) return
    const message = `${what} of task ${JSON.stringify(task)}: ${expected} expected, ${got} billed`
    throw new Found({ what, message, expected, got, channel, delivery, task })
  }
  check('task', document === undefined ? '' : contentIdOf('dag-cbor', document), entry.item)
  check('fuel', String(rerun.fuel), String(entry.quantity))
  check('outcome', rerun.outcome, entry.evidence)
  const due = [...new Set(terms.map((quoted) => String(amountOf(quoted, rerun.fuel))))]
  const billed = String(entry.amountMicroUsd)
  check('amount', due.includes(billed) ? billed : due.join(' or '), billed)
  check('journal', String(accepted.amountMicroUsd), billed)
  check('journal', accepted.channel, channel)
}

function rawFloats(
  channel: Hash,
  { task, delivery }: AcceptedDelivery,
  outcomes: { readonly expected: ContentId; readonly got: ContentId },
): Found {
  const message = `task ${JSON.stringify(task)} was run with raw floats and has another result here, perhaps in NaN bits only: no proof of a lie; a job with strict floats has a bill that every machine can repeat`
  return new Found({ what: 'raw-floats', message, ...outcomes, channel, delivery, task })
}

function billedTwice(channel: Hash, delivery: string): Found {
  const message = `delivery ${delivery} is billed twice`
  return new Found({ what: 'billed-twice', message, expected: '1', got: '2', channel, delivery })
}

function checkAllBilled(open: ReadonlyMap<string, AcceptedDelivery>): void {
  const [first] = open.values()
  if (first === undefined) return
  const { channel, delivery, task, amountMicroUsd } = first
  const message = `${open.size} accepted deliveries are on no receipt, the first of task ${JSON.stringify(task)}`
  throw new Found({ what: 'not-billed', message, expected: String(amountMicroUsd), got: '0', channel, delivery, task })
}

function checkSum(job: JobEvidence, amountMicroUsd: bigint): void {
  if (job.spentMicroUsd === amountMicroUsd) return
  const [expected, got] = [String(job.spentMicroUsd), String(amountMicroUsd)]
  throw new Found({ what: 'journal', message: 'the receipts do not add up to what the job spent', expected, got })
}
