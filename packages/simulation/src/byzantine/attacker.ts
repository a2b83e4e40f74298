import { isSteadError } from '@stead/core'
import { ATTACKS } from './attacks.ts'
import type { PayerCheat } from './cheats.ts'
import { HandPayer, type HandPayerParts } from './hand-payer.ts'

const PAUSE_MS_MAX = 8000

/** What an attacker tells about itself. */
export interface AttackerTelling {
  readonly tell: (what: string) => void
  readonly onBug: (what: string) => void
}

/** Attacks in rounds for as long as its process lives; it is over when the clock's timers die with the process. */
export async function attack(
  cheat: Exclude<PayerCheat, 'garbles'>,
  parts: HandPayerParts,
  { tell, onBug }: AttackerTelling,
): Promise<void> {
  const payer = new HandPayer(parts)
  for (;;) {
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
