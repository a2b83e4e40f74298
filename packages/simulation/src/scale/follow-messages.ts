import type { RandomStreams } from '../engine/random-streams.ts'
import type { TrafficFacts } from './node-traffic.ts'
import { type Spans, spansOf } from './spans.ts'
import type { Spread } from './spread.ts'

/** Messages that are followed through a network. */
export const MESSAGES_FOLLOWED = 48
/** Nodes whose times and neighbours are kept for statistics. */
const WATCHED_MAX = 500

/** What became of some messages. */
export interface Followed {
  readonly facts: Pick<TrafficFacts, 'copiesPerMessage' | 'dontWantsPerMessage'>
  readonly arrival: Spans
  readonly reachedShare: number
  readonly busiestNeighbourShare: number
  readonly delayMs: (message: number, node: number) => number
}

/** Follows messages of authors drawn at random, one at a time. 4 bytes a node and message are kept. */
export function followMessages(spread: Spread, nodes: number, streams: RandomStreams): Followed {
  const random = streams.stream('authors')
  const delays: Float32Array[] = []
  const firsts: Int32Array[] = []
  const watched = Int32Array.from({ length: Math.min(nodes, WATCHED_MAX) }, (_, index) =>
    Math.floor((index * nodes) / Math.min(nodes, WATCHED_MAX)),
  )
  let [copies, dontWants, reached] = [0, 0, 0]
  for (let message = 0; message < MESSAGES_FOLLOWED; message++) {
    const counts = spread.publish(Math.floor(random.fraction() * nodes))
    copies += counts.copiesSent
    dontWants += counts.dontWants
    reached += counts.reached
    delays.push(Float32Array.from(spread.arrivedMs))
    firsts.push(Int32Array.from(watched, (node) => spread.firstFrom[node] ?? -1))
  }
  const arrivals = delays.flatMap((each) => Array.from(watched, (node) => each[node] ?? 0))
  return {
    facts: { copiesPerMessage: copies / MESSAGES_FOLLOWED, dontWantsPerMessage: dontWants / MESSAGES_FOLLOWED },
    arrival: spansOf(arrivals),
    reachedShare: reached / (MESSAGES_FOLLOWED * (nodes - 1)),
    busiestNeighbourShare: busiestShare(firsts, watched.length),
    delayMs: (message, node) => delays[message]?.[node] ?? Number.POSITIVE_INFINITY,
  }
}

/** Mean over nodes of the share of first copies that came from one and the same neighbour. */
function busiestShare(firsts: readonly Int32Array[], watched: number): number {
  let sum = 0
  for (let place = 0; place < watched; place++) {
    const counts = new Map<number, number>()
    for (const first of firsts) {
      const from = first[place] ?? -1
      if (from >= 0) counts.set(from, (counts.get(from) ?? 0) + 1)
    }
    sum += Math.max(0, ...counts.values()) / firsts.length
  }
  return sum / watched
}
