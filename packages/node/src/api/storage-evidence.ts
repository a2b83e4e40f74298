import type { Address } from '@stead/core'
import { bundleReceipts, encodeReceiptBundle, type StoredReceipt } from '@stead/market'
import { quoteSchema } from '@stead/protocol'
import type { StorageEvidence } from '@stead/sdk/api'
import { nextPaidNode, paidPeriodSchema, paidPeriodsOf } from '@stead/storage'
import type { SteadNode } from '../daemon/stead-node.ts'

/** Everything from which the bill of one node for storage can be recomputed. */
export async function storageEvidence(node: SteadNode, after: Address | undefined): Promise<StorageEvidence> {
  const { store, chain } = node.foundation
  const seller = await nextPaidNode(store, after)
  if (seller === undefined) return { periods: [], receipts: encodeReceiptBundle(bundleReceipts(chain.identity, [])) }
  // Receipts first: a period that is paid meanwhile waits for its receipt, which is no difference; a receipt alone would be one.
  const receipts = (await node.trade.payer.market.receipts({ node: seller })).filter(isForStorage)
  const periods = (await paidPeriodsOf(store, seller)).map((period) => paidPeriodSchema.encodeMessage(period))
  return { node: seller, periods, receipts: encodeReceiptBundle(bundleReceipts(chain.identity, receipts)) }
}

function isForStorage({ evidence }: StoredReceipt): boolean {
  return evidence.quotes.some(({ document }) => quoteSchema.decodeDocument(document).resource === 'storage')
}
