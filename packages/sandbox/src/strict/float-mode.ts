/**
 * How the sign and payload bits of NaN results are chosen, which WebAssembly leaves open: `raw` takes what the engine
 * gives, `strict` makes them the same on every machine and in every compiler tier.
 */
export type FloatMode = 'raw' | 'strict'
