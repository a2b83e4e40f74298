import { type Clock, type MicroUsd, microUsd } from '@stead/core'
import type { PayerChannel } from '@stead/market'

const WAIT_MS = 10_000

/**
 * What a channel has room for once it has a good quote again, and as much room as is wished for or as it ever has: an old
 * quote is renewed, and what is owed is paid, when somebody wants to use the channel. After ten seconds what there is.
 * @param wishMicroUsd @default any room is enough
 */
export async function roomOf(
  channel: PayerChannel,
  clock: Clock,
  wishMicroUsd: MicroUsd = microUsd(0n),
): Promise<MicroUsd> {
  const wish = (): MicroUsd => {
    const largest = channel.largestMicroUsd()
    return wishMicroUsd < largest ? wishMicroUsd : largest
  }
  const isReady = (): boolean => channel.state === 'open' && channel.roomMicroUsd() >= wish()
  if (isReady()) return channel.roomMicroUsd()
  const ready = Promise.withResolvers<void>()
  const stop = channel.onRoom(() => {
    if (isReady()) ready.resolve()
  })
  const timer = clock.setTimer(WAIT_MS, ready.resolve)
  channel.reserve(wish())?.release()
  try {
    await ready.promise
  } finally {
    stop()
    timer.clear()
  }
  return channel.roomMicroUsd()
}
