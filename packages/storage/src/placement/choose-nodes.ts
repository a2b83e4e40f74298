import type { Address } from '@stead/core'

/** What is known of a node when it is chosen. */
export interface NodeFacts {
  readonly node: Address
  readonly operator: Address
  /** Where it is; empty when nothing is known of that. */
  readonly subnets: readonly string[]
}

/** How far apart the pieces of one segment are. */
export interface Spread {
  /** One piece to each /24 and /64. Off for a network in one place, whose loss loses everything. */
  readonly hasDistinctSubnets: boolean
}

/** The first so many that share neither operator nor subnet with each other or with those that are taken. */
export function chooseNodes<Facts extends NodeFacts>(
  candidates: Iterable<Facts>,
  count: number,
  { hasDistinctSubnets, taken = [] }: Spread & { readonly taken?: readonly NodeFacts[] },
): readonly Facts[] {
  const operators = new Set<Address>(taken.map(({ operator }) => operator))
  const subnets = new Set<string>(taken.flatMap((facts) => facts.subnets))
  const chosen: Facts[] = []
  for (const candidate of candidates) {
    if (chosen.length === count) break
    if (operators.has(candidate.operator)) continue
    if (hasDistinctSubnets && candidate.subnets.some((subnet) => subnets.has(subnet))) continue
    operators.add(candidate.operator)
    for (const subnet of candidate.subnets) subnets.add(subnet)
    chosen.push(candidate)
  }
  return chosen
}
