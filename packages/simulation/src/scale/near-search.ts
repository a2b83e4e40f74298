import type { SeededRandom } from '@stead/testkit'
import type { ScaleFigures } from './figures.ts'
import type { Places } from './places.ts'
import { ASK_TRIPS, MEASURE_TRIPS, STREAM_TRIPS } from './trips.ts'

/** Which offers are wanted. */
export interface NearWish {
  /** So many… */
  readonly count: number
  /** …with a round trip of at most this. */
  readonly roundTripMsMax: number
}

/** How a search went. */
export interface NearSearch {
  /** Until quotes of enough near nodes were there; infinite when the search gave up first. */
  readonly tookMs: number
  /** Nodes whose round trip was measured. */
  readonly measured: number
  readonly near: number
}

/** What a search knows of its network. */
export interface NearSearchComponents {
  readonly places: Places
  readonly isDead: Uint8Array
  readonly figures: ScaleFigures['search']
}

/** Offers as a node hears of them: authors, and when, ms after it began; ascending. */
export interface Hearing {
  readonly authors: Int32Array
  readonly heardMs: Float64Array
}

/** A ping waits at least this long for a stranger that is gone; compute/src/consumer/provider-search.ts. */
const PING_TIMEOUT_MS_MIN = 1000

/**
 * A job's search for near nodes, as ProviderSearch goes about it: everybody whose offer is known and whose round trip
 * is not is pinged, some at once, until enough are near, and only when the last of those pings is answered is it counted
 * who is. When these are too few, the search waits for one more offer and measures again.
 */
export function searchNear(
  components: NearSearchComponents,
  node: number,
  hearing: Hearing,
  wish: NearWish,
): NearSearch {
  const { places, isDead, figures } = components
  const { authors, heardMs } = hearing
  const pingTimeoutMs = Math.max(PING_TIMEOUT_MS_MIN, 2 * wish.roundTripMsMax)
  let [nowMs, place, near] = [heardMs[0] ?? Number.POSITIVE_INFINITY, 0, 0]
  const beganMs = nowMs
  while (place < authors.length) {
    if (nowMs - beganMs > figures.waitMs) break
    nowMs = Math.max(nowMs, heardMs[place] ?? 0)
    const freeMs = new Float64Array(figures.pingsAtOnce).fill(nowMs)
    let endMs = nowMs
    while (place < authors.length && (heardMs[place] ?? 0) <= nowMs && near < figures.nearEnough) {
      const other = authors[place] ?? 0
      place++
      const roundTripMs = places.roundTripMs(node, other)
      const first = earliest(freeMs)
      const isGone = isDead[other] === 1
      freeMs[first] = (freeMs[first] ?? 0) + (isGone ? pingTimeoutMs : MEASURE_TRIPS * roundTripMs)
      endMs = Math.max(endMs, freeMs[first] ?? 0)
      if (!isGone && roundTripMs <= wish.roundTripMsMax) near++
    }
    nowMs = endMs
    if (near >= wish.count) break
  }
  const quoteMs = (STREAM_TRIPS + ASK_TRIPS) * wish.roundTripMsMax * Math.ceil(wish.count / figures.askedAtOnceMax)
  return { tookMs: near >= wish.count ? nowMs + quoteMs : Number.POSITIVE_INFINITY, measured: place, near }
}

/** What a node that has been there for long knows when it begins to search: all at once, in no order. */
export function knownFromBefore(nodes: number, self: number, keptMax: number, random: SeededRandom): Hearing {
  const others = Int32Array.from({ length: nodes - 1 }, (_, index) => (index < self ? index : index + 1))
  const kept = Math.min(others.length, keptMax)
  for (let place = 0; place < kept; place++) {
    const from = place + Math.floor(random.fraction() * (others.length - place))
    const drawn = others[from] ?? 0
    others[from] = others[place] ?? 0
    others[place] = drawn
  }
  return { authors: others.slice(0, kept), heardMs: new Float64Array(kept) }
}

function earliest(freeMs: Float64Array): number {
  let first = 0
  for (let place = 1; place < freeMs.length; place++) if ((freeMs[place] ?? 0) < (freeMs[first] ?? 0)) first = place
  return first
}
