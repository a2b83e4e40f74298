import type { Address, ContentId, Fuel, Hash, MicroUsd } from '@stead/core'
import type { Answer, JobLedger } from './job-ledger.ts'

/** A delivery that a job accepted for payment, as its payer's journal has it. */
export interface AcceptedDelivery {
  /** 32 hexadecimal digits. */
  readonly delivery: string
  readonly task: string
  readonly node: Address
  readonly channel: Hash
  readonly outcome: ContentId
  readonly fuel: Fuel
  readonly amountMicroUsd: MicroUsd
}

/** What an auditor needs of a job, besides receipts, modules and inputs. */
export interface JobEvidence {
  readonly job: Hash
  readonly name: string
  /**
   * Every task of the job as its DAG-CBOR document, and behind them those that were asked again with strict floats, under
   * keys of their own.
   */
  readonly tasks: readonly { readonly key: string; readonly document: Uint8Array }[]
  readonly accepted: readonly AcceptedDelivery[]
  /** The sum of what was accepted. */
  readonly spentMicroUsd: MicroUsd
}

/** A job's evidence from its history. */
export function evidenceOfJob(ledger: JobLedger): JobEvidence {
  const { header, tasks } = ledger.plan
  const keys = new Set(tasks.map(({ key }) => key))
  const rows = tasks.map(({ key, document }) => ({ key, document }))
  const strictKeys = new Map<ContentId, string>()
  for (const { index, plan } of ledger.tasks) {
    if (plan.id === tasks[index]?.id) continue
    const key = freeKey(`${plan.key} (strict floats)`, keys)
    keys.add(key)
    strictKeys.set(plan.id, key)
    rows.push({ key, document: plan.document })
  }
  return {
    job: header.id,
    name: header.name,
    tasks: rows,
    accepted: ledger.accepted.map((answer) => deliveryOf(answer, strictKeys)),
    spentMicroUsd: ledger.spentMicroUsd,
  }
}

function freeKey(wish: string, taken: ReadonlySet<string>): string {
  return taken.has(wish) ? freeKey(`${wish}'`, taken) : wish
}

function deliveryOf(answer: Answer, strictKeys: ReadonlyMap<ContentId, string>): AcceptedDelivery {
  const { id: delivery, node, channel, outcome, record, amountMicroUsd } = answer
  const task = strictKeys.get(record.task) ?? answer.task.plan.key
  return { delivery, task, node, channel, outcome, fuel: record.fuel, amountMicroUsd }
}
