import type { JobHandle } from '@stead/compute'
import type { Hash } from '@stead/core'
import { bundleReceipts, encodeReceiptBundle, type PurseRecord } from '@stead/market'

import { type ChannelTerms, outcomeRecordSchema } from '@stead/protocol'
import type { EvidencePurse, EvidenceTask, JobEvidence, SettlementTransaction } from '@stead/sdk/api'
import type { SteadNode } from '../daemon/stead-node.ts'

/** Everything from which a job's bill can be recomputed, but for modules and inputs, which are blobs. */
export async function jobEvidence(node: SteadNode, handle: JobHandle): Promise<JobEvidence> {
  const { payer } = node.trade
  const evidence = await payer.compute.evidence(handle.id)
  const channels = [...new Set(evidence.accepted.map((delivery) => delivery.channel))]
  const purses = (await payer.market.purses()).filter((purse) => purse.channels.some((id) => channels.includes(id)))
  const shown = await Promise.all(purses.map((purse) => purseOf(node, purse)))
  return {
    job: handle.id,
    tasks: await tasksOf(handle, evidence.tasks),
    accepted: evidence.accepted,
    spentMicroUsd: evidence.spentMicroUsd,
    receipts: await bundleOf(node, channels),
    purses: shown,
    transactions: await transactionsOf(node, purses, shown),
  }
}

async function bundleOf(node: SteadNode, channels: readonly Hash[]): Promise<Uint8Array> {
  const receipts = []
  for (const channel of channels) receipts.push(...(await node.trade.payer.market.receipts({ channel })))
  return encodeReceiptBundle(bundleReceipts(node.foundation.chain.identity, receipts))
}

async function tasksOf(
  handle: JobHandle,
  documents: readonly { readonly key: string; readonly document: Uint8Array }[],
): Promise<EvidenceTask[]> {
  const { tasks } = await handle.result()
  const records = new Map(tasks.map(({ key, record }) => [key, record]))
  return documents.map(({ key, document }) => {
    const record = records.get(key)
    return { key, document, ...(record === undefined ? {} : { outcome: outcomeRecordSchema.encodeDocument(record) }) }
  })
}

async function purseOf(node: SteadNode, purse: PurseRecord): Promise<EvidencePurse> {
  const claims = await node.foundation.chain.claimsOf(await sharesOf(node, purse))
  return {
    purse: purse.purse,
    depositedMicroUsd: purse.seed.totalMicroUsd,
    claims: claims.map(({ channel, node: provider, operator, grossMicroUsd, feeMicroUsd, transaction }) => ({
      channel,
      purse: purse.purse,
      node: provider,
      operator,
      grossMicroUsd,
      feeMicroUsd,
      netMicroUsd: (grossMicroUsd - feeMicroUsd) as typeof grossMicroUsd,
      transaction,
    })),
  }
}

/** The channels of a purse that have a receipt; nobody can have claimed on another. */
async function sharesOf(node: SteadNode, purse: PurseRecord): Promise<ChannelTerms[]> {
  const receipts = await node.trade.payer.market.receipts({ purse: purse.purse })
  return Array.from(new Map(receipts.map(({ evidence }) => [evidence.channel, evidence.terms])).values())
}

async function transactionsOf(
  node: SteadNode,
  purses: readonly PurseRecord[],
  shown: readonly EvidencePurse[],
): Promise<SettlementTransaction[]> {
  const { chain } = node.foundation
  const read = async (
    transaction: Hash,
    rest: Pick<SettlementTransaction, 'action' | 'reason' | 'at'>,
  ): Promise<SettlementTransaction[]> => {
    const outcome = await chain.transaction(transaction)
    if (outcome === undefined) return []
    return [{ transaction, gasUsed: outcome.gasUsed, gasCostWei: outcome.gasCostWei, ...rest }]
  }
  const funds = purses.flatMap(({ transactions, createdAt }) =>
    transactions.slice(0, 1).map((hash) => read(hash, { action: 'fund', reason: 'job', at: createdAt })),
  )
  const claims = new Set(shown.flatMap((purse) => purse.claims.map((claim) => claim.transaction)))
  const seen = [...claims].map((hash) => read(hash, { action: 'claim', reason: 'seen-on-chain' }))
  return (await Promise.all([...funds, ...seen])).flat()
}
