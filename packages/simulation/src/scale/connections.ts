import type { SeededRandom } from '@stead/testkit'
import { NeighbourLists } from './neighbour-lists.ts'

/** Draws in a row that may fail: the last nodes with room are often connected to each other already. */
const FAILURES_MAX = 200

/**
 * Connections at random, `perNode` at each node or all others where there are fewer: what dials at random and the
 * searches of a table, whose ids are hashes, leave behind. A few of the last nodes may get less.
 */
export function connectAtRandom(nodes: number, perNode: number, random: SeededRandom): NeighbourLists {
  const lists = new NeighbourLists(nodes, Math.min(perNode, nodes - 1))
  if (lists.width === nodes - 1) {
    joinAll(lists, random)
    return lists
  }
  const open = Int32Array.from({ length: nodes }, (_, node) => node)
  let openCount = nodes
  let failures = 0
  const drawPlace = (): number => Math.floor(random.fraction() * openCount)
  while (openCount > 1 && failures < FAILURES_MAX) {
    const leftPlace = drawPlace()
    const rightPlace = drawPlace()
    const left = open[leftPlace] ?? 0
    const right = open[rightPlace] ?? 0
    if (!lists.join(left, right)) {
      failures++
      continue
    }
    failures = 0
    // The higher place first, so that the last entry that fills it is not the lower one.
    for (const place of leftPlace > rightPlace ? [leftPlace, rightPlace] : [rightPlace, leftPlace]) {
      if (!lists.isFull(open[place] ?? 0)) continue
      openCount--
      open[place] = open[openCount] ?? 0
    }
  }
  return lists
}

/** Everybody with everybody, one pair after another in no order: the first connections are those of the mesh. */
function joinAll(lists: NeighbourLists, random: SeededRandom): void {
  const { nodes } = lists
  const pairs = new Int32Array((nodes * (nodes - 1)) / 2)
  let count = 0
  for (let left = 0; left < nodes; left++) {
    for (let right = left + 1; right < nodes; right++) {
      const other = Math.floor(random.fraction() * (count + 1))
      pairs[count] = pairs[other] ?? 0
      pairs[other] = left * nodes + right
      count++
    }
  }
  for (const pair of pairs) lists.join(Math.floor(pair / nodes), pair % nodes)
}
