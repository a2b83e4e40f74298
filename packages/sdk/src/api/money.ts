import type { Address, ContentId, Fuel, Hash, MicroUsd, UnixMs, Wei } from '@stead/core'
import { z } from 'zod'
import {
  addressWire,
  bytesWire,
  contentIdWire,
  countWire,
  fuelWire,
  hashWire,
  integerWire,
  microUsdWire,
  optionalWire,
  unixMsWire,
  type Wire,
  weiWire,
} from './scalars.ts'

/** One paid entry of a channel's bill, with the increment that carries it. */
export interface ReceiptLine {
  readonly channel: Hash
  readonly node: Address
  readonly operator: Address
  /** Number of the increment on its channel. */
  readonly increment: number
  readonly job?: Hash
  /** Key of the task in its job. */
  readonly task?: string
  /** The task document's id. */
  readonly item: ContentId
  /** The outcome record's id. */
  readonly evidence: ContentId
  /** Metered units: fuel. */
  readonly quantity: bigint
  readonly amountMicroUsd: MicroUsd
  /** The provider's statement over the increment is here, too. */
  readonly receipted: boolean
  readonly paidAt: UnixMs
}

/** Query of `GET /v1/receipts`. */
export interface ReceiptQuery {
  readonly job?: Hash
  readonly channel?: Hash
  readonly since?: UnixMs
}

/** Wire form of {@link ReceiptQuery}; all members are texts in the URL. */
export const receiptQueryWire: Wire<ReceiptQuery> = z.strictObject({
  job: optionalWire(hashWire),
  channel: optionalWire(hashWire),
  since: optionalWire(
    z.codec(z.string().regex(/^[0-9]{1,16}$/), unixMsWire, {
      decode: (text) => Number(text),
      encode: (value) => String(value),
    }),
  ),
})

/** Answer to `GET /v1/receipts`, oldest first. */
export interface ReceiptList {
  readonly receipts: readonly ReceiptLine[]
}

/** Wire form of {@link ReceiptList}. */
export const receiptListWire: Wire<ReceiptList> = z.object({
  receipts: z.array(
    z.object({
      channel: hashWire,
      node: addressWire,
      operator: addressWire,
      increment: countWire,
      job: optionalWire(hashWire),
      task: optionalWire(z.string()),
      item: contentIdWire,
      evidence: contentIdWire,
      quantity: integerWire,
      amountMicroUsd: microUsdWire,
      receipted: z.boolean(),
      paidAt: unixMsWire,
    }),
  ),
})

/** What one channel brought in one claim. `net = gross - fee`; gas is paid by the claimer in the chain's own coin. */
export interface SettledChannel {
  readonly channel: Hash
  readonly purse: Hash
  readonly node: Address
  readonly operator: Address
  readonly grossMicroUsd: MicroUsd
  readonly feeMicroUsd: MicroUsd
  readonly netMicroUsd: MicroUsd
  readonly transaction: Hash
}

/** Wire form of {@link SettledChannel}. */
export const settledChannelWire: Wire<SettledChannel> = z.object({
  channel: hashWire,
  purse: hashWire,
  node: addressWire,
  operator: addressWire,
  grossMicroUsd: microUsdWire,
  feeMicroUsd: microUsdWire,
  netMicroUsd: microUsdWire,
  transaction: hashWire,
})

/** One transaction of a settlement. */
export interface SettlementTransaction {
  readonly transaction: Hash
  readonly action: 'fund' | 'claim' | 'payout' | 'thaw' | 'close'
  readonly gasUsed: bigint
  readonly gasCostWei: Wei
  /** When this node sent it; missing where the chain alone knows of it. */
  readonly at?: UnixMs
  /** Why it was sent: a code of the claim policy, `job` for a purse, `seen-on-chain` where the sender knows. */
  readonly reason: string
}

/** Wire form of {@link SettlementTransaction}. */
export const settlementTransactionWire: Wire<SettlementTransaction> = z.object({
  transaction: hashWire,
  action: z.enum(['fund', 'claim', 'payout', 'thaw', 'close']),
  gasUsed: integerWire,
  gasCostWei: weiWire,
  at: z.exactOptional(unixMsWire),
  reason: z.string(),
})

/** Answer to `POST /v1/settle`: what was paid to others and what was claimed from them, now. */
export interface SettleAnswer {
  /** Vouchers sent and receipted now, as payer. */
  readonly paidMicroUsd: MicroUsd
  /** Owed and not receipted, as payer, with the reason of each. */
  readonly unpaid: readonly { readonly node: Address; readonly amountMicroUsd: MicroUsd; readonly reason: string }[]
  /** Claimed now, as provider. */
  readonly claimed: readonly SettledChannel[]
  readonly transactions: readonly SettlementTransaction[]
}

/** Wire form of {@link SettleAnswer}. */
export const settleAnswerWire: Wire<SettleAnswer> = z.object({
  paidMicroUsd: microUsdWire,
  unpaid: z.array(z.object({ node: addressWire, amountMicroUsd: microUsdWire, reason: z.string() })),
  claimed: z.array(settledChannelWire),
  transactions: z.array(settlementTransactionWire),
})

/** A purse that paid for a job, as chain and payer have it. */
export interface EvidencePurse {
  readonly purse: Hash
  readonly depositedMicroUsd: MicroUsd
  readonly claims: readonly SettledChannel[]
}

/** A task with the documents that the auditor re-runs and compares. */
export interface EvidenceTask {
  readonly key: string
  /** The task's DAG-CBOR document; its modules and blobs come by `GET /v1/blobs/:id`. */
  readonly document: Uint8Array
  /** The accepted outcome record's DAG-CBOR document; missing while unfinished. */
  readonly outcome?: Uint8Array
}

/** A delivery that the job accepted for payment, as the payer's journal has it. */
export interface EvidenceDelivery {
  /** 32 hexadecimal digits. */
  readonly delivery: string
  /** Key of the task. */
  readonly task: string
  readonly node: Address
  readonly channel: Hash
  /** The outcome record's id. */
  readonly outcome: ContentId
  readonly fuel: Fuel
  readonly amountMicroUsd: MicroUsd
}

/** Answer to `GET /v1/jobs/:id/evidence`: everything from which `stead audit bill` recomputes the bill. */
export interface JobEvidence {
  readonly job: Hash
  readonly tasks: readonly EvidenceTask[]
  readonly accepted: readonly EvidenceDelivery[]
  /** The sum of what was accepted. */
  readonly spentMicroUsd: MicroUsd
  /** The job's channels with all receipts: an encoded ReceiptBundle of @stead/market. */
  readonly receipts: Uint8Array
  readonly purses: readonly EvidencePurse[]
  /** What locked the purses and what claimed from them, with the gas that the chain recorded. */
  readonly transactions: readonly SettlementTransaction[]
}

/** Wire form of {@link JobEvidence}. */
export const jobEvidenceWire: Wire<JobEvidence> = z.object({
  job: hashWire,
  tasks: z.array(z.object({ key: z.string(), document: bytesWire, outcome: optionalWire(bytesWire) })),
  accepted: z.array(
    z.object({
      delivery: z.string().regex(/^[0-9a-f]{32}$/),
      task: z.string(),
      node: addressWire,
      channel: hashWire,
      outcome: contentIdWire,
      fuel: fuelWire,
      amountMicroUsd: microUsdWire,
    }),
  ),
  spentMicroUsd: microUsdWire,
  receipts: bytesWire,
  purses: z.array(z.object({ purse: hashWire, depositedMicroUsd: microUsdWire, claims: z.array(settledChannelWire) })),
  transactions: z.array(settlementTransactionWire),
})
