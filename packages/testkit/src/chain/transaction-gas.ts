/** Gas that each transaction takes, near what the contracts take; approvals are not counted. */
export const GAS = {
  fund: 150_000n,
  claim: 90_000n,
  payout: 55_000n,
  thaw: 50_000n,
  close: 60_000n,
  'buy-lot': 220_000n,
  bond: 135_000n,
  unbond: 137_000n,
  withdraw: 52_000n,
  report: 196_000n,
  propose: 187_000n,
  challenge: 133_000n,
  decide: 602_000n,
  finalize: 115_000n,
  drop: 100_000n,
  accrue: 93_000n,
  'claim-reward': 156_000n,
  sponsor: 100_000n,
} as const

/** What a transaction does. */
export type TransactionKind = keyof typeof GAS
