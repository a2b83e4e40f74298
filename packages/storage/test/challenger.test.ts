import { describe, expect, it } from 'vitest'
import { Asker, DAY_MS, HOUR_MS, MINUTE_MS } from './support/asker.ts'
import { failure } from './support/memory-adjudicator.ts'

describe('a payer that asks on chain', () => {
  it('announces, draws, waits out the day, has the node punished, and frees nothing meanwhile', async () => {
    const asker = await Asker.of()
    await asker.challenger.ask(asker.node)
    expect(asker.holds.at(-1)).toBe(true)
    await asker.pass(HOUR_MS)
    expect(asker.chain.calls).toEqual(['announce', 'draw'])
    expect(asker.challenger.list()).toMatchObject([{ state: 'asked', why: 'wanted', endsAt: expect.any(Number) }])
    await asker.pass(DAY_MS)
    expect(asker.chain.calls).toEqual(['announce', 'draw', 'punish'])
    expect(asker.challenger.list()).toMatchObject([{ state: 'missed', takenTokenUnits: 200n, gasUsed: 300_000n }])
    expect(asker.holds.at(-1)).toBe(false)
  })

  it('asks by itself for a lie, once a week, and not for what a node says itself', async () => {
    const asker = await Asker.of()
    await asker.challenger.suspect(asker.node, 'lost')
    expect(asker.chain.calls).toEqual([])
    await asker.challenger.suspect(asker.node, 'lied')
    await asker.challenger.suspect(asker.node, 'lied')
    expect(asker.chain.calls).toEqual(['announce'])
    await asker.pass(2 * DAY_MS)
    await asker.challenger.suspect(asker.node, 'lied')
    expect(asker.chain.calls).toEqual(['announce', 'draw', 'punish'])
    const never = await Asker.of({ challengeOn: 'never' })
    await never.challenger.suspect(never.node, 'lied')
    expect(never.chain.calls).toEqual([])
    const strict = await Asker.of({ challengeOn: 'lost' })
    await strict.challenger.suspect(strict.node, 'lost')
    expect(strict.chain.calls).toEqual(['announce'])
  })

  it('asks by lot as often as the settings say', async () => {
    const asker = await Asker.of({ randomPerMonth: 30 })
    for (let hour = 0; hour < 24 * 10; hour++) {
      await asker.challenger.drawLot()
      await asker.pass(HOUR_MS)
      if (hour % 24 === 23) await asker.world.within(asker.driver.settle(asker.channel))
    }
    const asked = asker.chain.calls.filter((call) => call === 'announce').length
    // Once a day by lot, and one node once a week.
    expect(asked).toBeGreaterThanOrEqual(1)
    expect(asked).toBeLessThanOrEqual(2)
  })

  it('pays no second deposit when the answer to its announcement was lost, or when it was killed over it', async () => {
    const asker = await Asker.of()
    asker.chain.isAnswerLost = (call) => call === 'announce'
    await expect(asker.challenger.ask(asker.node)).rejects.toMatchObject({ code: 'CHAIN_TIMEOUT' })
    expect(asker.challenger.list()).toMatchObject([{ state: 'announcing' }])
    await asker.restart()
    await asker.pass(HOUR_MS)
    expect(asker.chain.calls).toEqual(['announce', 'draw'])
    expect(asker.challenger.list()).toMatchObject([{ number: 1n, state: 'asked' }])
    await asker.restart()
    expect(asker.holds.at(-1)).toBe(true)
    await asker.pass(DAY_MS)
    expect(asker.chain.calls).toEqual(['announce', 'draw', 'punish'])
  })

  it('goes on through an outage, and takes the deposit back when the seed is gone', async () => {
    const asker = await Asker.of()
    await asker.challenger.ask(asker.node)
    let isDown = true
    asker.chain.fault = () => {
      if (isDown) throw failure('CHAIN_UNREACHABLE')
    }
    await asker.pass(2 * HOUR_MS)
    expect(asker.challenger.list()).toMatchObject([{ state: 'waiting', reason: 'CHAIN_UNREACHABLE' }])
    isDown = false
    await asker.pass(MINUTE_MS)
    expect(asker.chain.calls).toEqual(['announce', 'reclaim'])
    expect(asker.challenger.list()).toMatchObject([{ state: 'reclaimed' }])
  })

  it('takes the deposit back when the node cannot be punished', async () => {
    const asker = await Asker.of()
    asker.chain.punishRefusal = 'AlreadyPunished'
    await asker.challenger.ask(asker.node)
    await asker.pass(DAY_MS + HOUR_MS)
    expect(asker.challenger.list()).toMatchObject([{ state: 'reclaimed' }])
  })

  it('asks nobody without stake, nobody twice at once, and about nothing that is a week old', async () => {
    const asker = await Asker.of()
    const why = async (): Promise<string> => {
      const error: unknown = await asker.challenger.ask(asker.node).catch((thrown: unknown) => thrown)
      return error instanceof Error ? error.message : 'none'
    }
    asker.hasStake = false
    expect(await why()).toContain('it has no stake')
    asker.hasStake = true
    await asker.challenger.ask(asker.node)
    expect(await why()).toContain('it is asked already')
    await asker.pass(8 * DAY_MS)
    expect(await why()).toContain('more than seven days old')
    expect(asker.holds.at(-1)).toBe(false)
  })

  it('gives up what the chain refuses, and frees the node again', async () => {
    const asker = await Asker.of()
    asker.chain.fault = (call) => {
      if (call === 'announce') throw failure('CHAIN_INSUFFICIENT_FUNDS')
    }
    await expect(asker.challenger.ask(asker.node)).rejects.toMatchObject({ code: 'CHAIN_INSUFFICIENT_FUNDS' })
    expect(asker.challenger.list()).toEqual([])
    expect(asker.holds.at(-1)).toBe(false)
  })
})
