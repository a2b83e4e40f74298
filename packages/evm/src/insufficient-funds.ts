import type { Address } from '@stead/core'
import { ChainError } from './errors.ts'

/** Too little of a currency for what is to be done. */
export interface Shortage {
  readonly account: Address
  /** `tokens` are counted in units of 10^-18, `dollars` in micro-dollars. */
  readonly currency: 'tokens' | 'dollars'
  readonly need: bigint
  readonly have: bigint
}

/** Says what an account needs and has. */
export function insufficientFunds({ account, currency, need, have }: Shortage): ChainError {
  const isTokens = currency === 'tokens'
  const unit = isTokens ? 'token units' : 'micro-dollars'
  const details = isTokens
    ? { account, needTokenUnits: need, haveTokenUnits: have }
    : { account, needMicroUsd: need, haveMicroUsd: have }
  return new ChainError('CHAIN_INSUFFICIENT_FUNDS', `the account ${account} needs ${need} ${unit}, has ${have}`, {
    details,
    next: isTokens
      ? `Send STEAD to ${account}, or buy it: stead swap; then run the command again.`
      : `Send dollars to ${account}, then run the command again.`,
  })
}
