import type { SeededRandom } from '@stead/testkit'
import type { ScaleFigures } from './figures.ts'
import type { Hearing } from './near-search.ts'
import type { Places } from './places.ts'
import { ASK_STRANGER_TRIPS, CONNECT_TRIPS } from './trips.ts'

/** What a newcomer meets. */
export interface NewcomerComponents {
  readonly places: Places
  readonly random: SeededRandom
  /** How long a node's offer takes to a node: arrival times of messages that were followed, drawn from. */
  readonly delayMs: (message: number, node: number) => number
  readonly messages: number
}

/** A newcomer hears for so long at most; longer than any search waits. */
const LISTEN_MS = 60_000
/** First pause between two rounds of dials; each is twice as long as the one before. libp2p/src/mesh-keeper.ts */
const FIRST_ROUND_MS = 250

/**
 * What a newcomer hears: the answers of its doorway, of the peers that it dials until it has enough, and of those that
 * the table names; and from then on all that is published. Each answer is drawn by lot from all offers.
 */
export function hearingOfNewcomer(
  components: NewcomerComponents,
  node: number,
  { offers: figures, connections }: Pick<ScaleFigures, 'offers' | 'connections'>,
  tableMs: number,
): Hearing {
  const { places, random } = components
  const nodes = places.nodes
  const draw = (): number => Math.floor(random.fraction() * nodes)
  const firstHeardMs = new Map<number, number>()
  const hear = (author: number, atMs: number): void => {
    if (author !== node && atMs < (firstHeardMs.get(author) ?? Number.POSITIVE_INFINITY)) firstHeardMs.set(author, atMs)
  }
  const perMs = nodes / figures.refreshMs
  const doorway = draw()
  const connectedMs = CONNECT_TRIPS * places.roundTripMs(node, doorway)
  const askedMs: (readonly [peer: number, atMs: number])[] = [
    [doorway, ASK_STRANGER_TRIPS * places.roundTripMs(node, doorway)],
  ]
  let roundMs = connectedMs
  for (let dialled = 1; dialled < connections.target; dialled++) {
    // Rounds of a few dials each, the second one sooner than the third.
    if (dialled % connections.dialsPerRound === 0)
      roundMs += FIRST_ROUND_MS * 2 ** (dialled / connections.dialsPerRound - 1)
    const peer = draw()
    askedMs.push([peer, roundMs + ASK_STRANGER_TRIPS * places.roundTripMs(node, peer)])
  }
  if (tableMs <= figures.findTimeoutMs) {
    for (let asked = 0; asked < figures.askedPeersMax; asked++) {
      const peer = draw()
      askedMs.push([peer, connectedMs + tableMs + ASK_STRANGER_TRIPS * places.roundTripMs(node, peer)])
    }
  }
  const first = draw()
  const history: { readonly author: number; readonly atMs: number; readonly message: number }[] = []
  let publishedAtMs = 0
  while (publishedAtMs < LISTEN_MS) {
    // Everybody publishes once in a while of refreshMs; numbers say nothing about places, so their order will do.
    const author = (first + history.length) % nodes
    history.push({ author, atMs: publishedAtMs, message: Math.floor(random.fraction() * components.messages) })
    publishedAtMs += -Math.log(1 - random.fraction()) / perMs
  }
  for (const [, atMs] of askedMs) {
    // By lot out of what a peer knows; who has not told an offer yet is known to nobody, and they are few.
    for (let drawn = 0; drawn < Math.min(figures.perAnswerMax, nodes - 1); drawn++) hear(draw(), atMs)
  }
  for (const { author, atMs, message } of history) {
    const heardMs = atMs + components.delayMs(message, node)
    if (heardMs >= connectedMs) hear(author, heardMs)
  }
  const heard = [...firstHeardMs].sort(([, left], [, right]) => left - right)
  return {
    authors: Int32Array.from(heard, ([author]) => author),
    heardMs: Float64Array.from(heard, ([, atMs]) => atMs),
  }
}
