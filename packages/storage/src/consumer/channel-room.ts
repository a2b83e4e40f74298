import { type Clock, type MicroUsd, microUsd } from '@stead/core'
import type { PayerChannel } from '@stead/market'

const WAIT_MS = 10_000

/** What a channel has room for once it has a good quote again: an old one is renewed when somebody wants to use it. */
export async function roomOf(channel: PayerChannel, clock: Clock): Promise<MicroUsd> {
  if (channel.state === 'open') return channel.roomMicroUsd()
  const ready = Promise.withResolvers<void>()
  const stop = channel.onRoom(() => {
    if (channel.state === 'open') ready.resolve()
  })
  const timer = clock.setTimer(WAIT_MS, ready.resolve)
  channel.reserve(microUsd(0n))?.release()
  try {
    await ready.promise
  } finally {
    stop()
    timer.clear()
  }
  return channel.roomMicroUsd()
}
