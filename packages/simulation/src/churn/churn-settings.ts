import type { ChurnOptions } from './churn-options.ts'
import { MIXED_KINDS } from './node-kinds.ts'

/** A year of a payer with 100 GB at home, whose daemon is always on, among machines of all kinds. */
export const COMMON_YEAR: ChurnOptions = {
  seed: 1,
  days: 365,
  stepMinutes: 30,
  nodes: 400,
  kinds: MIXED_KINDS,
  departuresPerMonth: 0.05,
  diskLossesPerMonth: 0.002,
  outages: [
    { atDay: 90, hours: 24, hits: { region: 3 } },
    { atDay: 200, hours: 72, hits: { region: 7 } },
  ],
  profile: { dataPieces: 16, pieces: 48, enough: 36 },
  payers: 10,
  segmentsPerPayer: 10,
  storedBytesPerPayer: 100e9,
  habits: { hoursPerDay: 24, skippedDayShare: 0 },
  payerUpBytesPerSecond: 2.5e6,
  payerDownBytesPerSecond: 12.5e6,
  nodeUpBytesPerSecond: 1.25e6,
}
