import { type Hash, hash } from '@stead/core'
import { epochNumber } from '@stead/rewards'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CHALLENGE_SECONDS, type MemoryMember, MemoryWorld, TOKEN } from './memory-world.ts'

const LIE: Hash = hash(`0x${'66'.repeat(32)}`)

describe('a watcher whose endpoint is down', () => {
  let world = new MemoryWorld()
  let [first, second, third, liar]: MemoryMember[] = []
  beforeEach(async () => {
    world = new MemoryWorld()
    first = await world.join('first', { propose: true })
    second = await world.join('second')
    third = await world.join('third')
    liar = await world.join('liar', { watch: false })
    await world.passTo(1)
  })
  afterEach(() => world.stop())

  const members = () => {
    if (first === undefined || second === undefined || third === undefined || liar === undefined) {
      throw new TypeError('no members')
    }
    return { first, second, third, liar }
  }
  const cutOff = (member: MemoryMember, isCutOff: boolean): void => {
    for (const chain of [member.chain, member.account]) chain.setCutOff(isCutOff)
  }
  const proposeLie = async (epoch: number): Promise<number> => {
    const { economy, nodeKey } = members().liar
    await economy.propose(epoch, { root: LIE, evidence: hash(`0x${'77'.repeat(32)}`) }, nodeKey.address)
    return (await economy.proposal())?.attempt ?? 0
  }

  it('over a whole window says so, and goes on where the others are', async () => {
    const { first, second } = members()
    cutOff(second, true)
    const final = await world.until('the root of the others', () => first.economy.finalRoot())
    await world.passSeconds(CHALLENGE_SECONDS)
    expect(second.service.faults.get('chain')).toContain('CHAIN_UNREACHABLE')
    expect(second.service.watcher.verdictOf(0)).toBeUndefined()
    cutOff(second, false)
    await world.passSeconds(6)
    expect([...second.service.faults]).toEqual([])
    // The log that it owed for the epoch in which it came back is there, and the next root is confirmed by it.
    const epoch = epochNumber(world.epoch)
    await world.passGathering(epoch)
    await world.until('the next root', async () =>
      (await first.economy.finalRoot())?.epoch === epoch ? true : undefined,
    )
    expect(second.service.watcher.verdictOf(epoch)).toMatchObject({ verdict: 'match' })
    expect(await world.during(first.service.logs.missing(epoch))).toEqual([])
    expect(final.epoch).toBe(0)
  })

  it('when a false root is proposed comes back in the last seconds of the window and still challenges it', async () => {
    const { first, second, third, liar } = members()
    const attempt = await proposeLie(0)
    for (const member of [first, second, third]) cutOff(member, true)
    await world.passSeconds(CHALLENGE_SECONDS - 12)
    for (const member of [first, second, third]) cutOff(member, false)
    const open = await world.until('a challenge', async () => {
      const proposal = await liar.economy.proposal()
      return proposal?.challenge === undefined ? undefined : proposal
    })
    expect(open.attempt).toBe(attempt)
    const final = await world.until('the decision', () => liar.economy.finalRoot())
    expect(final.root).toBe(open.challenge?.other.root)
    expect((await liar.economy.tokenBalance(liar.operator)) - 998_000n * TOKEN).toBe(-100n * TOKEN)
  })

  it('when others decide hears their votes afterwards, and has lost nothing of its own', async () => {
    const { first, second, third, liar } = members()
    cutOff(third, true)
    // Without the third there are exactly two thirds, which is not more than two thirds.
    const attempt = await proposeLie(0)
    const { proposed } = (await liar.economy.proposal()) ?? { proposed: { root: LIE, evidence: LIE } }
    await world.until('a challenge', async () => (await liar.economy.proposal())?.challenge)
    await world.passSeconds(20)
    expect(await first.economy.finalRoot()).toBeUndefined()
    cutOff(third, false)
    const final = await world.until('the decision with its vote', () => second.economy.finalRoot(), 40)
    expect(third.service.watcher.verdictOn(attempt, proposed)).toMatchObject({ verdict: 'mismatch' })
    expect((await world.during(third.service.computer.own(epochNumber(0)))).root).toBe(final.root)
  })

  it('and whose process dies meanwhile votes as it has voted, never for something else', async () => {
    const { first, third, liar } = members()
    await proposeLie(0)
    await world.until('a challenge', async () => (await liar.economy.proposal())?.challenge)
    await world.until('its vote', async () => {
      const votes = third.service.board.of(epochNumber(0), 'vote')
      return votes.find(({ node }) => node === third.nodeKey.address)
    })
    const again = await world.restart(third)
    await world.until('the decision', () => first.economy.finalRoot())
    await world.passSeconds(5)
    expect((await again.economy.bondOf(again.nodeKey.address)).expelled).toBe(false)
    expect([...again.service.faults]).toEqual([])
  })
})
