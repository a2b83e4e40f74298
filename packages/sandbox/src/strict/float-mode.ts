/**
 * How the sign and payload bits of NaN results are chosen, which WebAssembly leaves open: `raw` takes what the engine
 * gives, `strict` makes them the same on every machine and in every compiler tier.
 */
export type FloatMode = 'raw' | 'strict'

/**
 * How many times the fuel of a raw run a strict run of the same call may take at the most: the longest canonicalisation
 * costs 15 units for one operation and one observer of a unit each. Typical programs take 1.0 to 1.3 times.
 */
export const STRICT_FUEL_FACTOR = 10
