import { isSteadError } from '@stead/core'
import { bundleReceipts, type StoredReceipt, verifyReceiptChain } from '@stead/market'
import type { WorldParts } from '../world/world-parts.ts'

/**
 * What is wrong with the first receipt that does not follow from its bytes, bundled as for a stranger; undefined when all
 * do. @param receipts with the signatures of both sides, of one node
 */
export function receiptFault(
  { secp256k1, ledger }: WorldParts,
  receipts: readonly StoredReceipt[],
): string | undefined {
  try {
    for (const chain of bundleReceipts(ledger.identity, receipts).channels) {
      const verdict = verifyReceiptChain(secp256k1, ledger.identity, chain)
      if (verdict.ok) continue
      const { what, need, have, index } = verdict.difference
      return `the receipts of ${chain.channel} do not verify: ${what} of receipt ${index}: need ${need}, have ${have}`
    }
    return undefined
  } catch (error) {
    if (isSteadError(error)) return error.message
    throw error
  }
}
