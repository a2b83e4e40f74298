import type { Hash } from '@stead/core'
import type { StoredReceipt } from '@stead/market'
import { bytesToHex } from '@stead/protocol'
import type { ReceiptLine, ReceiptQuery } from '@stead/sdk/api'
import type { SteadNode } from '../daemon/stead-node.ts'
import { eventsSoFar } from './job-view.ts'

/** Which job and task a delivery was for; known to the payer only. */
interface DeliveryOrigin {
  readonly job: Hash
  readonly task: string
}

/** Paid entries of both sides of the node, oldest first. */
export async function receiptLines(node: SteadNode, query: ReceiptQuery): Promise<ReceiptLine[]> {
  const { payer, provider } = node.trade
  const filter = {
    ...(query.channel === undefined ? {} : { channel: query.channel }),
    ...(query.since === undefined ? {} : { from: query.since }),
  }
  const origins = await deliveryOrigins(node, query.job)
  const stored = [
    ...(await payer.market.receipts(filter)),
    ...(query.job === undefined ? ((await provider?.market.receipts(filter)) ?? []) : []),
  ]
  return stored
    .sort((left, right) => left.at - right.at || left.increment.index - right.increment.index)
    .flatMap((receipt) => linesOf(receipt, origins))
    .filter((line) => query.job === undefined || line.job === query.job)
}

function linesOf(receipt: StoredReceipt, origins: ReadonlyMap<string, DeliveryOrigin>): ReceiptLine[] {
  const { evidence, increment } = receipt
  return increment.entries.map((entry) => ({
    channel: evidence.channel,
    node: evidence.terms.node,
    operator: evidence.terms.operator,
    increment: increment.index,
    ...origins.get(bytesToHex(entry.delivery)),
    item: entry.item,
    evidence: entry.evidence,
    quantity: entry.quantity,
    amountMicroUsd: entry.amountMicroUsd,
    receipted: receipt.providerSignature !== undefined,
    paidAt: receipt.at,
  }))
}

/** The deliveries of one job, or of all that are kept, by `0x` and hexadecimal digits of the delivery. */
async function deliveryOrigins(node: SteadNode, only?: Hash): Promise<ReadonlyMap<string, DeliveryOrigin>> {
  const origins = new Map<string, DeliveryOrigin>()
  const { compute } = node.trade.payer
  for (const { id } of await compute.jobs()) {
    if (only !== undefined && id !== only) continue
    for await (const event of eventsSoFar(await compute.job(id))) {
      if (event.type === 'placed') origins.set(`0x${event.delivery}`, { job: id, task: event.task })
    }
  }
  return origins
}
