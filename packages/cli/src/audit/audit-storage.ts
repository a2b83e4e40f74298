import { type Address, type Chain, type MicroUsd, microUsd } from '@stead/core'
import { decodeReceiptBundle } from '@stead/market'
import type { Secp256k1 } from '@stead/protocol'
import type { DaemonClient } from '@stead/sdk'
import type { StorageEvidence } from '@stead/sdk/api'
import { paidPeriodSchema, recomputeStorageBill } from '@stead/storage'
import { type AuditOptions, openAuditChain } from './audit-chain.ts'
import { differenceOfError } from './audit-verdict.ts'
import { checkOnChain } from './chain-check.ts'

/** What one node billed for storage, found right. */
export interface AuditedStorageNode {
  readonly node: Address
  /** Periods of the last month whose revisions, proofs and amounts were recomputed. */
  readonly periods: number
  readonly byteSeconds: bigint
  readonly amountMicroUsd: MicroUsd
  /** Paid for, and not on a receipt yet. */
  readonly waiting: number
  /** Billed before the evidence that is kept: receipts are right, what they are for is not recomputed. */
  readonly older: { readonly entries: number; readonly amountMicroUsd: MicroUsd }
  /** What the last vouchers of its channels say. */
  readonly voucherMicroUsd: MicroUsd
  readonly claimedMicroUsd: MicroUsd
}

/** What an audit of storage came to. */
export type StorageAuditVerdict =
  | { readonly kind: 'match'; readonly nodes: readonly AuditedStorageNode[] }
  | {
      readonly kind: 'difference'
      readonly what: string
      readonly node?: Address
      readonly details?: Readonly<Record<string, string>>
    }

type Difference = StorageAuditVerdict & { readonly kind: 'difference' }

/**
 * Recomputes what every node billed for storage in the last month: signatures, revisions, proofs, amounts, and that
 * nobody claimed more from the chain. Gives the first difference.
 * @throws ChainError where the chain cannot be asked; what the daemon's API throws
 */
export async function auditStorage(client: DaemonClient, options: AuditOptions): Promise<StorageAuditVerdict> {
  const { chain, secp256k1 } = await openAuditChain(options)
  try {
    const nodes: AuditedStorageNode[] = []
    for (let after: Address | undefined; ; ) {
      const evidence = await client.getStorageEvidence(after === undefined ? {} : { after }).catch(differenceOfError)
      if ('kind' in evidence) return evidence
      const { node } = evidence
      if (node === undefined) return { kind: 'match', nodes }
      const found = await auditNode({ chain, secp256k1 }, node, evidence)
      if ('kind' in found) return found
      nodes.push(found)
      after = node
    }
  } finally {
    await chain.stop()
  }
}

async function auditNode(
  { chain, secp256k1 }: { readonly chain: Chain; readonly secp256k1: Secp256k1 },
  node: Address,
  { periods: documents, receipts }: StorageEvidence,
): Promise<AuditedStorageNode | Difference> {
  try {
    const { chainId, escrow, channels } = decodeReceiptBundle(receipts)
    const { identity } = chain
    if (chainId !== identity.chainId || escrow !== identity.escrow) {
      const what = `the receipts are of escrow ${escrow} on chain ${chainId}, not of ${identity.escrow} on ${identity.chainId}`
      return { kind: 'difference', what, node }
    }
    const periods = documents.map((document) => paidPeriodSchema.decodeMessage(document))
    const bill = recomputeStorageBill({ secp256k1, chain: identity, periods, channels })
    if (bill.kind === 'difference') {
      const { message, what, expected, got } = bill
      return { kind: 'difference', what: message, node, details: { what, expected, got } }
    }
    const finding = await checkOnChain(chain, channels)
    if (finding.kind === 'differs') return { kind: 'difference', what: finding.what, node }
    const sum = (amounts: readonly bigint[]): MicroUsd =>
      microUsd(amounts.reduce((total, amount) => total + amount, 0n))
    const { periods: count, byteSeconds, amountMicroUsd, waiting, older } = bill
    const voucherMicroUsd = sum(bill.channels.map(({ cumulativeMicroUsd }) => cumulativeMicroUsd))
    const claimedMicroUsd = sum(finding.channels.map(({ claimedMicroUsd: claimed }) => claimed))
    return { node, periods: count, byteSeconds, amountMicroUsd, waiting, older, voucherMicroUsd, claimedMicroUsd }
  } catch (error) {
    return { ...differenceOfError(error), node }
  }
}
