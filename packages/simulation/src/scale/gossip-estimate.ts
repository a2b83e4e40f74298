import { RandomStreams } from '../engine/random-streams.ts'
import { connectAtRandom } from './connections.ts'
import { figuresOfTheCode } from './figures.ts'
import { GossipMesh } from './gossip-mesh.ts'
import { messageSizes } from './message-sizes.ts'
import { idsTold } from './node-traffic.ts'
import { Places } from './places.ts'
import { Spread, type SpreadOptions, spreadOptions } from './spread.ts'

/** What one message costs all nodes together. */
export interface GossipEstimate {
  readonly copies: number
  readonly dontWants: number
  readonly ids: number
  /** On the stream, without the heads of the messages that tell ids. */
  readonly bytes: number
  readonly meshPerNode: number
}

/** A small network whose gossip is estimated, and the same network for real nodes. */
export interface GossipTrial {
  readonly nodes: number
  /** Pairs in no order, the one that dials first. */
  readonly links: readonly (readonly [left: number, right: number])[]
  readonly payloadBytes: number
  readonly estimate: GossipEstimate
}

const MESSAGES_PER_NODE = 10

/** Draws a network and says what a message costs in it; real nodes with the same connections show how wrong that is. */
export function planGossipTrial(nodes: number, connections: number, seed: number): GossipTrial {
  const streams = new RandomStreams(seed)
  const figures = figuresOfTheCode(nodes)
  const sizes = messageSizes()
  const lists = connectAtRandom(nodes, connections, streams.stream('connections'))
  const mesh = new GossipMesh(lists, figures.gossip, streams.stream('mesh'))
  const places = new Places(nodes, streams.stream('places'))
  const options: SpreadOptions = spreadOptions(figures, sizes)
  const spread = new Spread({ places, connections: lists, mesh: mesh.lists, isDead: new Uint8Array(nodes) }, options)
  let [copies, dontWants] = [0, 0]
  const messages = MESSAGES_PER_NODE * nodes
  for (let message = 0; message < messages; message++) {
    const counts = spread.publish(message % nodes)
    copies += counts.copiesSent / messages
    dontWants += counts.dontWants / messages
  }
  const meshPerNode = mesh.lists.mean()
  const { lazyPeers } = idsTold({ nodes, connectionsPerNode: lists.mean(), meshPerNode }, figures)
  const ids = nodes * lazyPeers * figures.gossip.idsToldHeartbeats
  const bytes = copies * sizes.offerCopyBytes + dontWants * sizes.dontWantBytes + ids * sizes.idBytes
  return {
    nodes,
    links: linksOf(lists, streams),
    payloadBytes: sizes.offerPayloadBytes,
    estimate: { copies, dontWants, ids, bytes, meshPerNode },
  }
}

function linksOf(lists: ReturnType<typeof connectAtRandom>, streams: RandomStreams): GossipTrial['links'] {
  const random = streams.stream('links')
  const keyed: { readonly key: number; readonly link: readonly [number, number] }[] = []
  for (let node = 0; node < lists.nodes; node++) {
    for (const other of lists.of(node)) {
      if (node > other) continue
      keyed.push({ key: random.fraction(), link: random.fraction() < 0.5 ? [node, other] : [other, node] })
    }
  }
  return keyed.sort((left, right) => left.key - right.key).map(({ link }) => link)
}
