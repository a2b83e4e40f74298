import type { Address } from '@stead/core'

/** The address that nobody has: where tokens come from when they are made, and go to when they are burned. */
export const NOBODY = '0x0000000000000000000000000000000000000000' as Address
