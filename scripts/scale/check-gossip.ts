import { countGossip } from '../../packages/libp2p/test/support/gossip-counts.ts'
import { type GossipEstimate, planGossipTrial } from '../../packages/simulation/src/index.ts'

/** What the model said of one small network, and what real nodes did. */
export interface CheckedTrial {
  readonly nodes: number
  readonly connections: number
  readonly estimate: GossipEstimate
  readonly real: GossipEstimate
}

const TRIALS: readonly (readonly [nodes: number, connections: number])[] = [
  [24, 23],
  [32, 8],
  [48, 16],
]
const MESSAGES_PER_NODE = 3
const BETWEEN_MS = 150

/** Real nodes of libp2p with the same connections as in the model; some minutes on a slow machine. */
export async function checkGossip(seed: number): Promise<readonly CheckedTrial[]> {
  const checked: CheckedTrial[] = []
  for (const [nodes, connections] of TRIALS) {
    process.stderr.write(`running ${nodes} real nodes with ${connections} connections each …\n`)
    const { links, payloadBytes, estimate } = planGossipTrial(nodes, connections, seed)
    const messages = MESSAGES_PER_NODE * nodes
    const counts = await countGossip({
      nodes,
      links,
      topic: 'stead/offers/1/compute',
      payloadBytes,
      messages,
      betweenMs: BETWEEN_MS,
    })
    const { copies, dontWants, ids, bytes, meshPerNode } = counts
    const per = (total: number): number => total / messages
    const real = { copies: per(copies), dontWants: per(dontWants), ids: per(ids), bytes: per(bytes), meshPerNode }
    checked.push({ nodes, connections, estimate, real })
  }
  return checked
}
