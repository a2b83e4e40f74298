import type { Address, ErrorDetails } from '@stead/core'
import { chainRefusal } from './chain-refusal.ts'

/** What a contract refuses with; `details` are the arguments of its error by name. @throws SteadError CHAIN_REVERTED */
export function revert(error: string, details: ErrorDetails = {}): never {
  throw chainRefusal('CHAIN_REVERTED', `the contract refused: ${error}`, { error, ...details })
}

/** What an account needs and has of tokens or dollars. */
export interface Need {
  readonly account: Address
  readonly currency: 'tokens' | 'dollars'
  readonly need: bigint
  readonly have: bigint
}

/** @throws SteadError CHAIN_INSUFFICIENT_FUNDS when there is less than needed */
export function requireFunds({ account, currency, need, have }: Need): void {
  if (have >= need) return
  const isTokens = currency === 'tokens'
  const sentence = `the account ${account} needs ${need} ${isTokens ? 'token units' : 'micro-dollars'}, has ${have}`
  const details = isTokens
    ? { account, needTokenUnits: need, haveTokenUnits: have }
    : { account, needMicroUsd: need, haveMicroUsd: have }
  throw chainRefusal('CHAIN_INSUFFICIENT_FUNDS', sentence, details)
}
