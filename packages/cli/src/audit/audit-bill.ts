import { availableParallelism } from 'node:os'
import { recomputeBill } from '@stead/compute'
import { type ContentId, type PeerId, silentLogger, type UnixMs } from '@stead/core'
import { decodeReceiptBundle, type ReceiptChainEvidence, type StoredReceipt, verifyReceiptChain } from '@stead/market'
import { bytesToHex, contentIdOf, incrementSchema, taskSchema } from '@stead/protocol'
import { usesFloats } from '@stead/sandbox/facts'
import { ProcessExecutor } from '@stead/sandbox/node'
import type { JobEvidence } from '@stead/sdk/api'
import { type AuditOptions, openAuditChain } from './audit-chain.ts'
import { type AuditVerdict, differenceOfError } from './audit-verdict.ts'
import { type ChannelOnChain, checkOnChain } from './chain-check.ts'
import { RerunAhead, type RerunTask } from './rerun-ahead.ts'

/** What an audit reads: blobs from anybody, claims from the chain. */
export interface AuditComponents {
  readonly fetchBlob: (id: ContentId) => Promise<Uint8Array>
}

/** Tasks that are run ahead for each worker. */
const AHEAD_PER_WORKER = 4

/**
 * Recomputes a bill: checks every signature and sum of its receipts, compares them with the chain, and runs every
 * billed task again in a sandbox of its own. Gives the first difference.
 * @throws ChainError where the chain cannot be asked, and what fetching blobs throws
 */
export async function auditBill(
  components: AuditComponents,
  evidence: JobEvidence,
  options: AuditOptions,
): Promise<AuditVerdict> {
  const { chain, secp256k1 } = await openAuditChain(options)
  try {
    const bundle = decodeReceiptBundle(evidence.receipts)
    const { chainId, escrow } = chain.identity
    if (bundle.chainId !== chainId || bundle.escrow !== escrow) {
      const what = `the receipts are of escrow ${bundle.escrow} on chain ${bundle.chainId}, not of ${escrow} on ${chainId}`
      return { kind: 'difference', what }
    }
    for (const channel of bundle.channels) {
      const verdict = verifyReceiptChain(secp256k1, { chainId, escrow }, channel)
      if (verdict.ok) continue
      const { index, what, need, have } = verdict.difference
      const place = `channel ${channel.channel}${index === undefined ? '' : `, receipt ${index}`}`
      return { kind: 'difference', what: `${place}: ${what}: ${need} expected, ${have} found` }
    }
    const finding = await checkOnChain(chain, bundle.channels)
    if (finding.kind === 'differs') return { kind: 'difference', what: finding.what }
    return await rerunAll(components, { evidence, channels: bundle.channels, onChain: finding.channels })
  } catch (error) {
    return differenceOfError(error)
  } finally {
    await chain.stop()
  }
}

interface RerunInput {
  readonly evidence: JobEvidence
  readonly channels: readonly ReceiptChainEvidence[]
  readonly onChain: readonly ChannelOnChain[]
}

async function rerunAll({ fetchBlob }: AuditComponents, input: RerunInput): Promise<AuditVerdict> {
  const { evidence, channels, onChain } = input
  const workers = availableParallelism()
  const executor = new ProcessExecutor({ logger: silentLogger }, { workersMax: workers })
  await executor.start()
  try {
    const receipts = channels.flatMap(storedReceiptsOf)
    const order = billingOrder(evidence, receipts)
    const reruns = new RerunAhead({ executor, fetchBlob }, { order, aheadMax: AHEAD_PER_WORKER * workers })
    const audit = await recomputeBill({
      job: { ...evidence, name: '' },
      receipts,
      run: (task, id) => reruns.run(id, task),
      hasFloats: async (module) => usesFloats(await fetchBlob(module)),
    })
    if (audit.kind === 'difference') {
      const { message, what, expected, got } = audit
      return { kind: 'difference', what: message, details: { what, expected, got } }
    }
    const claimed = new Map(onChain.map((each) => [each.channel, each.claimedMicroUsd]))
    const audited = audit.channels.map((each) => ({ ...each, claimedMicroUsd: claimed.get(each.channel) ?? 0n }))
    const { tasks, entries, fuel, amountMicroUsd } = audit
    return { kind: 'match', tasks, entries, fuel, amountMicroUsd, channels: audited }
  } finally {
    await executor.stop()
  }
}

/** Receipts in the form in which a payer's own store has them. */
function storedReceiptsOf(evidence: ReceiptChainEvidence): StoredReceipt[] {
  return evidence.receipts.map((receipt) => ({
    evidence,
    peer: '' as PeerId,
    increment: incrementSchema.decodeDocument(receipt.increment),
    incrementBytes: receipt.increment,
    voucherSignature: receipt.voucherSignature,
    providerSignature: receipt.providerSignature,
    at: 0 as UnixMs,
  }))
}

/** The job's tasks in the order in which the receipts name them first. */
function billingOrder(evidence: JobEvidence, receipts: readonly StoredReceipt[]): RerunTask[] {
  const taskOf = new Map(evidence.accepted.map(({ delivery, task }) => [delivery, task]))
  const documents = new Map(evidence.tasks.map(({ key, document }) => [key, document]))
  const order = new Map<string, RerunTask>()
  for (const { increment } of receipts) {
    for (const entry of increment.entries) {
      const key = taskOf.get(bytesToHex(entry.delivery).slice(2))
      const document = key === undefined ? undefined : documents.get(key)
      if (key === undefined || document === undefined || order.has(key)) continue
      order.set(key, { id: contentIdOf('dag-cbor', document), task: taskSchema.decodeDocument(document) })
    }
  }
  return [...order.values()]
}
