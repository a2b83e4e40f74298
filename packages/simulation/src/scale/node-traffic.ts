import type { ScaleFigures } from './figures.ts'
import { type MessageSizes, PACKET_BYTES } from './message-sizes.ts'

/** What the runs found of one network, on average. */
export interface TrafficFacts {
  readonly nodes: number
  readonly connectionsPerNode: number
  readonly meshPerNode: number
  /** Copies of an offer, and words that no further one is wanted, for one that is published. */
  readonly copiesPerMessage: number
  readonly dontWantsPerMessage: number
  readonly questionsPerSearch: number
  readonly namedPerSearch: number
  readonly refusedPerSearch: number
  readonly keepersPerSearch: number
  readonly bucketsPerNode: number
}

/** What a node sends, on average and in a minute; it receives as much. */
export interface TrafficRow {
  readonly what: 'offers' | 'dont-wants' | 'ids' | 'pings' | 'table'
  readonly messages: number
  /** Packets and encryption included. */
  readonly bytes: number
}

const MINUTE_MS = 60_000
/** A connection that is refused: TCP's opening and closing, three packets of each side. */
const REFUSED_BYTES = 240

/** Offers that a node publishes in a minute while nobody comes or goes. */
export function publishedPerMinute({ offers }: ScaleFigures): number {
  return MINUTE_MS / offers.refreshMs
}

/** A node's sending by kind, at rest: nobody comes, nobody goes, nobody searches. */
export function trafficOf(facts: TrafficFacts, figures: ScaleFigures, sizes: MessageSizes): readonly TrafficRow[] {
  // Everybody publishes so often, and each message costs all nodes together so much: on average each as much as one costs.
  const published = publishedPerMinute(figures)
  const row = (what: TrafficRow['what'], messages: number, streamBytes: number): TrafficRow => ({
    what,
    messages,
    bytes: streamBytes + messages * PACKET_BYTES,
  })
  const copies = published * facts.copiesPerMessage
  const dontWants = published * facts.dontWantsPerMessage
  const ids = idsTold(facts, figures)
  const pings = (facts.connectionsPerNode * MINUTE_MS) / figures.connections.pingMs
  return [
    row('offers', copies, copies * sizes.offerCopyBytes),
    row('dont-wants', dontWants, dontWants * sizes.dontWantBytes),
    row('ids', ids.messages, ids.messages * sizes.idsTellBytes + ids.ids * sizes.idBytes),
    row('pings', 2 * pings, pings * (sizes.pingBytes + sizes.pongBytes)),
    tableRow(facts, figures, sizes),
  ]
}

/** Ids of the last messages, told with each heartbeat to peers outside the mesh; nothing when there were none. */
export function idsTold(
  facts: Pick<TrafficFacts, 'nodes' | 'connectionsPerNode' | 'meshPerNode'>,
  figures: ScaleFigures,
): { readonly lazyPeers: number; readonly messages: number; readonly ids: number } {
  const { gossip } = figures
  const others = Math.max(0, facts.connectionsPerNode - facts.meshPerNode)
  const told = Math.min(others, Math.max(gossip.lazyPeersMin, Math.floor(gossip.lazyPeersShare * others)))
  const heardPerMs = (facts.nodes * publishedPerMinute(figures)) / MINUTE_MS
  const inWindow = heardPerMs * gossip.heartbeatMs * gossip.idsToldHeartbeats
  const beats = MINUTE_MS / gossip.heartbeatMs
  const isAny = 1 - Math.exp(-inWindow)
  return { lazyPeers: told, messages: beats * told * isAny, ids: beats * told * Math.min(inWindow, gossip.idsToldMax) }
}

/** Searches of the table in a minute: for announcing, for neighbours, and for each bucket. */
function searchesPerMinute(facts: TrafficFacts, figures: ScaleFigures): number {
  return (
    announcedPerMinute(figures) +
    MINUTE_MS / figures.table.neighboursMs +
    (facts.bucketsPerNode * MINUTE_MS) / figures.table.refreshMs
  )
}

/** Announcements in the table: the network repeats them by itself. */
function announcedPerMinute(figures: ScaleFigures): number {
  return MINUTE_MS / figures.table.provideMs
}

function tableRow(facts: TrafficFacts, figures: ScaleFigures, sizes: MessageSizes): TrafficRow {
  const searches = searchesPerMinute(facts, figures)
  const questions = searches * facts.questionsPerSearch
  const named = searches * facts.namedPerSearch
  const records = announcedPerMinute(figures) * facts.keepersPerSearch
  const messages = 2 * questions + records
  const bytes =
    questions * 2 * sizes.tableQuestionBytes + named * sizes.tablePeerBytes + records * sizes.tableRecordBytes
  const refusedBytes = searches * facts.refusedPerSearch * REFUSED_BYTES
  return { what: 'table', messages, bytes: bytes + refusedBytes + messages * PACKET_BYTES }
}
