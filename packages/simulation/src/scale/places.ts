import type { SeededRandom } from '@stead/testkit'

/** Side of the square in which nodes are, in milliseconds of one-way travel; that of the simulated worlds. */
const WORLD_SIDE_MS = 80
/** What every message takes besides its way. */
const HOP_MS = 1

/** Where nodes are. Two coordinates a node, 8 bytes. */
export class Places {
  readonly nodes: number
  readonly #xMs: Float32Array
  readonly #yMs: Float32Array

  constructor(nodes: number, random: SeededRandom) {
    this.nodes = nodes
    this.#xMs = new Float32Array(nodes)
    this.#yMs = new Float32Array(nodes)
    for (let node = 0; node < nodes; node++) {
      this.#xMs[node] = random.fraction() * WORLD_SIDE_MS
      this.#yMs[node] = random.fraction() * WORLD_SIDE_MS
    }
  }

  /** How long a message takes from one node to another. */
  wayMs(left: number, right: number): number {
    const dx = (this.#xMs[left] ?? 0) - (this.#xMs[right] ?? 0)
    const dy = (this.#yMs[left] ?? 0) - (this.#yMs[right] ?? 0)
    return HOP_MS + Math.sqrt(dx * dx + dy * dy)
  }

  /** How long a question and its answer take. */
  roundTripMs(left: number, right: number): number {
    return 2 * this.wayMs(left, right)
  }
}
