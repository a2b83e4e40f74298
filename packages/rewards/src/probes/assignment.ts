import type { Address, Hash } from '@stead/core'
import { concatBytes, hexToBytes, keccakText, sha256 } from '@stead/protocol'
import { type BondedNode, byOperatorThenNode } from '../facts/chain-facts.ts'
import { BeaconDraw } from './beacon-draw.ts'

/** Nodes `first` .. `end`-1 of the sorted list are one operator's. */
interface Span {
  readonly first: number
  readonly end: number
}

const NOBODY = 0xffff_ffff
const PURPOSE = keccakText('stead/probe-assignment')

/**
 * Who probes whom in one epoch. The beacon draws, for each node on its own, probers one after another out of all bonded
 * nodes with equal chances, leaving out every node of the target's operator and of operators that were drawn already:
 * so probers are of distinct operators, and no one probes its own. A bond is a chance, however it is spread over
 * operators. Anybody can repeat one node's draw alone.
 */
export class Assignment {
  /** By operator, then node; the other numbers here are places in this list. */
  readonly nodes: readonly BondedNode[]
  /** Most probers for one node. */
  readonly probersPerNode: number
  readonly #indexOf: ReadonlyMap<Address, number>
  readonly #probers: Uint32Array
  /** Filled when first asked: a prober asks once, an audit never. */
  #targets: readonly (readonly number[])[] | undefined

  /** @param nodes bonded when the epoch began, each once, in any order */
  constructor(beacon: Hash, nodes: readonly BondedNode[], probersPerNode: number) {
    this.nodes = nodes.toSorted(byOperatorThenNode)
    this.probersPerNode = probersPerNode
    this.#indexOf = new Map(this.nodes.map(({ node }, index) => [node, index]))
    this.#probers = new Uint32Array(this.nodes.length * probersPerNode).fill(NOBODY)
    const spans = spansOf(this.nodes)
    const beaconBytes = hexToBytes(beacon)
    for (const [target, { node }] of this.nodes.entries()) {
      const draw = new BeaconDraw(sha256(concatBytes(PURPOSE, beaconBytes, hexToBytes(node))))
      this.#probers.set(drawProbers(draw, spans, target, probersPerNode), target * probersPerNode)
    }
  }

  /** Place of a node in the list; undefined when it is not bonded. */
  indexOf(node: Address): number | undefined {
    return this.#indexOf.get(node)
  }

  /** The probers of a node, at most {@link probersPerNode}; fewer when there are fewer other operators. */
  probersOf(target: number): readonly number[] {
    const start = target * this.probersPerNode
    const drawn = this.#probers.subarray(start, start + this.probersPerNode)
    const end = drawn.indexOf(NOBODY)
    return [...(end < 0 ? drawn : drawn.subarray(0, end))]
  }

  /** Which of a node's probers this is, 0 .. probersPerNode-1; -1 when it is none of them. */
  positionOf(target: number, prober: number): number {
    const start = target * this.probersPerNode
    return this.#probers.subarray(start, start + this.probersPerNode).indexOf(prober)
  }

  /** The nodes that a prober has to probe, in order. */
  targetsOf(prober: number): readonly number[] {
    this.#targets ??= this.#invert()
    return this.#targets[prober] ?? []
  }

  #invert(): readonly (readonly number[])[] {
    const targets: number[][] = this.nodes.map(() => [])
    for (const target of this.nodes.keys()) {
      for (const prober of this.probersOf(target)) targets[prober]?.push(target)
    }
    return targets
  }
}

/** For each node the span of its operator. */
function spansOf(nodes: readonly BondedNode[]): readonly Span[] {
  const spans: Span[] = []
  for (let first = 0; first < nodes.length; ) {
    let end = first
    while (end < nodes.length && nodes[end]?.operator === nodes[first]?.operator) end++
    const span = { first, end }
    while (first < end) spans[first++] = span
  }
  return spans
}

function drawProbers(draw: BeaconDraw, spans: readonly Span[], target: number, count: number): number[] {
  const own = spans[target]
  if (own === undefined) return []
  const drawn: number[] = []
  // Ascending, so that counting over the gaps between them turns a number into a place.
  const excluded = [own]
  let left = spans.length - (own.end - own.first)
  while (drawn.length < count && left > 0) {
    let place = draw.below(left)
    for (const { first, end } of excluded) if (place >= first) place += end - first
    const span = spans[place]
    if (span === undefined) throw new RangeError(`drew ${place} of ${spans.length} nodes`)
    drawn.push(place)
    left -= span.end - span.first
    const before = excluded.findIndex(({ first }) => first > span.first)
    excluded.splice(before < 0 ? excluded.length : before, 0, span)
  }
  return drawn
}
