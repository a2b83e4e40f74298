import { type Hash, hash } from '@stead/core'
import { epochNumber } from '@stead/rewards'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CHALLENGE_SECONDS, EPOCH_SECONDS, type MemoryMember, MemoryWorld, TOKEN, UTILITY } from './memory-world.ts'

const LIE: Hash = hash(`0x${'66'.repeat(32)}`)
/** Evidence that nobody has ever seen. */
const NOWHERE: Hash = hash(`0x${'99'.repeat(32)}`)

describe('a proposer whose documents are not what it says', () => {
  let world = new MemoryWorld()
  let honest: readonly MemoryMember[] = []
  let liar: MemoryMember | undefined
  beforeEach(async () => {
    world = new MemoryWorld()
    honest = [
      await world.join('first', { propose: true, claimFromMicroUsd: 0n }),
      await world.join('second'),
      await world.join('third'),
    ]
    liar = await world.join('liar', { watch: false })
    await world.passTo(2)
  })
  afterEach(() => world.stop())

  const parties = () => {
    const [first, second] = honest
    if (first === undefined || second === undefined || liar === undefined) throw new TypeError('no members')
    return { first, second, liar }
  }
  const balances = () =>
    Promise.all([...honest, parties().liar].map(({ economy, operator }) => economy.tokenBalance(operator)))
  /** Proposes before any honest node can: those are cut off until it is done. */
  const proposeFalse = async (epoch: number, result: { root: Hash; evidence: Hash }): Promise<number> => {
    const { liar } = parties()
    await liar.economy.propose(epoch, result, liar.nodeKey.address)
    const open = await liar.economy.proposal()
    return open?.attempt ?? 0
  }

  it('withholds them: it is given the first half of the window, challenged in the second, and decided against', async () => {
    const { first, liar } = parties()
    const epoch = epochNumber(1)
    const before = await balances()
    const attempt = await proposeFalse(epoch, { root: LIE, evidence: NOWHERE })
    await world.passGathering(epoch)
    const truth = await world.during(first.service.computer.own(epoch))
    await world.passSeconds(CHALLENGE_SECONDS / 2 - 15)
    expect((await liar.economy.proposal())?.challenge).toBeUndefined()
    for (const { service } of honest) {
      expect(service.watcher.verdictOn(attempt, { root: LIE, evidence: NOWHERE })).toBeUndefined()
      expect([...service.faults]).toEqual([])
    }
    await world.until('a challenge', async () => (await liar.economy.proposal())?.challenge, 20)
    expect(first.service.watcher.verdictOn(attempt, { root: LIE, evidence: NOWHERE })).toMatchObject({
      verdict: 'mismatch',
      reason: expect.stringContaining('evidence'),
    })
    const final = await world.until('a decision', async () => {
      const root = await liar.economy.finalRoot()
      return root?.epoch === epoch ? root : undefined
    })
    expect(final).toEqual({ epoch, root: truth.root, evidence: truth.digest })
    const changes = (await balances()).map((balance, index) => balance - (before[index] ?? 0n))
    expect(changes.pop()).toBe(-100n * TOKEN)
    expect(changes.toSorted((left, right) => Number(left - right))).toEqual([0n, 0n, 50n * TOKEN])
  })

  it('names the evidence of another epoch: nothing follows from it, and nothing is kept', async () => {
    const { first } = parties()
    const [zero, one] = [epochNumber(0), epochNumber(1)]
    const { digest } = await world.during(first.service.computer.own(zero))
    // A node that has computed it before is as good as one that has not.
    for (const { service } of [first, ...honest])
      await expect(world.during(service.computer.resultOf(one, digest))).rejects.toMatchObject({
        code: 'REWARDS_OUT_OF_ORDER',
      })
  })

  it('publishes another result than the root that it proposes: the audit says so', async () => {
    const { first, liar } = parties()
    const epoch = epochNumber(1)
    await world.passGathering(epochNumber(0))
    const other = await world.during(first.service.computer.own(epochNumber(0)))
    await world.passGathering(epoch)
    const truth = await world.during(first.service.computer.own(epoch))
    const open = await liar.economy.proposal()
    // The honest proposer was faster with the same epoch: the liar takes the next one.
    expect(open?.proposed).toEqual({ root: truth.root, evidence: truth.digest })
    const lie = { root: LIE, evidence: truth.digest }
    const notice = { version: 1 as const, kind: 'result' as const, epoch, node: liar.nodeKey.address }
    await world.during(liar.service.board.publish({ ...notice, ...lie, document: other.result }))
    await world.passSeconds(5)
    // A document that is another's changes nothing for a root that is right.
    await world.until('the final root', async () =>
      (await liar.economy.finalRoot())?.epoch === epoch ? true : undefined,
    )
    expect(first.service.watcher.verdictOf(epoch)).toMatchObject({ verdict: 'match' })
  })

  it('becomes final while every watcher is cut off: the next epoch builds on what honest nodes computed', async () => {
    const { first, second, liar } = parties()
    const epoch = epochNumber(1)
    await world.pay(first, 100)
    await world.passGathering(epoch)
    const open = await world.until('the honest proposal', () => liar.economy.proposal(), 10)
    await world.passSeconds(CHALLENGE_SECONDS + 5)
    expect((await liar.economy.finalRoot())?.epoch).toBe(open.epoch)

    await world.passTo(3)
    for (const { chain, account } of honest) for (const each of [chain, account]) each.setCutOff(true)
    const attempt = await proposeFalse(2, { root: LIE, evidence: NOWHERE })
    await world.passSeconds(CHALLENGE_SECONDS + 3)
    for (const { service } of honest) expect(service.faults.get('chain')).toContain('CHAIN_UNREACHABLE')
    await liar.economy.finalize(attempt)
    for (const { chain, account } of honest) for (const each of [chain, account]) each.setCutOff(false)
    await world.passSeconds(10)
    for (const { service } of honest) {
      expect(service.faults.get('chain')).toBeUndefined()
      // The operator of the node sees what is wrong with the chain's root.
      expect(service.faults.get('final-root')).toContain('epoch 2')
    }

    await world.buyLot()
    const next = await world.until('the next honest root', async () => {
      const root = await liar.economy.finalRoot()
      return root !== undefined && root.epoch >= 3 ? root : undefined
    })
    for (const { service } of honest) expect(service.watcher.verdictOf(next.epoch)).toMatchObject({ verdict: 'match' })
    // What epoch 2 earned is in the cumulative lines of the root after it.
    await world.until('the reward of the fees of epoch 2', async () => {
      const { paid } = await second.economy.rewardOf(UTILITY, first.operator)
      return paid > 0n ? paid : undefined
    })
    for (const { service } of honest) expect(service.faults.get('final-root')).toBeUndefined()
  })

  it('becomes final before a node came that has no logs: it gathers them, and puts its deposit behind nothing false', async () => {
    const { first, liar } = parties()
    await world.passTo(3)
    for (const { chain, account } of honest) for (const each of [chain, account]) each.setCutOff(true)
    const attempt = await proposeFalse(2, { root: LIE, evidence: NOWHERE })
    await world.passSeconds(CHALLENGE_SECONDS + 3)
    await liar.economy.finalize(attempt)
    const late = await world.join('late')
    const before = await late.economy.tokenBalance(late.operator)
    for (const { chain, account } of honest) for (const each of [chain, account]) each.setCutOff(false)
    await world.passTo(4)
    const open = await world.until('the honest proposal', () => liar.economy.proposal())
    expect(open.proposer).toBe(first.operator)
    const final = await world.until('its end', async () => {
      const root = await liar.economy.finalRoot()
      return root !== undefined && root.epoch >= 3 ? root : undefined
    })
    expect(final.root).toBe(open.proposed.root)
    expect(await late.economy.tokenBalance(late.operator)).toBe(before)
    await world.passSeconds(10)
    expect([...late.service.faults]).toEqual([])
  })

  it('becomes final while all were parted, so that nobody has most of the logs: they are gathered on, and used', async () => {
    const { first, liar } = parties()
    await world.passSeconds(EPOCH_SECONDS - 10)
    // Each alone: nobody hears another's log.
    world.hub.partition(...world.members.map(({ network }) => [network.self]))
    await world.passTo(3)
    for (const { chain, account } of honest) for (const each of [chain, account]) each.setCutOff(true)
    const attempt = await proposeFalse(2, { root: LIE, evidence: NOWHERE })
    await world.passSeconds(CHALLENGE_SECONDS + 3)
    await liar.economy.finalize(attempt)
    for (const { chain, account } of honest) for (const each of [chain, account]) each.setCutOff(false)
    world.hub.heal()
    await world.passSeconds(10)
    expect((await first.service.logs.owed(epochNumber(2))).length).toBeLessThan(2)
    const final = await world.until('the next honest root', async () => {
      const root = await liar.economy.finalRoot()
      return root !== undefined && root.epoch >= 3 ? root : undefined
    })
    for (const { service } of honest) expect(service.watcher.verdictOf(final.epoch)).toMatchObject({ verdict: 'match' })
  })

  it('becomes final with evidence that gives another root: the next one builds on what the evidence gives', async () => {
    const { first, liar } = parties()
    await world.passGathering(epochNumber(1))
    await world.until('the first final root', async () =>
      (await liar.economy.finalRoot())?.epoch === 1 ? true : undefined,
    )
    await world.pay(first, 100)
    await world.passTo(3)
    for (const { account, chain } of honest) for (const each of [chain, account]) each.setCutOff(true)
    await world.passGathering(epochNumber(2))
    for (const { account, chain } of honest) for (const each of [chain, account]) each.setCutOff(false)
    const truth = await world.during(first.service.computer.own(epochNumber(2)))
    for (const { account, chain } of honest) for (const each of [chain, account]) each.setCutOff(true)
    const attempt = await proposeFalse(2, { root: LIE, evidence: truth.digest })
    await world.passSeconds(CHALLENGE_SECONDS + 3)
    await liar.economy.finalize(attempt)
    for (const { account, chain } of honest) for (const each of [chain, account]) each.setCutOff(false)
    await world.passSeconds(10)
    expect(first.service.faults.get('final-root')).toContain('epoch 2')
    const final = await world.until('the next final root', async () => {
      const root = await liar.economy.finalRoot()
      return root !== undefined && root.epoch >= 3 ? root : undefined
    })
    for (const { service } of honest) expect(service.watcher.verdictOf(final.epoch)).toMatchObject({ verdict: 'match' })
  })
})
