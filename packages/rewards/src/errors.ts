import { type ErrorCatalog, SteadError, type SteadErrorOptions } from '@stead/core'

/** Codes of {@link RewardsError}. */
export type RewardsErrorCode =
  | 'REWARDS_MALFORMED'
  | 'REWARDS_TOO_LARGE'
  | 'REWARDS_MISSING'
  | 'REWARDS_CONFLICT'
  | 'REWARDS_NOT_OVER'
  | 'REWARDS_NO_PROGRAM'
  | 'REWARDS_POLICY_UNKNOWN'
  | 'REWARDS_OUT_OF_ORDER'
  | 'REWARDS_PROGRAM_FAULT'
  | 'REWARDS_PROBE_REFUSED'

/** What each code of this package means. */
export const rewardsErrorCatalog: ErrorCatalog<RewardsErrorCode> = {
  REWARDS_MALFORMED: {
    kind: 'peer',
    retryable: false,
    meaning: 'A document of an epoch decodes but contradicts itself: its order, a sum or a reference.',
    next: 'See the first difference: stead audit epoch <number>',
  },
  REWARDS_TOO_LARGE: {
    kind: 'peer',
    retryable: false,
    meaning: 'An epoch has more nodes, logs, lots or lines than its documents may hold.',
    next: 'See the limits in docs/economics.md.',
  },
  REWARDS_MISSING: {
    kind: 'system',
    retryable: true,
    meaning: 'A document that an epoch names by its content id cannot be had now.',
    next: 'Connect to more peers, then ask again: stead audit epoch <number>',
  },
  REWARDS_CONFLICT: {
    kind: 'system',
    retryable: true,
    meaning:
      'The chain gave two different events or blocks for one place: it was reorganised, or the RPC is not honest.',
    next: 'Read the epoch again from another RPC: stead audit epoch <number> --rpc <url>',
  },
  REWARDS_NOT_OVER: {
    kind: 'user',
    retryable: true,
    meaning: 'An epoch of which the chain has no later block yet has no facts.',
    next: 'Ask again when it is over; see when: stead epoch',
  },
  REWARDS_NO_PROGRAM: {
    kind: 'user',
    retryable: true,
    meaning: 'No reward program that mints was ever enabled on this chain, so nobody can earn on it.',
    next: 'Check that the address book is of the chain that you mean: stead config show',
  },
  REWARDS_POLICY_UNKNOWN: {
    kind: 'user',
    retryable: false,
    meaning: 'The chain enables a reward program whose policy this epoch does not carry or this version cannot run.',
    next: 'Update Stead, then ask again: stead audit epoch <number>',
  },
  REWARDS_OUT_OF_ORDER: {
    kind: 'peer',
    retryable: false,
    meaning: 'An epoch does not build on the result of the epoch before it.',
    next: 'Audit the epoch before: stead audit epoch <number>',
  },
  REWARDS_PROGRAM_FAULT: {
    kind: 'system',
    retryable: false,
    meaning: 'A reward program broke its promise: more than its budget, an operator twice, or a negative share.',
    next: 'Keep the evidence and report the program by its name and version.',
  },
  REWARDS_PROBE_REFUSED: {
    kind: 'peer',
    retryable: false,
    meaning: 'A node does not answer a probe that is not for it, not now, or built on answers that it did not give.',
    next: 'Nothing to do; the details carry the reason.',
  },
}

/** Evidence, epochs and probes that are not what they must be. */
export class RewardsError extends SteadError<RewardsErrorCode> {
  constructor(code: RewardsErrorCode, message: string, options: SteadErrorOptions = {}) {
    super(rewardsErrorCatalog, code, message, options)
  }
}

/** @throws RewardsError REWARDS_MALFORMED always */
export function malformed(what: string, need: string | number | bigint, have: string | number | bigint): never {
  throw new RewardsError('REWARDS_MALFORMED', `${what}: need ${need}, have ${have}`, { details: { what, need, have } })
}

/** Checks that keys ascend without repetition, so that a list has one spelling. @throws RewardsError REWARDS_MALFORMED */
export function checkAscending(what: string, keys: Iterable<string>): void {
  let before = ''
  for (const key of keys) {
    if (key <= before) malformed(`order of ${what}`, `above ${before}`, key)
    before = key
  }
}
