import { type Chain, type Clock, type Economy, hasCode, isSteadError, type Random, type Signer } from '@stead/core'
import type { EpochService } from '@stead/epochs'
import type { AttackerTelling } from './attacker.ts'
import { EPOCH_ATTACKS } from './epoch-attacks.ts'
import type { EpochCheat } from './epoch-cheats.ts'

/** What a liar in epochs has: a node that does its duties, and both keys. */
export interface EpochLiar {
  readonly service: EpochService
  readonly signer: Signer
  /** With the operator's account. */
  readonly economy: Economy
  readonly chain: Chain
  readonly clock: Clock
  readonly random: Random
  /** It has said two things for one slot, for everybody to hear. */
  readonly onEquivocation: () => void
}

const PAUSE_MS_MAX = 20_000

/** Attacks again and again, until the process dies or the node has lost everything. */
export async function attackEpochs(
  cheat: EpochCheat,
  liar: EpochLiar,
  { tell, onBug }: AttackerTelling,
): Promise<void> {
  const attack = EPOCH_ATTACKS[cheat]
  if (attack === undefined) return
  for (;;) {
    await liar.clock.sleep(1 + liar.random.fraction() * PAUSE_MS_MAX)
    try {
      const done = await attack(liar)
      if (done !== undefined) tell(`attacked: ${done}`)
    } catch (error) {
      if (!isSteadError(error)) return onBug(`an attack failed by its own fault: ${String(error)}`)
      tell(`attacked: ${cheat}, met ${error.code}`)
      if (hasCode(error, 'CHAIN_INSUFFICIENT_FUNDS')) return
    }
  }
}
