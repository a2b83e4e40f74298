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
/** Beyond its length an answer may hold offers that were published this much earlier: more than any takes to spread. */
const SPREAD_MS_MAX = 5000

/**
 * What a newcomer hears: the answer of its doorway, the answers of peers that the table names, and from then on all
 * that is published. Answers hold the newest offers, so that those of different peers are nearly the same.
 */
export function hearingOfNewcomer(
  components: NewcomerComponents,
  node: number,
  figures: ScaleFigures['offers'],
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
  if (tableMs <= figures.findTimeoutMs) {
    for (let asked = 0; asked < figures.askedPeersMax; asked++) {
      const peer = draw()
      askedMs.push([peer, connectedMs + tableMs + ASK_STRANGER_TRIPS * places.roundTripMs(node, peer)])
    }
  }
  // One history of who published when, long enough for the answers and for what comes later; negative is before.
  const first = draw()
  const historyMs = Math.min(figures.refreshMs, figures.perAnswerMax / perMs + SPREAD_MS_MAX)
  const history: { readonly author: number; readonly atMs: number; readonly message: number }[] = []
  let publishedAtMs = -historyMs
  while (publishedAtMs < LISTEN_MS) {
    // Everybody publishes once in a while of refreshMs; numbers say nothing about places, so their order will do.
    const author = (first + history.length) % nodes
    history.push({ author, atMs: publishedAtMs, message: Math.floor(random.fraction() * components.messages) })
    publishedAtMs += -Math.log(1 - random.fraction()) / perMs
  }
  for (const [peer, atMs] of askedMs) {
    const sentMs = atMs - places.wayMs(node, peer)
    const had = history.flatMap(({ author, atMs: publishedMs, message }) => {
      const heardMs = publishedMs + components.delayMs(message, peer)
      return heardMs <= sentMs ? [{ author, heardMs }] : []
    })
    had.sort((left, right) => right.heardMs - left.heardMs)
    for (const { author } of had.slice(0, figures.perAnswerMax)) hear(author, atMs)
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
