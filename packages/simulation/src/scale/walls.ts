import type { ScaleFigures } from './figures.ts'
import { publishedPerMinute } from './node-traffic.ts'
import type { ScaleResult } from './run-scale.ts'

/** A limit, and the size of a network that reaches it. */
export interface Wall {
  readonly what: string
  readonly nodes: number
}

/** A quarter of an uplink of 20 Mbit/s: what a household does not notice. */
const HOME_BYTES_PER_MINUTE = 37_500_000
/** 10 GB in 30 days. */
const PHONE_BYTES_PER_MINUTE = 10_000_000_000 / (30 * 24 * 60)
/** Checks of gossip that take a tenth of a core: 200 a second are about 2 %, as the options of the network say. */
const CHECKS_PER_SECOND = 1000
/** Bonded nodes in the facts of an epoch; rewards/src/facts/chain-facts.ts. */
const BONDED_MAX = 65_536

/**
 * Where a network of sellers stops, by each limit alone; ascending. Traffic grows as that of `measured` does: above
 * {@link ScaleFigures.offers} `keptMax` nodes in proportion, because up to there offers are told more rarely the more
 * there are.
 */
export function wallsOf(measured: ScaleResult, figures: ScaleFigures): readonly Wall[] {
  const { gossip, table, connections, offers } = figures
  const perSecond = publishedPerMinute(figures) / 60
  const heartbeatSeconds = gossip.heartbeatMs / 1000
  const walls: Wall[] = [
    { what: 'every node stays connected to every other', nodes: connections.idleMax + 1 },
    { what: 'a node keeps every offer', nodes: offers.keptMax + 1 },
    { what: 'a node of the table keeps every record', nodes: table.keptMax },
    {
      what: 'ids of the last heartbeats fit into what a neighbour takes',
      nodes: gossip.idsTakenMax / (perSecond * heartbeatSeconds * gossip.idsToldHeartbeats),
    },
    {
      what: 'the busiest neighbour stays below the messages that are taken from one',
      nodes: gossip.perSecondPerPeerMax / (perSecond * measured.busiestNeighbourShare),
    },
    {
      what: 'words that no copy is wanted fit into what a neighbour takes',
      nodes: gossip.dontWantsTakenMax / (perSecond * heartbeatSeconds),
    },
    { what: 'checking gossip takes a tenth of a core', nodes: CHECKS_PER_SECOND / perSecond },
    { what: 'bonded nodes fit into the facts of an epoch', nodes: BONDED_MAX },
    { what: 'a quarter of a home uplink (5 Mbit/s) suffices', nodes: nodesFor(measured, HOME_BYTES_PER_MINUTE) },
    { what: 'the data of a phone (10 GB a month) suffices', nodes: nodesFor(measured, PHONE_BYTES_PER_MINUTE) },
  ]
  return walls.sort((left, right) => left.nodes - right.nodes)
}

/** Gossip grows with the nodes, the rest does not; pings and the table are paid first. */
function nodesFor({ traffic, options }: ScaleResult, bytesPerMinute: number): number {
  let [growing, fixed] = [0, 0]
  for (const { what, bytes } of traffic) {
    if (what === 'pings' || what === 'table') fixed += bytes
    else growing += bytes
  }
  return Math.max(0, (bytesPerMinute - fixed) / (growing / options.nodes))
}
