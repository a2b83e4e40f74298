/** Keepers of a register where the network has so many nodes: two of them may fail in any way. */
export const KEEPERS_WANTED = 7
/** Most keepers of a register. */
export const KEEPERS_MAX = 16
/** Bytes of one keeper: its compressed public key. */
export const KEEPER_BYTES = 33

/** Bytes of all keepers of a register. */
export const KEEPERS_BYTES_MAX: number = KEEPERS_MAX * KEEPER_BYTES

/** How many of some keepers may lie, forget or be away at once without harm. */
export function faultsOf(keepers: number): number {
  return Math.floor((keepers - 1) / 3)
}

/**
 * How many of some keepers must agree: any two such groups share more than may lie (ADR 15), and as many are left when
 * those who may fail are away. Five of seven, two of three.
 */
export function quorumOf(keepers: number): number {
  return Math.ceil((keepers + faultsOf(keepers) + 1) / 2)
}

/**
 * How many keepers must be left when the others are gone for good: one of them at least is in every group of
 * {@link quorumOf}.
 */
export function remainderOf(keepers: number): number {
  return keepers - quorumOf(keepers) + 1
}
