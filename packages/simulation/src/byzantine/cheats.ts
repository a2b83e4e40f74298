import type { EpochCheat } from './epoch-cheats.ts'

/** Cheats of what a node computes: its executor lies, and everything behind it is honest. */
export const RESULT_CHEATS = ['wrong-result', 'lazy-copy', 'over-fuel', 'silent', 'slow'] as const

/** Cheats of what a provider sends: of answers, of money, of gossip. */
export const WIRE_CHEATS = [
  'over-bills',
  'garbage-answers',
  'bit-flips',
  'no-receipts',
  'forged-receipts',
  'greedy',
  'wrong-books',
  'wrong-quotes',
  'forges-offers',
  'replays-offers',
] as const

/** How a byzantine provider cheats. All but cheats of the result quote, admit and bill as an honest one does. */
export const PROVIDER_CHEATS: readonly ProviderCheat[] = [...RESULT_CHEATS, ...WIRE_CHEATS]

/** How a byzantine payer cheats. */
export const PAYER_CHEATS = [
  'never-pays',
  'pays-then-takes',
  'stale-voucher',
  'rejects-all',
  'thaws',
  'abandons',
  'lying-purse',
  'foreign-purse',
  'replays-tasks',
  'floods',
  'garbles',
] as const

/** One way to cheat as a provider. */
export type ProviderCheat = (typeof RESULT_CHEATS)[number] | (typeof WIRE_CHEATS)[number]
/** One way to cheat as a payer. */
export type PayerCheat = (typeof PAYER_CHEATS)[number]
/** One way to cheat. */
export type CheatName = ProviderCheat | PayerCheat | EpochCheat

/** True for the cheats of payers. */
export function isPayerCheat(cheat: CheatName): cheat is PayerCheat {
  return (PAYER_CHEATS as readonly string[]).includes(cheat)
}

/** The attack of a payer that speaks by hand; undefined for who cheats through a node that is honest inside, or not at all. */
export function attackOf(cheat: CheatName | undefined): Exclude<PayerCheat, 'garbles'> | undefined {
  if (cheat === undefined || !isPayerCheat(cheat) || cheat === 'garbles') return undefined
  return cheat
}
