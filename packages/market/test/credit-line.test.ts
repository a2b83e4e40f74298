import { microUsd } from '@stead/core'
import { describe, expect, it } from 'vitest'
import type { PayerChannel, Reservation } from '../src/index.ts'
import { entryOf, World } from './world.ts'

const WINDOW = 1_000n
const SMALL = microUsd(400n)

describe('the credit of a node that much is asked of', () => {
  async function busyWorld(): Promise<{
    readonly world: World
    readonly busy: PayerChannel
    readonly other: PayerChannel
  }> {
    // A window that never grows, so that it can be filled.
    const world = new World({ provider: { creditStartMicroUsd: WINDOW, creditCapMicroUsd: WINDOW } })
    await world.start()
    const busy = await world.open(100_000n)
    const other = await world.open(200_000n)
    return { world, busy, other }
  }

  async function finish(world: World, channel: PayerChannel, reservation: Reservation | undefined): Promise<void> {
    if (reservation === undefined) throw new Error('nothing was reserved')
    const { delivery, maximumMicroUsd } = reservation
    const ask = { peer: world.payerKey.peer, channel: channel.id, delivery, maximumMicroUsd }
    const entry = entryOf(delivery, maximumMicroUsd)
    await world.provider.admit(ask).deliver(entry)
    reservation.accept(entry)
    await world.clock.advance(1_500)
  }

  it('goes to whoever waits, not to small deliveries that come meanwhile', async () => {
    const { world, busy, other } = await busyWorld()
    let under = [busy.reserve(SMALL), busy.reserve(SMALL)]
    let room = 0n
    other.onRoom(() => {
      room = other.roomMicroUsd()
    })
    const leave = other.awaitRoom(other.largestMicroUsd())
    for (let round = 0; round < 3 && under.length > 0; round++) {
      for (const reservation of under) await finish(world, busy, reservation)
      under = [busy.reserve(SMALL), busy.reserve(SMALL)].filter((reservation) => reservation !== undefined)
    }
    expect(under).toEqual([])
    expect(room).toBe(WINDOW)
    const large = other.reserve(microUsd(WINDOW))
    leave()
    await finish(world, other, large)
    expect(other.stats().receiptedMicroUsd).toBe(WINDOW)
    expect(busy.reserve(SMALL)).toBeDefined()
  })

  it('is told to the others when the one that waited leaves', async () => {
    const { world, busy, other } = await busyWorld()
    const leave = other.awaitRoom(microUsd(WINDOW))
    expect(busy.roomMicroUsd()).toBe(10n)
    let told = 0
    busy.onRoom(() => {
      told = Number(busy.roomMicroUsd())
    })
    leave()
    await world.clock.settle()
    expect(told).toBeGreaterThanOrEqual(Number(WINDOW))
  })

  it('goes to those who wait in the order in which they came', async () => {
    const { busy, other } = await busyWorld()
    const first = busy.awaitRoom(microUsd(WINDOW))
    const second = other.awaitRoom(microUsd(WINDOW))
    expect(other.reserve(SMALL)).toBeUndefined()
    first()
    expect(busy.reserve(microUsd(100n))).toBeUndefined()
    const reservation = other.reserve(microUsd(WINDOW))
    expect(reservation).toBeDefined()
    second()
    reservation?.release()
  })
})
