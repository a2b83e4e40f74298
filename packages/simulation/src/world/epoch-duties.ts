import type { SeededRandom } from '@stead/testkit'
import type { CheatName } from '../byzantine/cheats.ts'
import { epochCheatOf } from '../byzantine/epoch-cheats.ts'
import { CHEAT_STAKE, HONEST_STAKE } from './epoch-terms.ts'

/** How a node takes part in epochs; fixed for the whole run. */
export interface EpochDuties {
  readonly stakeTokenUnits: bigint
  readonly isProposing: boolean
}

/** Providers that are bonded, and those of them that propose roots. */
const BONDED_SHARE = 0.8
const PROPOSING_SHARE = 0.4

/** What a provider does in epochs. The first one always takes part and proposes. */
export function drawEpochDuties(
  random: SeededRandom,
  { isFirst, cheat }: { readonly isFirst: boolean; readonly cheat: CheatName | undefined },
): EpochDuties | undefined {
  const [bond, propose] = [random.fraction(), random.fraction()]
  const isBonded = bond < BONDED_SHARE || isFirst || epochCheatOf(cheat) !== undefined
  if (!isBonded) return undefined
  const isProposing = cheat === undefined && (propose < PROPOSING_SHARE || isFirst)
  return { stakeTokenUnits: cheat === undefined ? HONEST_STAKE : CHEAT_STAKE, isProposing }
}
