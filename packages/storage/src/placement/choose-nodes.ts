import type { Address } from '@stead/core'

/** What is known of a node when it is chosen. */
export interface NodeFacts {
  readonly node: Address
  readonly operator: Address
  /** Where it is; empty when nothing is known of that. */
  readonly subnets: readonly string[]
}

/** How the pieces of one segment lie. */
export interface Spread {
  /** One piece to each /24 and /64. Off for a network in one place, whose loss loses everything. */
  readonly hasDistinctSubnets: boolean
  /** Nodes that have a piece already. @default none */
  readonly taken?: readonly NodeFacts[]
  /**
   * Whether a node was measured to be there nearly always. Half of all pieces, rounded up, go to such as long as there are any.
   * @default nobody is preferred
   */
  readonly isSteady?: (node: Address) => boolean
}

/**
 * So many nodes that share neither operator nor subnet with each other or with those that are taken: first as many steady
 * ones as are missing to half of all, then the first of the others.
 */
export function chooseNodes<Facts extends NodeFacts>(
  candidates: Iterable<Facts>,
  count: number,
  { hasDistinctSubnets, taken = [], isSteady }: Spread,
): readonly Facts[] {
  const operators = new Set<Address>(taken.map(({ operator }) => operator))
  const subnets = new Set<string>(taken.flatMap((facts) => facts.subnets))
  const chosen: Facts[] = []
  const take = (from: Iterable<Facts>, upTo: number): void => {
    for (const candidate of from) {
      if (chosen.length >= upTo) break
      if (operators.has(candidate.operator)) continue
      if (hasDistinctSubnets && candidate.subnets.some((subnet) => subnets.has(subnet))) continue
      operators.add(candidate.operator)
      for (const subnet of candidate.subnets) subnets.add(subnet)
      chosen.push(candidate)
    }
  }
  const all = [...candidates]
  if (isSteady !== undefined) {
    const have = taken.filter(({ node }) => isSteady(node)).length
    const missing = steadyPieces(taken.length + count) - have
    const steady = all.filter(({ node }) => isSteady(node))
    take(steady, Math.min(count, Math.max(0, missing)))
  }
  take(all, count)
  return chosen
}

/** How many of a segment's pieces should be on steady nodes. */
export function steadyPieces(pieces: number): number {
  return Math.ceil(pieces / 2)
}
