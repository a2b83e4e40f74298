import { type Clock, type MicroUsd, microUsd } from '@stead/core'
import type { PayerChannel } from '@stead/market'

/** Longer than most deliveries of others take that use the same credit. */
const WAIT_MS = 10_000

/**
 * Uses a channel once it has a good quote, and as much room as is wished for or as it ever has: an old quote is renewed, what is
 * owed is paid, and of the credit of its node nobody else takes what becomes free. After ten seconds with what there is.
 * @param wishMicroUsd 0 for any room
 * @param use called with the room in micro-dollars, before anybody else can take it
 */
export async function withRoom<Result>(
  channel: PayerChannel,
  { clock, wishMicroUsd }: { readonly clock: Clock; readonly wishMicroUsd: MicroUsd },
  use: (roomMicroUsd: MicroUsd) => Result,
): Promise<Result> {
  const wish = (): MicroUsd => {
    const largest = channel.largestMicroUsd()
    return wishMicroUsd < largest ? wishMicroUsd : largest
  }
  const isReady = (): boolean => channel.state === 'open' && channel.roomMicroUsd() >= wish()
  // Who wants any room needs no place in the line, and would only stand before those that do.
  const leave = wish() > 0n ? channel.awaitRoom(wish()) : undefined
  const ready = Promise.withResolvers<void>()
  const stop = channel.onRoom(() => {
    if (isReady()) ready.resolve()
  })
  const timer = clock.setTimer(WAIT_MS, ready.resolve)
  try {
    if (!isReady()) {
      channel.reserve(wish())?.release()
      await ready.promise
    }
    return use(channel.roomMicroUsd())
  } finally {
    stop()
    timer.clear()
    leave?.()
  }
}

/** Waits until a channel can be used, ten seconds at most. */
export async function awaitOpen(channel: PayerChannel, clock: Clock): Promise<void> {
  await withRoom(channel, { clock, wishMicroUsd: microUsd(0n) }, () => undefined)
}
