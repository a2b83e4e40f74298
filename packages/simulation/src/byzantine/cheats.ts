import type { CareCheat } from './care-cheats.ts'
import type { EpochCheat } from './epoch-cheats.ts'
import type { StorageCheat } from './storage-cheats.ts'

/** Cheats of what a node computes: its executor lies, and everything behind it is honest. */
export const RESULT_CHEATS = [
  'wrong-result',
  'lazy-copy',
  'over-fuel',
  'silent',
  'slow',
  'colludes',
  'sybil',
  'betrays',
] as const

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
  'equivocates',
  'mutates',
  'drips',
  'bloats',
  'eclipses',
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
  'leaf-twice',
  'foreign-branch',
  'lying-sums',
  'two-vouchers',
  'oversizes',
  'hoards',
  'garbles',
  'mangles',
  'starves',
] as const

/** One way to cheat as a provider. */
export type ProviderCheat = (typeof RESULT_CHEATS)[number] | (typeof WIRE_CHEATS)[number]
/** One way to cheat as a payer. */
export type PayerCheat = (typeof PAYER_CHEATS)[number]
/** One way to cheat. */
export type CheatName = ProviderCheat | PayerCheat | EpochCheat | StorageCheat | CareCheat

/** True for the cheats of payers. */
export function isPayerCheat(cheat: CheatName): cheat is PayerCheat {
  return (PAYER_CHEATS as readonly string[]).includes(cheat)
}

/** Cheats of providers that several nodes of one world commit together. */
export const GANG_CHEATS: readonly ProviderCheat[] = ['colludes', 'sybil', 'eclipses']

/** A payer that is an honest node behind a lying network; all others speak by hand. */
export type WirePayerCheat = 'garbles' | 'mangles'
/** An attack by hand. */
export type HandCheat = Exclude<PayerCheat, WirePayerCheat>

/** The attack of a payer that speaks by hand; undefined for who cheats through a node that is honest inside, or not at all. */
export function attackOf(cheat: CheatName | undefined): HandCheat | undefined {
  if (cheat === undefined || !isPayerCheat(cheat) || cheat === 'garbles' || cheat === 'mangles') return undefined
  return cheat
}
