import type { HandPayer } from './hand-payer.ts'

/** One round of an attack. Refusals are thrown: they are what should happen. */
export type Attack = (payer: HandPayer) => Promise<void>
