import { type Clock, hasCode, type MicroUsd, microUsd } from '@stead/core'
import type { PayerChannel } from '@stead/market'

/** How long a node may take for an answer. */
export const ASK_TIMEOUT_MS = 30_000
/** After so long without an answer a bill is asked for again: proofs of five leaves take milliseconds. */
const TRY_MS = 10_000
const PAUSE_MS = 1000
/** A connection that closed over the question can be made again soon; a node that is away is not waited for. */
const CLOSED_MAX = 2
/**
 * Half of what a node lets any payer leave unpaid before it is refused for good, by its defaults (`market` options): two
 * answers in a row may be lost.
 */
const UNPAID_MICRO_USD = 25_000n
/** Half of the share of what was paid that may be left unpaid besides, by the same defaults: a fortieth. */
const PAID_PER_UNPAID = 40n

/**
 * Has a bill asked for again, in the same words, while its answer may be lost: a node that has it on its books answers again,
 * and what is given up would be written off. All of it in the time of one question, so that a node which has to fetch what it
 * shows gets no more.
 * @throws what the last question throws
 */
export async function askUntilHeard<Reply>(clock: Clock, ask: (timeoutMs: number) => Promise<Reply>): Promise<Reply> {
  const endMs = clock.monotonicMs() + ASK_TIMEOUT_MS
  for (let closed = 0; ; ) {
    try {
      return await ask(Math.min(TRY_MS, endMs - clock.monotonicMs()))
    } catch (error) {
      const mayBeLost =
        hasCode(error, 'NETWORK_TIMEOUT') || (hasCode(error, 'NETWORK_UNREACHABLE') && closed++ < CLOSED_MAX)
      if (!mayBeLost || clock.monotonicMs() + PAUSE_MS >= endMs) throw error
      await clock.sleep(PAUSE_MS)
    }
  }
}

/**
 * What one part of a bill may cost: half of the credit, so that it fits again when its answer is lost and something else has
 * taken some of the credit meanwhile; and no more than what a node lets its payer leave unpaid, with room for a second time.
 */
export function partMost(channel: PayerChannel, roomMicroUsd: MicroUsd): MicroUsd {
  const half = (channel.largestMicroUsd() + 1n) / 2n
  const unpaid = UNPAID_MICRO_USD + channel.stats().receiptedMicroUsd / PAID_PER_UNPAID
  const most = half < unpaid ? half : unpaid
  return most < roomMicroUsd ? microUsd(most) : roomMicroUsd
}
