import { describe, expect, it } from 'vitest'
import { AGREEMENTS_TABLE, ENDED_TABLE, SLOTS_TABLE } from '../src/provider/agreement-rows.ts'
import { pieceOf, TradeWorld } from './support/trade-world.ts'

const UNPAID_SECONDS_MAX = 7200

/** An agreement about two pieces that nobody pays for any more, just before the node ends it. */
async function unpaid() {
  const world = await TradeWorld.started({ provider: { unpaidSecondsMax: UNPAID_SECONDS_MAX } })
  const channel = await world.channel()
  await world.keep(await world.agreement(channel), channel, pieceOf(1), pieceOf(2))
  const rows = async () => {
    const tables = [AGREEMENTS_TABLE, SLOTS_TABLE, ENDED_TABLE]
    return [
      await world.pieceCount(),
      ...(await Promise.all(tables.map((table) => world.nodeStore.scan(table)))).map((found) => found.length),
    ]
  }
  const end = async () => {
    await world.clock.advance(UNPAID_SECONDS_MAX * 1000 + 120_000)
    await world.clock.settle()
  }
  return { world, rows, end }
}

describe('an agreement that ended', () => {
  it('leaves nothing on the disk of its node but that it ended', async () => {
    const { world, rows, end } = await unpaid()
    expect(await rows()).toEqual([2, 1, 2, 0])
    await end()
    expect(await rows()).toEqual([0, 0, 0, 1])
    await world.restartNode()
    expect(await rows()).toEqual([0, 0, 0, 1])
  })

  it('leaves nothing either when the node dies in the midst of deleting it', async () => {
    for (let nth = 1; nth <= 6; nth++) {
      const { world, rows, end } = await unpaid()
      world.nodeStore.crashAtWrite(nth, nth % 2 === 0 ? 'before' : 'after')
      await end()
      await world.restartNode()
      await world.clock.advance(120_000)
      await world.clock.settle()
      expect([nth, await rows()]).toEqual([nth, [0, 0, 0, 1]])
    }
  })
})
