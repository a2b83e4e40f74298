import type { ContentId } from '@stead/core'

/** What the answers to one task say so far. */
export type Verdict =
  | { readonly kind: 'agreed'; readonly outcome: ContentId }
  /** So many more answers must be asked for. */
  | { readonly kind: 'more'; readonly replicas: number }
  /** Answers that may decide are still to come. */
  | { readonly kind: 'wait' }
  /** No majority, and no more replicas allowed. */
  | { readonly kind: 'no-agreement' }

/** What a verdict rests on. */
export interface VerdictInput {
  /** Outcome ids, one per distinct operator. */
  readonly outcomes: readonly ContentId[]
  /** Deliveries still in flight. */
  readonly open: number
  /** Replicas that verification asks for, 1 or more. */
  readonly wanted: number
  /** Most answers that may be asked for in all. */
  readonly replicasMax: number
}

/**
 * Agreement takes as many equal answers as are wanted, and a strict majority of all; without it, one more replica at a
 * time up to the maximum. So fewer liars than are wanted never make a result, whatever they agree on.
 */
export function verdictOf(input: VerdictInput): Verdict {
  const { outcomes, open, wanted, replicasMax } = input
  const counts = new Map<ContentId, number>()
  let best: ContentId | undefined
  let bestCount = 0
  for (const outcome of outcomes) {
    const count = (counts.get(outcome) ?? 0) + 1
    counts.set(outcome, count)
    if (count > bestCount) {
      best = outcome
      bestCount = count
    }
  }
  const isAgreed = bestCount >= wanted && bestCount * 2 > outcomes.length
  if (best !== undefined && isAgreed) return { kind: 'agreed', outcome: best }
  const missing = wanted - outcomes.length - open
  if (missing > 0) return { kind: 'more', replicas: missing }
  if (open > 0) return { kind: 'wait' }
  return outcomes.length < replicasMax ? { kind: 'more', replicas: 1 } : { kind: 'no-agreement' }
}
