import type { RandomStreams } from '../engine/random-streams.ts'
import type { ScaleFigures } from './figures.ts'
import type { NeighbourLists } from './neighbour-lists.ts'
import type { TrafficFacts } from './node-traffic.ts'
import type { Places } from './places.ts'
import { Table, type TableSearch } from './table-search.ts'
import { ASK_TRIPS, CONNECT_TRIPS, STREAM_TRIPS } from './trips.ts'

const SEARCHES = 24

/** What searches of the table cost, and how well they find. */
export interface TableFacts {
  readonly facts: Pick<
    TrafficFacts,
    'questionsPerSearch' | 'namedPerSearch' | 'refusedPerSearch' | 'keepersPerSearch' | 'bucketsPerNode'
  >
  readonly foundOpen: number
  readonly foundGrown: number
  readonly tookMs: readonly number[]
}

/** Searches as in a network where everybody has room, and as in a grown one, where only connected peers answer. */
export function searchTable(
  parts: { readonly places: Places; readonly connections: NeighbourLists; readonly streams: RandomStreams },
  options: { readonly nodes: number; readonly connections: number },
  figures: ScaleFigures,
): TableFacts {
  const { places, connections, streams } = parts
  const isFull = options.connections >= figures.connections.max && options.nodes > figures.connections.max + 1
  const trips = (from: number, to: number): number =>
    connections.has(from, to) ? ASK_TRIPS : CONNECT_TRIPS + STREAM_TRIPS + ASK_TRIPS
  const open = new Table(
    options.nodes,
    { places, random: streams.stream('table'), reach: trips, known: undefined },
    figures.table,
  )
  const reach = (from: number, to: number): number | undefined => (connections.has(from, to) ? ASK_TRIPS : undefined)
  const known = (node: number): Int32Array => connections.of(node)
  const grown = isFull
    ? new Table(options.nodes, { places, random: streams.stream('table'), reach, known }, figures.table)
    : open
  const random = streams.stream('searches')
  const openSearches: TableSearch[] = []
  const grownSearches: TableSearch[] = []
  let [foundOpen, foundGrown, buckets] = [0, 0, 0]
  for (let index = 0; index < SEARCHES; index++) {
    const from = Math.floor(random.fraction() * options.nodes)
    const key = Math.floor(random.fraction() * 2 ** 32)
    const keepers = new Set(open.keepers(key))
    const byOpen = open.search(from, key)
    const byGrown = isFull ? grown.search(from, key) : byOpen
    foundOpen += byOpen.nearest.filter((node) => keepers.has(node)).length / keepers.size
    foundGrown += byGrown.nearest.filter((node) => keepers.has(node)).length / keepers.size
    buckets += open.buckets(from)
    openSearches.push(byOpen)
    grownSearches.push(byGrown)
  }
  const average = (of: (search: TableSearch) => number): number =>
    grownSearches.reduce((sum, search) => sum + of(search), 0) / SEARCHES
  return {
    facts: {
      questionsPerSearch: average(({ questions }) => questions),
      namedPerSearch: average(({ named }) => named),
      refusedPerSearch: average(({ refused }) => refused),
      keepersPerSearch: average(({ nearest }) => nearest.length),
      bucketsPerNode: buckets / SEARCHES,
    },
    foundOpen: foundOpen / SEARCHES,
    foundGrown: foundGrown / SEARCHES,
    tookMs: openSearches.map(({ tookMs }) => tookMs),
  }
}
