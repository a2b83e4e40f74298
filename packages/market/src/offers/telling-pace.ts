import type { OfferBookOptions } from '../options.ts'

/** How often an own offer is told, and how long each telling is good. */
export interface TellingPace {
  readonly refreshMs: number
  readonly lifeMs: number
}

const MINUTE_MS = 60_000

/**
 * The pace in a network where so many nodes offer a resource. Every telling goes to everybody, so each node tells the more
 * rarely the more there are, as RTCP's senders do (RFC 3550, section 6.2): together they stay at so many a minute. An
 * offer is good for as many tellings as in a small network.
 * @param nodes that are known to offer it, 0 .. offersPerResourceMax; a larger network is told as often as one of that size
 */
export function tellingPace(nodes: number, options: OfferBookOptions): TellingPace {
  const { refreshMs, offerLifeMs, offersPerMinuteMax } = options
  const paced = Math.max(refreshMs, (nodes * MINUTE_MS) / offersPerMinuteMax)
  const factor = paced / refreshMs
  return { refreshMs: Math.round(paced), lifeMs: Math.min(OFFER_LIFE_MAX_MS, Math.round(offerLifeMs * factor)) }
}

/** Longest life that an offer may claim: three tellings in a network as large as the largest book, and some to spare. */
export const OFFER_LIFE_MAX_MS: number = 3 * 60 * MINUTE_MS
