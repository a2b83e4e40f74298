import { setTimeout as wait } from 'node:timers/promises'
import { RPC } from '@libp2p/gossipsub/message'
import { type CoreError, type PeerId, silentLogger } from '@stead/core'
import { createSigner, loadSecp256k1 } from '@stead/protocol'
import { createNode, type SteadLibp2p } from '../../src/create-node.ts'
import { Gossip } from '../../src/gossip.ts'
import { libp2pPrivateKey, verifyFaster } from '../../src/identity.ts'
import { parseLibp2pOptions } from '../../src/options.ts'
import { systemClock, systemRandom } from './system-ports.ts'

/** What real gossipsub nodes received, all of them together. */
export interface GossipCounts {
  readonly copies: number
  readonly dontWants: number
  /** Messages that told ids, and the ids in them. */
  readonly tells: number
  readonly ids: number
  readonly asked: number
  /** Bytes of all messages of gossipsub, as its own codec writes them, with the length before each. */
  readonly bytes: number
  /** Messages that handlers were given: first copies. */
  readonly heard: number
  readonly meshPerNode: number
  readonly tookMs: number
}

/** Which nodes talk. */
export interface GossipPlan {
  readonly nodes: number
  /** Pairs of connected nodes. */
  readonly links: readonly (readonly [left: number, right: number])[]
  readonly topic: string
  readonly payloadBytes: number
  readonly messages: number
  readonly betweenMs: number
}

/** The inside of the library's class: where it takes what came, and its neighbours by topic. */
interface GossipInside {
  handleReceivedRpc(from: unknown, rpc: RPC): Promise<void>
  readonly mesh: ReadonlyMap<string, ReadonlySet<string>>
}

const SETTLE_MS = 3000

interface Talker {
  readonly node: SteadLibp2p
  readonly gossip: Gossip
  readonly inside: GossipInside
}

/**
 * Lets nodes with this package's gossip, connected over loopback as told and not otherwise, publish one message after
 * another, each of the next node, and counts what they receive.
 */
export async function countGossip(plan: GossipPlan): Promise<GossipCounts> {
  const counts = { copies: 0, dontWants: 0, tells: 0, ids: 0, asked: 0, bytes: 0, heard: 0 }
  let isCounting = false
  const talkers = await Promise.all(
    Array.from({ length: plan.nodes }, () => startTalker(plan.topic, () => isCounting && counts.heard++)),
  )
  try {
    for (const { inside } of talkers) {
      const take = inside.handleReceivedRpc.bind(inside)
      inside.handleReceivedRpc = async (from, rpc) => {
        if (isCounting) count(counts, rpc)
        await take(from, rpc)
      }
    }
    for (const [left, right] of plan.links) {
      const address = talkers[right]?.node.getMultiaddrs()[0]
      if (address !== undefined) await talkers[left]?.node.dial(address)
    }
    await wait(SETTLE_MS)
    isCounting = true
    const beganMs = performance.now()
    for (let message = 0; message < plan.messages; message++) {
      await talkers[message % plan.nodes]?.gossip.publish(plan.topic, systemRandom.bytes(plan.payloadBytes))
      await wait(plan.betweenMs)
    }
    await wait(SETTLE_MS)
    isCounting = false
    const meshes = talkers.map(({ inside }) => inside.mesh.get(plan.topic)?.size ?? 0)
    const tookMs = performance.now() - beganMs
    return { ...counts, meshPerNode: meshes.reduce((sum, size) => sum + size, 0) / plan.nodes, tookMs }
  } finally {
    for (const { gossip } of talkers) gossip.stop()
    for (const { node } of talkers) await node.stop()
  }
}

async function startTalker(topic: string, onHeard: () => void): Promise<Talker> {
  const secp256k1 = await loadSecp256k1()
  const privateKey = systemRandom.bytes(32)
  const signer = createSigner(secp256k1, privateKey)
  verifyFaster(secp256k1, signer.publicKey)
  const onBadPeer = (peer: PeerId, error: CoreError): void => {
    throw new Error(`${peer} passed on bad gossip`, { cause: error })
  }
  const gossip = new Gossip(
    { clock: systemClock, logger: silentLogger, onBadPeer, onMessage: () => undefined },
    { messagesPerSecondPerPeerMax: 10_000 },
  )
  gossip.subscribe(topic, () => {
    onHeard()
    return 'accept'
  })
  // No server of the table: its searches would connect everybody to everybody.
  const options = parseLibp2pOptions({
    listen: ['/ip4/127.0.0.1/tcp/0'],
    inboundConnectionsPerSecondMax: 10_000,
    dhtServer: false,
  })
  const parts = { privateKey: libp2pPrivateKey(secp256k1, privateKey), logger: silentLogger, gater: {}, gossip }
  const node = await createNode(parts, options)
  await node.start()
  const { pubsub } = node.services
  gossip.start({ pubsub, secp256k1, signer })
  return { node, gossip, inside: pubsub as unknown as GossipInside }
}

type Tally = { -readonly [Name in keyof Omit<GossipCounts, 'meshPerNode' | 'tookMs'>]: GossipCounts[Name] }

function count(counts: Tally, rpc: RPC): void {
  const length = RPC.encode(rpc).length
  counts.bytes += length + (length < 128 ? 1 : length < 16_384 ? 2 : 3)
  counts.copies += rpc.messages.length
  for (const { messageIDs } of rpc.control?.idontwant ?? []) counts.dontWants += messageIDs.length
  for (const { messageIDs } of rpc.control?.ihave ?? []) {
    counts.tells++
    counts.ids += messageIDs.length
  }
  for (const { messageIDs } of rpc.control?.iwant ?? []) counts.asked += messageIDs.length
}
