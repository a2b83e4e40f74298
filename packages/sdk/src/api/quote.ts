import type { Address, MicroUsd, UnixMs } from '@stead/core'
import { z } from 'zod'
import { type CountedReason, countedReasonWire } from './jobs.ts'
import { addressWire, countWire, microUsdWire, optionalWire, unixMsWire, type Wire } from './scalars.ts'

/** One provider that would run the job now. */
export interface QuotedProvider {
  readonly node: Address
  readonly operator: Address
  /** Measured; missing when there is no measurement yet. */
  readonly rttMs?: number
  readonly priceMicroUsdPerGigafuel: MicroUsd
  readonly minimumMicroUsdPerTask: MicroUsd
  /** Tasks that it runs at once. */
  readonly concurrency: number
  /** It has the job's module loaded already. */
  readonly warm: boolean
  readonly validUntil: UnixMs
}

/** Answer to `POST /v1/quote`: who would run a job and what it would cost; nothing is funded. */
export interface JobQuote {
  readonly tasks: number
  readonly matching: readonly QuotedProvider[]
  /** Providers that were left out, counted by reason. */
  readonly excluded: readonly CountedReason[]
  /** Every task at its fuel limit at the dearest matching price, replicas included; missing without providers. */
  readonly worstCaseMicroUsd?: MicroUsd
  /** The least that the job can cost: every task at the minimum price, once; missing without providers. */
  readonly leastMicroUsd?: MicroUsd
  readonly maxCostMicroUsd: MicroUsd
}

/** Wire form of {@link JobQuote}. */
export const jobQuoteWire: Wire<JobQuote> = z.object({
  tasks: countWire,
  matching: z.array(
    z.object({
      node: addressWire,
      operator: addressWire,
      rttMs: optionalWire(z.number()),
      priceMicroUsdPerGigafuel: microUsdWire,
      minimumMicroUsdPerTask: microUsdWire,
      concurrency: countWire,
      warm: z.boolean(),
      validUntil: unixMsWire,
    }),
  ),
  excluded: z.array(countedReasonWire),
  worstCaseMicroUsd: optionalWire(microUsdWire),
  leastMicroUsd: optionalWire(microUsdWire),
  maxCostMicroUsd: microUsdWire,
})
