import { defineSchema, type Field, textField } from '@stead/protocol'
import { uint128Field } from '../units.ts'

/** Reasons of the programs that ship; other programs may have their own words, kebab-case, at most 48 bytes. */
export type KnownReason =
  | 'no-fees'
  | 'unsold-lot'
  | 'not-bonded'
  | 'quality-unknown'
  | 'quality'
  | 'storage-unproven'
  | 'place-unknown'
  | 'place-not-paid'
  | 'network-unknown'
  | 'well-covered'
  | 'capped'
  | 'deposit-limit'
  | 'no-share'
  | 'program-ended'

/** Why a share is zero, or less than it could be. */
export interface ShareReason {
  readonly code: KnownReason | (string & Record<never, never>)
  /** What it is about: `lot 12`, `4:c00002`, `compute eu-west`; at most 64 bytes. */
  readonly about: string
  /** What there would have been, or had to be; in the unit of the code's meaning. */
  readonly need: bigint
  /** What there was. */
  readonly have: bigint
}

/** Most reasons that a share carries; further ones are dropped. */
export const REASONS_MAX = 16

const reasonSchema = defineSchema<ShareReason>('ShareReason', 256, {
  code: [1, textField(48)],
  about: [2, textField(64)],
  need: [3, uint128Field],
  have: [4, uint128Field],
})

/** A {@link ShareReason} as part of a document. */
export const reasonField: Field<ShareReason> = reasonSchema.asField()
