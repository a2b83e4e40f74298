import { type StoredReceipt, verifyReceiptChain } from '@stead/market'
import type { LivePayer } from '../world/sim-node.ts'
import type { WorldParts } from '../world/world-parts.ts'

/** What is wrong with the first receipt of a payer that does not follow from its bytes; undefined when all do. */
export async function receiptFault(parts: WorldParts, { market }: LivePayer): Promise<string | undefined> {
  const receipts = await market.receipts({ completeOnly: true })
  for (const [channel, list] of Map.groupBy(receipts, ({ evidence }) => evidence.channel)) {
    const fault = faultOf(parts, list)
    if (fault !== undefined) return `the receipts of ${channel} do not verify: ${fault}`
  }
  return undefined
}

function faultOf({ secp256k1, ledger }: WorldParts, list: readonly StoredReceipt[]): string | undefined {
  const [first] = list
  if (first === undefined) return undefined
  // As bundles have them: times go back when a wall clock does.
  const ordered = list.toSorted((left, right) => left.increment.index - right.increment.index)
  const receipts = ordered.flatMap(({ incrementBytes: increment, voucherSignature, providerSignature }) =>
    providerSignature === undefined ? [] : [{ increment, voucherSignature, providerSignature }],
  )
  const verdict = verifyReceiptChain(secp256k1, ledger.identity, { ...first.evidence, receipts })
  if (verdict.ok) return undefined
  const { what, need, have, index } = verdict.difference
  return `${what} of receipt ${index}: need ${need}, have ${have}`
}
