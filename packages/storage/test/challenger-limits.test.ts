import { describe, expect, it } from 'vitest'
import { ACCOUNT, Asker, DAY_MS, DEPOSIT, HOUR_MS, MINUTE_MS } from './support/asker.ts'
import { failure } from './support/memory-adjudicator.ts'

/** Answers everything that is asked, as a node does that lies to payers alone. */
async function answerAll({ chain }: Asker): Promise<void> {
  for (const { challenge, end } of chain.challenges)
    if (end === undefined && challenge.drawn !== undefined)
      await chain.of(ACCOUNT).answer(challenge.number, new Uint8Array(0))
}

/** The payer's own proofs come to nothing all the time, and the node answers on chain. */
async function lieAndAnswer(asker: Asker, days: number): Promise<number> {
  for (let hour = 0; hour < 24 * days; hour += 6) {
    // Both go on signing revisions: none is older than a day.
    if (hour % 24 === 0) await asker.world.within(asker.driver.settle(asker.channel))
    await asker.challenger.suspect(asker.node, 'lied')
    await asker.pass(6 * HOUR_MS)
    await answerAll(asker)
  }
  return announcedBy(asker)
}

const announcedBy = ({ chain }: Asker): number => chain.calls.filter((call) => call === 'announce').length

describe('deposits of a payer that asks by itself', () => {
  it('are not lost for ever to a node that lies off chain and answers each challenge', async () => {
    const asker = await Asker.of({ depositsMaxTokenUnits: 100n * DEPOSIT })
    expect(await lieAndAnswer(asker, 20)).toBe(1)
    expect(await lieAndAnswer(asker, 14)).toBe(2)
  })

  it('rest after an answer also when the daemon was killed since, and when its owner had asked', async () => {
    const asker = await Asker.of()
    await asker.challenger.ask(asker.node)
    await asker.pass(HOUR_MS)
    await answerAll(asker)
    await asker.pass(MINUTE_MS)
    expect(asker.challenger.list()).toMatchObject([{ state: 'answered' }])
    await asker.restart()
    await asker.challenger.suspect(asker.node, 'lied')
    await asker.pass(MINUTE_MS)
    expect(announcedBy(asker)).toBe(1)
    // Whoever types a command knows why.
    await asker.challenger.ask(asker.node)
    expect(announcedBy(asker)).toBe(2)
  })

  it('are no more than the owner allows, open ones and lost ones together, kills included', async () => {
    const none = await Asker.of({ depositsMaxTokenUnits: DEPOSIT - 1n })
    await none.challenger.suspect(none.node, 'lied')
    expect(none.chain.calls).toEqual([])
    const one = await Asker.of({ depositsMaxTokenUnits: DEPOSIT })
    await one.challenger.suspect(one.node, 'lied')
    expect(announcedBy(one)).toBe(1)
    expect(await one.challenger.budget()).toEqual({
      outTokenUnits: DEPOSIT,
      lostTokenUnits: 0n,
      limitTokenUnits: DEPOSIT,
    })
    await one.pass(HOUR_MS)
    await answerAll(one)
    await one.restart()
    await one.pass(MINUTE_MS)
    expect(await one.challenger.budget()).toMatchObject({ outTokenUnits: 0n, lostTokenUnits: DEPOSIT })
    await one.pass(31 * DAY_MS)
    expect(await one.challenger.budget()).toMatchObject({ outTokenUnits: 0n, lostTokenUnits: 0n })
  })

  it('are paid once when two of its parts ask at the same moment', async () => {
    const asker = await Asker.of()
    const asks = [asker.challenger.suspect(asker.node, 'lied'), asker.challenger.ask(asker.node)]
    await Promise.allSettled([...asks, asker.challenger.ask(asker.node)])
    expect(announcedBy(asker)).toBe(1)
  })

  it('are paid once when another daemon of the same account has asked already', async () => {
    const asker = await Asker.of()
    const { signed } = asker.driver
    if (signed === undefined) throw new TypeError('nothing is signed')
    await asker.chain.of(ACCOUNT).announce(signed)
    await asker.pass(10 * MINUTE_MS)
    await asker.challenger.suspect(asker.node, 'lied')
    expect(announcedBy(asker)).toBe(1)
    // It is followed here as well, so that the deposit comes back whichever daemon lives on.
    await asker.pass(2 * DAY_MS)
    expect(asker.challenger.list()).toMatchObject([{ state: 'missed' }])
  })

  it('are found when it was killed over the announcement and all was over before it came back', async () => {
    const asker = await Asker.of()
    asker.chain.isAnswerLost = (call) => call === 'announce'
    await asker.challenger.suspect(asker.node, 'lied')
    await asker.restart(async () => {
      asker.chain.isAnswerLost = () => false
      // Ten blocks later anybody may draw.
      await asker.pass(2 * MINUTE_MS + 1)
      await asker.chain.of(ACCOUNT).draw(1n)
      await answerAll(asker)
    })
    await asker.pass(3 * HOUR_MS)
    expect(announcedBy(asker)).toBe(1)
    expect(asker.challenger.list()).toMatchObject([{ number: 1n, state: 'answered' }])
    await asker.challenger.suspect(asker.node, 'lied')
    expect(announcedBy(asker)).toBe(1)
  })

  it('come back although the agreement is gone meanwhile', async () => {
    const asker = await Asker.of()
    asker.chain.isAnswerLost = (call) => call === 'announce'
    await asker.challenger.suspect(asker.node, 'lied')
    asker.isGone = true
    await asker.restart()
    await asker.pass(2 * DAY_MS)
    expect(asker.chain.calls).toEqual(['announce', 'draw', 'punish'])
    expect(asker.challenger.list()).toMatchObject([{ number: 1n, state: 'missed' }])
  })

  it('are not paid for an agreement that is gone before anything was sent', async () => {
    const asker = await Asker.of()
    asker.chain.fault = (call) => {
      if (call === 'announce') throw failure('CHAIN_UNREACHABLE')
    }
    await asker.challenger.suspect(asker.node, 'lied')
    asker.isGone = true
    asker.chain.fault = () => undefined
    await asker.pass(2 * HOUR_MS)
    expect(asker.chain.calls).toEqual([])
    expect(asker.challenger.list()).toEqual([])
  })

  it('are not paid again while an announcement may still be on its way', async () => {
    const asker = await Asker.of()
    let announcements = 0
    asker.chain.fault = (call) => {
      if (call !== 'announce') return
      announcements++
      throw failure('CHAIN_TIMEOUT')
    }
    await asker.challenger.suspect(asker.node, 'lied')
    await asker.pass(50 * MINUTE_MS)
    expect(announcements).toBe(1)
    await asker.pass(20 * MINUTE_MS)
    expect(announcements).toBe(2)
  })

  it('are paid for a lie a week after the node answered what was drawn by lot', async () => {
    const asker = await Asker.of({ randomPerMonth: 1000 })
    await asker.challenger.drawLot()
    while (announcedBy(asker) === 0) {
      await asker.pass(HOUR_MS)
      await asker.challenger.drawLot()
    }
    await asker.pass(HOUR_MS)
    await answerAll(asker)
    await asker.pass(6 * DAY_MS)
    await asker.world.within(asker.driver.settle(asker.channel))
    await asker.challenger.suspect(asker.node, 'lied')
    expect(announcedBy(asker)).toBe(1)
    await asker.pass(2 * DAY_MS)
    await asker.challenger.suspect(asker.node, 'lied')
    expect(announcedBy(asker)).toBe(2)
  })

  it('are not paid for what a node says itself', async () => {
    const asker = await Asker.of()
    await asker.challenger.suspect(asker.node, 'lost')
    expect(asker.chain.calls).toEqual([])
  })
})
