import { type Address, type Hash, hash, type RootProposal, silentLogger, type UnixMs } from '@stead/core'
import { RewardsError } from '@stead/rewards'
import { describe, expect, it } from 'vitest'
import { OwnAuditsLook } from '../src/own-audits-look.ts'

const hashOf = (byte: string): Hash => hash(`0x${byte.repeat(32)}`)

function proposalOf(epoch: number, evidence: Hash): RootProposal {
  return {
    epoch,
    attempt: epoch,
    proposer: `0x${'11'.repeat(20)}` as Address,
    endsAt: 0 as UnixMs,
    proposed: { root: hashOf('01'), evidence },
    challenge: undefined,
  } as RootProposal
}

/** Asked for the result of some evidence, which may be missing. */
class Computer {
  readonly asked: Hash[] = []
  isMissing = false

  async resultOf(_epoch: number, evidence: Hash): Promise<never> {
    this.asked.push(evidence)
    if (this.isMissing) throw new RewardsError('REWARDS_MISSING', 'nobody gives it out')
    return undefined as never
  }
}

describe('a look at what is proposed of oneself', () => {
  it('is once for each proposal, for ever', async () => {
    const computer = new Computer()
    const look = new OwnAuditsLook({ logger: silentLogger }, computer)
    for (let round = 0; round < 30; round++) await look.look(proposalOf(4, hashOf('aa')))
    expect(computer.asked).toHaveLength(1)
    await look.look(proposalOf(5, hashOf('bb')))
    expect(computer.asked).toEqual([hashOf('aa'), hashOf('bb')])
  })

  it('comes again now and then where documents are missing, and is no fault of the duty', async () => {
    const computer = new Computer()
    computer.isMissing = true
    const look = new OwnAuditsLook({ logger: silentLogger }, computer)
    for (let round = 0; round < 23; round++) await look.look(proposalOf(4, hashOf('aa')))
    expect(computer.asked).toHaveLength(3)
    computer.isMissing = false
    for (let round = 0; round < 30; round++) await look.look(proposalOf(4, hashOf('aa')))
    expect(computer.asked).toHaveLength(4)
  })
})
