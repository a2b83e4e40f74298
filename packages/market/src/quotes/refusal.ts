import type { ErrorDetails } from '@stead/core'

/** Why a provider gives no quote; a closed list, so that refusals can be counted by reason. */
export type RefusalCode =
  | 'busy'
  | 'price'
  | 'limit'
  | 'paused'
  | 'finishing'
  | 'unsupported'
  | 'payer-refused'
  | 'wrong-chain'

/** All refusal codes, in the order in which they are shown. */
export const REFUSAL_CODES: readonly RefusalCode[] = [
  'busy',
  'price',
  'limit',
  'paused',
  'finishing',
  'unsupported',
  'payer-refused',
  'wrong-chain',
]

/** A provider's no, with its reason and numbers. */
export interface Refusal {
  readonly code: RefusalCode
  /** One sentence with need and have, at most 500 characters. */
  readonly message: string
  /** At most 16 facts; numbers carry their unit in the key. */
  readonly details: ErrorDetails
}
