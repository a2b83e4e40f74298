import type { Address, Fuel, MicroUsd, PeerId } from '@stead/core'
import { amountOf } from '../meter.ts'
import type { JobPlan } from './job-plan.ts'
import type { QuotedProvider, SearchResult } from './provider-search.ts'
import type { TrustBook } from './trust-book.ts'

/** One node's quote for a job. */
export interface JobQuoteOffer {
  readonly node: Address
  readonly operator: Address
  readonly peer: PeerId
  readonly rttMs: number | undefined
  readonly priceMicroUsdPerGigafuel: MicroUsd
  readonly minimumMicroUsdPerTask: MicroUsd
  readonly concurrency: number
  /** The job's module is loaded there already. */
  readonly isWarm: boolean
  /** Valid replicated results in a row, by own experience. */
  readonly trust: number
}

/** What a job would cost and who would run it; nothing is funded. */
export interface JobQuote {
  readonly tasks: number
  /** The best first. */
  readonly offers: readonly JobQuoteOffer[]
  /** Nodes left out, by reason. */
  readonly excluded: Readonly<Record<string, number>>
  /** Distinct operators: what verification needs, and what matches. */
  readonly operators: { readonly need: number; readonly have: number }
  /** Copies of each task: at the least and at the most, disagreement aside. */
  readonly replicas: { readonly least: number; readonly most: number }
  readonly priceMicroUsdPerGigafuel: { readonly low: MicroUsd; readonly high: MicroUsd } | undefined
  /** Every task at its fuel limit, at the highest price, with most replicas; undefined when no node matches. */
  readonly worstCaseMicroUsd: MicroUsd | undefined
  /** By what the module's tasks took before, at the middle price; undefined when it was never run or no node matches. */
  readonly expectedMicroUsd: MicroUsd | undefined
  readonly capMicroUsd: MicroUsd
}

/** What a quote is made from. */
export interface JobQuoteInput {
  readonly plan: JobPlan
  readonly found: SearchResult
  readonly operatorsNeed: number
  readonly meanFuel: Fuel | undefined
  readonly trust: TrustBook
  readonly adaptiveFloor: number
  readonly adaptiveProbation: number
}

/** Adds a job's quote up. Pure. */
export function quoteOf(input: JobQuoteInput): JobQuote {
  const { plan, found, operatorsNeed, trust } = input
  const offers = found.quoted.map((provider) => offerOf(provider, trust))
  const byPrice = [...found.quoted].sort((left, right) => priceOf(left) - priceOf(right))
  const [cheapest, dearest, middle] = [byPrice[0], byPrice.at(-1), byPrice[byPrice.length >> 1]]
  const replicas = replicasOf(input)
  const range =
    cheapest === undefined || dearest === undefined
      ? undefined
      : { low: cheapest.terms.priceMicroUsdPerGigafuel, high: dearest.terms.priceMicroUsdPerGigafuel }
  return {
    tasks: plan.tasks.length,
    offers,
    excluded: Object.fromEntries(found.excluded),
    operators: { need: operatorsNeed, have: new Set(offers.map(({ operator }) => operator)).size },
    replicas: { least: replicas.least, most: replicas.most },
    priceMicroUsdPerGigafuel: range,
    worstCaseMicroUsd: dearest === undefined ? undefined : worstCase(plan, dearest, replicas.most),
    expectedMicroUsd: middle === undefined ? undefined : expected(input, middle, replicas.expected),
    capMicroUsd: plan.header.maxCostMicroUsd,
  }
}

function priceOf({ terms }: QuotedProvider): number {
  return Number(terms.priceMicroUsdPerGigafuel)
}

function offerOf({ entry, opened, terms, rttMs }: QuotedProvider, trust: TrustBook): JobQuoteOffer {
  const { node, operator } = entry.offer
  return {
    node,
    operator,
    peer: opened.peer,
    rttMs,
    priceMicroUsdPerGigafuel: terms.priceMicroUsdPerGigafuel,
    minimumMicroUsdPerTask: terms.minimumMicroUsdPerTask,
    concurrency: opened.quote.concurrency,
    isWarm: opened.quote.isWarm === true,
    trust: trust.of(node).valid,
  }
}

function replicasOf(input: JobQuoteInput): {
  readonly least: number
  readonly most: number
  readonly expected: number
} {
  const { verification } = input.plan.header
  if (verification.mode === 'trust') return { least: 1, most: 1, expected: 1 }
  if (verification.mode === 'quorum') {
    const { replicas } = verification
    return { least: replicas, most: replicas, expected: replicas }
  }
  const floor = verification.floor ?? input.adaptiveFloor
  const shares = input.found.quoted.map(({ entry }) => {
    const { valid } = input.trust.of(entry.offer.node)
    return valid < input.adaptiveProbation ? 1 : Math.max(floor, 1 / valid)
  })
  const mean = shares.length === 0 ? 1 : shares.reduce((sum, share) => sum + share, 0) / shares.length
  return { least: 1, most: 2, expected: 1 + mean }
}

function worstCase(plan: JobPlan, { terms }: QuotedProvider, replicas: number): MicroUsd {
  const once = plan.tasks.reduce((sum, { fuelMax }) => sum + amountOf(terms, fuelMax), 0n)
  return (once * BigInt(replicas)) as MicroUsd
}

function expected(
  { plan, meanFuel }: JobQuoteInput,
  { terms }: QuotedProvider,
  replicas: number,
): MicroUsd | undefined {
  if (meanFuel === undefined) return undefined
  const once = amountOf(terms, meanFuel) * BigInt(plan.tasks.length)
  return ((once * BigInt(Math.round(replicas * 1000))) / 1000n) as MicroUsd
}
