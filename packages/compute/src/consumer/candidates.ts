import type { Address, PeerId, UnixMs } from '@stead/core'
import type { OfferEntry } from '@stead/market'
import { amountOf } from '../meter.ts'
import { type ComputeTerms, computeTermsSchema, type TermsLimit, termsMismatch } from '../terms.ts'
import type { JobHeader } from './job-plan.ts'
import type { TrustRecord } from './trust-book.ts'

/** Why a node is left out of a job before it is asked; refusals are counted as `refused-<code>` besides. */
export type ExclusionReason = TermsLimit | 'bad-terms' | 'operator' | 'distrusted' | 'rtt' | 'rtt-unknown' | 'price'

/** A node that may run a job. */
export interface Candidate {
  readonly entry: OfferEntry
  readonly terms: ComputeTerms
  readonly rttMs: number | undefined
  /** Lower is better. */
  readonly rank: number
}

/** What is known of nodes when they are compared. */
export interface CandidateFacts {
  readonly now: UnixMs
  readonly self: PeerId
  readonly rttMs: ReadonlyMap<PeerId, number>
  readonly trust: (node: Address) => TrustRecord
}

/** Who can run a job, the best first, and how many are left out for which reason. */
export interface Candidates {
  readonly candidates: readonly Candidate[]
  readonly excluded: Map<string, number>
}

/** A round trip this long counts as much as twice the price: about the run time of a small task. */
const RTT_SCALE_MS = 100
/** A node without a record costs a second copy of its tasks, some of the time. */
const STRANGER_FACTOR = 1.25
/** A node that has to fetch and compile the module first is a little slower to start. */
const COLD_FACTOR = 1.1

/** Adds one to a reason's count. */
export function countReason(excluded: Map<string, number>, reason: string): void {
  excluded.set(reason, (excluded.get(reason) ?? 0) + 1)
}

/**
 * Ranks offers for a job by price, measured round trip and own trust, and counts each that is left out. Round trips
 * that the job limits must be measured before.
 */
export function rankCandidates(header: JobHeader, offers: readonly OfferEntry[], facts: CandidateFacts): Candidates {
  const excluded = new Map<string, number>()
  const kept: Omit<Candidate, 'rank'>[] = []
  for (const entry of offers) {
    if (entry.peer === facts.self) continue
    const terms = termsOf(entry)
    const reason = terms === undefined ? 'bad-terms' : exclusionOf(header, { entry, terms, facts })
    if (reason !== undefined || terms === undefined) countReason(excluded, reason ?? 'bad-terms')
    else kept.push({ entry, terms, rttMs: facts.rttMs.get(entry.peer) })
  }
  const candidates = kept.map((candidate) => ({ ...candidate, rank: rankOf(candidate, facts) }))
  candidates.sort((left, right) => left.rank - right.rank)
  return { candidates, excluded }
}

/** Each search looks at every offer again, and an offer's terms never change. */
const decodedTerms: WeakMap<Uint8Array, { readonly terms: ComputeTerms | undefined }> = new WeakMap()

function termsOf({ offer }: OfferEntry): ComputeTerms | undefined {
  const known = decodedTerms.get(offer.terms)
  if (known !== undefined) return known.terms
  const terms = decodedOf(offer.terms)
  decodedTerms.set(offer.terms, { terms })
  return terms
}

function decodedOf(terms: Uint8Array): ComputeTerms | undefined {
  try {
    return computeTermsSchema.decodeDocument(terms)
  } catch {
    // A stranger's terms that do not decode are a reason to leave it out, which is counted.
    return undefined
  }
}

/** Whether the way to a node is all that may speak against it, so that it is worth a ping. */
export function isWorthMeasuring(header: JobHeader, entry: OfferEntry, facts: Omit<CandidateFacts, 'rttMs'>): boolean {
  const terms = termsOf(entry)
  if (terms === undefined || entry.peer === facts.self) return false
  return exclusionBesidesDistance(header, { entry, terms, facts }) === undefined
}

interface Examined<Facts> {
  readonly entry: OfferEntry
  readonly terms: ComputeTerms
  readonly facts: Facts
}

function exclusionOf(header: JobHeader, examined: Examined<CandidateFacts>): ExclusionReason | undefined {
  const reason = exclusionBesidesDistance(header, examined)
  if (reason !== undefined || header.maxRttMs === undefined) return reason
  const rttMs = examined.facts.rttMs.get(examined.entry.peer)
  if (rttMs === undefined) return 'rtt-unknown'
  return rttMs > header.maxRttMs ? 'rtt' : undefined
}

function exclusionBesidesDistance(
  header: JobHeader,
  { entry: { offer }, terms, facts }: Examined<Omit<CandidateFacts, 'rttMs'>>,
): ExclusionReason | undefined {
  if (header.operators !== undefined && !header.operators.includes(offer.operator)) return 'operator'
  const mismatch = termsMismatch(terms, header.need)
  if (mismatch !== undefined) return mismatch.limit
  if (amountOf(terms, header.need.fuel) > header.maxCostMicroUsd) return 'price'
  return facts.trust(offer.node).distrustedUntil > facts.now ? 'distrusted' : undefined
}

/** Lower is better: what 10^9 units of fuel cost here, made worse by distance, strangeness and a cold module. */
export function rankOf(
  candidate: Omit<Candidate, 'rank'> & { readonly isWarm?: boolean | undefined },
  facts: Pick<CandidateFacts, 'trust'>,
): number {
  const { entry, terms, rttMs } = candidate
  // Free nodes still differ by distance.
  const price = Number(terms.priceMicroUsdPerGigafuel) + Number(terms.minimumMicroUsdPerTask) + 1
  const distance = 1 + (rttMs ?? RTT_SCALE_MS) / RTT_SCALE_MS
  const { valid, timedOut } = facts.trust(entry.offer.node)
  const strangeness = valid > 0 ? 1 + timedOut / (valid + timedOut) : STRANGER_FACTOR
  return price * distance * strangeness * (candidate.isWarm === true ? 1 : COLD_FACTOR)
}
