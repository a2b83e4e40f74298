/** Ways to cheat in epochs; such a node sells and bills honestly. */
export const EPOCH_CHEATS = [
  'false-roots',
  'withholds-evidence',
  'two-votes',
  'two-logs',
  'slanders',
  'false-hearsay',
  'self-deals',
  'sybil-deals',
] as const

/** One way to cheat in epochs. */
export type EpochCheat = (typeof EPOCH_CHEATS)[number]

/** Cheats who own several nodes, or buy from themselves, and need money for it. */
export function isSelfDealing(cheat: string | undefined): boolean {
  return cheat === 'self-deals' || cheat === 'sybil-deals'
}

/** Undefined for cheats of other kinds. */
export function epochCheatOf(cheat: string | undefined): EpochCheat | undefined {
  return EPOCH_CHEATS.find((each) => each === cheat)
}
