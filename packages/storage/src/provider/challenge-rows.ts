import { defineSchema, type Schema, uintField } from '@stead/protocol'

/** `c/` and a number -> nothing: a challenge that this node faces; {@link CURSOR_KEY} -> where the search goes on. */
export const CHALLENGES_TABLE = 'storage-challenges'
export const CURSOR_KEY = 'a'
export const FACED_PREFIX = 'c/'
const DIGITS = 20

/** From which block on announcements are searched. */
export const cursorSchema: Schema<{ readonly fromBlock: number }> = defineSchema<{ readonly fromBlock: number }>(
  'ChallengeCursor',
  16,
  { fromBlock: [1, uintField()] },
)

/** Where a challenge that is faced is kept; in the order of numbers. */
export function facedKey(number: bigint): string {
  return `${FACED_PREFIX}${number.toString().padStart(DIGITS, '0')}`
}

/** The number of a key that {@link facedKey} made. */
export function numberOfKey(key: string): bigint {
  return BigInt(key.slice(FACED_PREFIX.length))
}
