import { isSteadError } from '@stead/core'
import { ATTACKS } from './attacks.ts'
import type { HandCheat } from './cheats.ts'
import { HandPayer, type HandPayerParts } from './hand-payer.ts'

const PAUSE_MS_MAX = 15_000
/** Enough for what an attack can reach with the providers of a world; what comes after that is the same again. */
const ROUNDS_MAX = 10

/** What an attacker tells about itself. */
export interface AttackerTelling {
  readonly tell: (what: string) => void
  readonly onBug: (what: string) => void
}

/** Attacks in some rounds; it ends before them when the clock's timers die with the process. */
export async function attack(cheat: HandCheat, parts: HandPayerParts, { tell, onBug }: AttackerTelling): Promise<void> {
  const payer = new HandPayer(parts)
  for (let round = 0; round < ROUNDS_MAX; round++) {
    await parts.clock.sleep(1 + parts.random.fraction() * PAUSE_MS_MAX)
    try {
      await ATTACKS[cheat](payer)
      tell(`attacked: ${cheat}`)
    } catch (error) {
      if (!isSteadError(error)) return onBug(`an attack failed by its own fault: ${String(error)}`)
      tell(`attacked: ${cheat}, met ${String(error.details.remoteCode ?? error.code)}`)
    }
  }
}
