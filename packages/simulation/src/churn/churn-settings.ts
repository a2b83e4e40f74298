import { SEGMENT_PROFILES } from '@stead/storage'
import type { ChurnOptions } from './churn-options.ts'
import { HOME_PC, HOME_SERVER, MIXED_KINDS, SERVER } from './node-kinds.ts'

/** A year of payers with 100 GB each at home, whose daemons are always on, among machines of all kinds. */
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
  profile: SEGMENT_PROFILES['16-of-48'],
  payers: 30,
  segmentsPerPayer: 20,
  storedBytesPerPayer: 100e9,
  habits: { hoursPerDay: 24, skippedDayShare: 0 },
  payerUpBytesPerSecond: 2.5e6,
  payerDownBytesPerSecond: 12.5e6,
  nodeUpBytesPerSecond: 1.25e6,
}

/** The day on which {@link CHURN_YEARS} `killed` loses three tenths of its nodes. */
export const KILL_DAY = 120

/** Years to compare, by how they differ from {@link COMMON_YEAR}. */
export const CHURN_YEARS: Readonly<Record<string, Partial<ChurnOptions>>> = {
  calm: { departuresPerMonth: 0.02 },
  common: {},
  rough: { departuresPerMonth: 0.1 },
  'payer at night off': { habits: { hoursPerDay: 8, skippedDayShare: 0.1 } },
  'ten days of holiday': { habits: { hoursPerDay: 24, skippedDayShare: 0, holiday: { atDay: 150, days: 10 } } },
  'home machines': {
    kinds: [
      { name: 'server', share: 0.1, rhythm: SERVER },
      { name: 'home server', share: 0.4, rhythm: HOME_SERVER },
      { name: 'home PC', share: 0.5, rhythm: HOME_PC },
    ],
  },
  '30 % killed': { outages: [{ atDay: KILL_DAY, hours: Number.POSITIVE_INFINITY, hits: { share: 0.3 } }] },
}
