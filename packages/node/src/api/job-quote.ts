import type { JobQuote as ComputeQuote, JobRequest } from '@stead/compute'
import { type MicroUsd, microUsd, type UnixMs } from '@stead/core'
import type { JobQuote } from '@stead/sdk/api'
import type { SteadNode } from '../daemon/stead-node.ts'

/** Who would run a job and what it would cost; nothing is funded. */
export async function jobQuote(node: SteadNode, request: JobRequest): Promise<JobQuote> {
  const quote = await node.trade.payer.compute.quote(request)
  return {
    tasks: quote.tasks,
    matching: quote.offers.map(({ node: provider, operator, rttMs, isWarm, ...terms }) => ({
      node: provider,
      operator,
      ...(rttMs === undefined ? {} : { rttMs }),
      priceMicroUsdPerGigafuel: terms.priceMicroUsdPerGigafuel,
      minimumMicroUsdPerTask: terms.minimumMicroUsdPerTask,
      concurrency: terms.concurrency,
      warm: isWarm,
      validUntil: (node.foundation.clock.now() + QUOTE_SHOWN_MS) as UnixMs,
    })),
    excluded: Object.entries(quote.excluded).map(([reason, count]) => ({ reason, count })),
    ...(quote.worstCaseMicroUsd === undefined ? {} : { worstCaseMicroUsd: quote.worstCaseMicroUsd }),
    ...leastOf(quote),
    maxCostMicroUsd: quote.capMicroUsd,
  }
}

/** Quotes lock a price for minutes; a minute is what may be promised of all of them. */
const QUOTE_SHOWN_MS = 60_000

/** Every task at the minimum price of the cheapest node, as often as it is run at the least. */
function leastOf(quote: ComputeQuote): { readonly leastMicroUsd?: MicroUsd } {
  const minimums = quote.offers.map((offer) => offer.minimumMicroUsdPerTask)
  const [first] = minimums
  if (first === undefined) return {}
  const [least = first] = [...minimums].sort((left, right) => Number(left - right))
  return { leastMicroUsd: microUsd(least * BigInt(quote.tasks) * BigInt(quote.replicas.least)) }
}
