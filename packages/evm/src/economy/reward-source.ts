import type { RewardState } from '@stead/core'

const SOURCES: readonly RewardState['source'][] = ['none', 'minted', 'sponsored']

/** Where a program's rewards come from, by the contract's number; a number that this version does not know pays nothing. */
export function sourceOf(number: number): RewardState['source'] {
  return SOURCES[number] ?? 'none'
}
