import { type Hash, hash } from '@stead/core'
import { epochNumber } from '@stead/rewards'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CHALLENGE_SECONDS, DECISION_SECONDS, type MemoryMember, MemoryWorld, TOKEN } from './memory-world.ts'

const LIE: Hash = hash(`0x${'66'.repeat(32)}`)
const DEPOSIT = 100n * TOKEN

describe('epochs while more than two thirds of the stake say nothing', () => {
  let world = new MemoryWorld()
  let [honest, silent, liar]: MemoryMember[] = []
  beforeEach(async () => {
    world = new MemoryWorld()
    honest = await world.join('honest', { propose: true, claimFromMicroUsd: 0n })
    await world.join('watcher')
    silent = await world.join('silent', { watch: false, stakeTokens: 20_000 })
    liar = await world.join('liar', { watch: false })
    await world.passTo(1)
    // The honest proposer may not be first.
    for (const chain of [members().honest.chain, members().honest.account]) chain.setCutOff(true)
    const { economy, nodeKey } = members().liar
    await economy.propose(0, { root: LIE, evidence: hash(`0x${'77'.repeat(32)}`) }, nodeKey.address)
    for (const chain of [members().honest.chain, members().honest.account]) chain.setCutOff(false)
  })
  afterEach(() => world.stop())

  const members = () => {
    if (honest === undefined || silent === undefined || liar === undefined) throw new TypeError('no members')
    return { honest, silent, liar }
  }
  const deposits = async (): Promise<bigint> => {
    const { tokens, rewardsAddress } = world.ledger.contracts
    return tokens.of(rewardsAddress)
  }

  it('a false root is challenged, never decided, dropped after its time, and the next proposal is the honest one', async () => {
    const { economy, service } = members().honest
    const before = await Promise.all(world.members.map((each) => each.economy.tokenBalance(each.operator)))
    const open = await world.until('a challenge', async () => {
      const proposal = await economy.proposal()
      return proposal?.challenge === undefined ? undefined : proposal
    })
    expect(await deposits()).toBe(2n * DEPOSIT)
    await world.passSeconds(DECISION_SECONDS - 10)
    // Both that watch have voted, and it is not enough.
    expect(service.board.of(epochNumber(0), 'vote').map(({ attempt }) => attempt)).toEqual([open.attempt, open.attempt])
    expect((await economy.proposal())?.attempt).toBe(open.attempt)
    expect(await economy.finalRoot()).toBeUndefined()
    expect([...service.faults]).toEqual([])

    const next = await world.until('the next proposal', async () => {
      const proposal = await economy.proposal()
      return proposal !== undefined && proposal.attempt > open.attempt ? proposal : undefined
    })
    expect(next.proposer).toBe(members().honest.operator)
    expect(await deposits()).toBe(DEPOSIT)
    const final = await world.until('its root', () => economy.finalRoot(), CHALLENGE_SECONDS + 20)
    expect(final.root).toBe(next.proposed.root)
    expect(await deposits()).toBe(0n)
    const after = await Promise.all(world.members.map((each) => each.economy.tokenBalance(each.operator)))
    // Silence proves nothing against anybody: the liar has its deposit back as well.
    expect(after.map((balance, index) => balance - (before[index] ?? 0n))).toEqual([0n, 0n, 0n, DEPOSIT])
  })

  it('voters who come back in time decide it after all', async () => {
    const { economy } = members().honest
    const { service } = members().silent
    await world.until('a challenge', async () => (await economy.proposal())?.challenge)
    const epoch = epochNumber(0)
    const truth = await world.during(members().honest.service.computer.own(epoch))
    const final = await world.until(
      'the decision',
      async () => {
        const open = await economy.proposal()
        if (open !== undefined) await service.watcher.look(open)
        return economy.finalRoot()
      },
      DECISION_SECONDS,
    )
    expect(final).toEqual({ epoch, root: truth.root, evidence: truth.digest })
    // Half of the liar's deposit is the challenger's, the other half burned.
    expect(await deposits()).toBe(0n)
    const gained = await Promise.all(
      world.members.map(
        async (each) => (await each.economy.tokenBalance(each.operator)) - (1_000_000n - 2000n) * TOKEN,
      ),
    )
    expect(gained.slice(0, 2).toSorted()).toEqual([0n, DEPOSIT / 2n].toSorted())
    expect(gained[3]).toBe(-DEPOSIT)
  })
})
