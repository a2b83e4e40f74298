/** Ways to cheat as a node that looks after what others keep; all else of it is honest. */
export const CARE_CHEATS = ['care-bills-again', 'care-drops-pieces', 'care-forges-proofs', 'care-overspends'] as const

/** One way to cheat as a caretaker. */
export type CareCheat = (typeof CARE_CHEATS)[number]

/** Undefined for cheats of other kinds. */
export function careCheatOf(cheat: string | undefined): CareCheat | undefined {
  return CARE_CHEATS.find((each) => each === cheat)
}
