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
  /** Every task of the job as its DAG-CBOR document. */
  readonly tasks: readonly { readonly key: string; readonly document: Uint8Array }[]
  readonly accepted: readonly AcceptedDelivery[]
  /** The sum of what was accepted. */
  readonly spentMicroUsd: MicroUsd
}

/** A job's evidence from its history. */
export function evidenceOfJob(ledger: JobLedger): JobEvidence {
  const { header, tasks } = ledger.plan
  return {
    job: header.id,
    name: header.name,
    tasks: tasks.map(({ key, document }) => ({ key, document })),
    accepted: ledger.accepted.map(deliveryOf),
    spentMicroUsd: ledger.spentMicroUsd,
  }
}

function deliveryOf(answer: Answer): AcceptedDelivery {
  const { id: delivery, task, node, channel, outcome, record, amountMicroUsd } = answer
  return { delivery, task: task.plan.key, node, channel, outcome, fuel: record.fuel, amountMicroUsd }
}
