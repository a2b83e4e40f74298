import { RandomStreams } from '../engine/random-streams.ts'
import { connectAtRandom } from './connections.ts'
import type { ScaleFigures } from './figures.ts'
import { followMessages, MESSAGES_FOLLOWED } from './follow-messages.ts'
import { GossipMesh } from './gossip-mesh.ts'
import { messageSizes } from './message-sizes.ts'
import { knownFromBefore, type NearSearch, type NearWish, searchNear } from './near-search.ts'
import { hearingOfNewcomer } from './newcomer.ts'
import { type TrafficFacts, type TrafficRow, trafficOf } from './node-traffic.ts'
import { Places } from './places.ts'
import { loseNodes, type Recovery } from './recovery.ts'
import { type Spans, spansOf } from './spans.ts'
import { Spread, spreadOptions } from './spread.ts'
import { searchTable } from './table-facts.ts'

/** Which network. */
export interface ScaleOptions {
  readonly seed: number
  readonly nodes: number
  /** Connections of each node at rest: what is left when idle ones were let go. */
  readonly connections: number
  readonly wish: NearWish
  readonly lostShare: number
}

/** What was found. */
export interface ScaleResult {
  readonly options: ScaleOptions
  readonly facts: TrafficFacts
  readonly traffic: readonly TrafficRow[]
  /** From publishing to a node that hears it. */
  readonly arrival: Spans
  readonly reachedShare: number
  /** Largest share of first copies that one neighbour brings to a node, on average over nodes. */
  readonly busiestNeighbourShare: number
  /** Share of the nodes nearest to a key that a search finds, when all have room and with the connections as they are. */
  readonly keepersFoundOpen: number
  readonly keepersFoundGrown: number
  readonly tableSearch: Spans
  readonly newcomer: Spans & { readonly measuredMedian: number }
  readonly resident: Spans & { readonly measuredMedian: number }
  readonly residentAfterLoss: Spans
  readonly recovery: Recovery
}

const SEARCHERS = 48
const MESSAGES_PER_LOOK = 3

/** One network of a size: grows it, follows messages and searches through it, then takes a part of it away. */
export function runScale(options: ScaleOptions, figures: ScaleFigures): ScaleResult {
  const { nodes, wish } = options
  const streams = new RandomStreams(options.seed)
  const places = new Places(nodes, streams.stream('places'))
  const connections = connectAtRandom(nodes, options.connections, streams.stream('connections'))
  const mesh = new GossipMesh(connections, figures.gossip, streams.stream('mesh'))
  const sizes = messageSizes()
  const isDead = new Uint8Array(nodes)
  const spreading = spreadOptions(figures, sizes)
  const followed = followMessages(
    new Spread({ places, connections, mesh: mesh.lists, isDead }, spreading),
    nodes,
    streams,
  )
  const table = searchTable({ places, connections, streams }, options, figures)
  const facts = {
    nodes,
    connectionsPerNode: connections.mean(),
    meshPerNode: mesh.lists.mean(),
    ...followed.facts,
    ...table.facts,
  }
  const near = { places, isDead, figures: figures.search }
  const newcomers = sample(SEARCHERS, (index) => {
    const random = streams.stream(`newcomer ${index}`)
    const node = Math.floor(random.fraction() * nodes)
    const tableMs = table.tookMs[index % table.tookMs.length] ?? 0
    const { delayMs } = followed
    const hearing = hearingOfNewcomer({ places, random, delayMs, messages: MESSAGES_FOLLOWED }, node, figures, tableMs)
    return searchNear(near, node, hearing, wish)
  })
  const residents = searchAsResident(near, streams, options, figures)
  const random = streams.stream('loss')
  const recovery = loseNodes(
    { places, connections, mesh, random, figures },
    { ...spreading, lostShare: options.lostShare, messagesPerLook: MESSAGES_PER_LOOK },
  )
  const lost = Uint8Array.from({ length: nodes }, () => (random.fraction() < options.lostShare ? 1 : 0))
  return {
    options,
    facts,
    traffic: trafficOf(facts, figures, sizes),
    arrival: followed.arrival,
    reachedShare: followed.reachedShare,
    busiestNeighbourShare: followed.busiestNeighbourShare,
    keepersFoundOpen: table.foundOpen,
    keepersFoundGrown: table.foundGrown,
    tableSearch: spansOf(table.tookMs),
    newcomer: searchSpans(newcomers),
    resident: searchSpans(residents),
    residentAfterLoss: searchSpans(searchAsResident({ ...near, isDead: lost }, streams, options, figures)),
    recovery,
  }
}

function searchAsResident(
  near: Parameters<typeof searchNear>[0],
  streams: RandomStreams,
  options: ScaleOptions,
  figures: ScaleFigures,
): readonly NearSearch[] {
  return sample(SEARCHERS, (index) => {
    const random = streams.stream(`resident ${index}`)
    const node = Math.floor(random.fraction() * options.nodes)
    const hearing = knownFromBefore(options.nodes, node, figures.offers.keptMax, random)
    return searchNear(near, node, hearing, options.wish)
  })
}

function sample<Found>(count: number, find: (index: number) => Found): readonly Found[] {
  return Array.from({ length: count }, (_, index) => find(index))
}

function searchSpans(searches: readonly NearSearch[]): Spans & { readonly measuredMedian: number } {
  const measured = searches.map((search) => search.measured).sort((left, right) => left - right)
  return { ...spansOf(searches.map(({ tookMs }) => tookMs)), measuredMedian: measured[measured.length >> 1] ?? 0 }
}
