import { type Address, type Hash, hash, microUsd } from '@stead/core'
import { ChainError } from '@stead/evm'
import { NodeError } from '@stead/node'
import { SdkError } from '@stead/sdk'
import { describe, expect, it } from 'vitest'
import { carryOut, carryOutByNode, nodeOf } from '../src/claim/carry-out.ts'
import type { ClaimPlan } from '../src/claim/claim-plan.ts'
import { describeSteps } from '../src/claim/claim-text.ts'

const OPERATOR = `0x${'8'.repeat(40)}` as Address
const PROGRAM: Hash = hash(`0x${'a'.repeat(64)}`)
const TOKEN = 10n ** 18n

const lineOf = (payableUnits: bigint, isMinting = true) => ({
  claim: { program: PROGRAM, operator: OPERATOR, cumulative: payableUnits, proof: [] },
  isMinting,
  paidUnits: 0n,
  payableUnits,
})

const plan: ClaimPlan = {
  operator: OPERATOR,
  owedMicroUsd: microUsd(5_000_000n),
  finalEpoch: 80,
  accruable: Array.from({ length: 40 }, (_, epoch) => ({ epoch, tokenUnits: 1n })),
  lines: [lineOf(2n * TOKEN), lineOf(0n, false), lineOf(3_000_000n, false)],
}

/** A chain that takes everything but one kind of transaction. */
function chainThatRefuses(refused?: string) {
  const sent: string[] = []
  const send = (what: string) => {
    if (what === refused) throw new ChainError('CHAIN_REVERTED', 'not so')
    sent.push(what)
    return { transaction: PROGRAM, gasUsed: 1n, gasCostWei: 10n ** 9n, blockNumber: 1n }
  }
  const open = {
    chain: { payout: async () => send('payout') },
    economy: {
      accrue: async (_: Address, epochs: readonly number[]) => send(`accrue ${epochs.length}`),
      claimReward: async ({ cumulative }: { cumulative: bigint }) => send(`claim ${cumulative}`),
    },
  }
  return { sent, open: open as never }
}

describe('a claim that an account sends', () => {
  it('pays out first, raises caps in parts, and claims what pays something', async () => {
    const { sent, open } = chainThatRefuses()
    const steps = await carryOut(open, plan)
    expect(sent).toEqual(['payout', 'accrue 32', 'accrue 8', `claim ${2n * TOKEN}`, 'claim 3000000'])
    const text = describeSteps(plan, steps)
    expect(text.split('\n').map((line) => line.replace(/: transaction.*/, ''))).toEqual([
      'paid out 5.000000 USD',
      ...['raised the cap', 'raised the cap'],
      'claimed 2.000000 STEAD',
      'claimed 3.000000 USD',
      'gas together: 0.000000005 ETH',
    ])
  })

  it('has paid out when a later part is refused', async () => {
    const { sent, open } = chainThatRefuses('accrue 32')
    await expect(carryOut(open, plan)).rejects.toMatchObject({ code: 'CHAIN_REVERTED' })
    expect(sent).toEqual(['payout'])
  })
})

describe('a claim that a node sends', () => {
  const clientThat = (answer: () => Promise<unknown>) => ({ claimRewards: answer, getStatus: answer }) as never

  it('is only the operator’s own node’s', async () => {
    const own = clientThat(async () => ({ operator: OPERATOR }))
    expect(await nodeOf(own, OPERATOR)).toBe(own)
    expect(
      await nodeOf(
        clientThat(async () => ({ operator: `0x${'9'.repeat(40)}` })),
        OPERATOR,
      ),
    ).toBeUndefined()
    expect(
      await nodeOf(
        clientThat(async () => ({})),
        OPERATOR,
      ),
    ).toBeUndefined()
  })

  it('is left to the account when no node runs, and not when one fails', async () => {
    const failing = (error: Error) => clientThat(async () => Promise.reject(error))
    expect(await nodeOf(failing(new SdkError('API_NO_DAEMON', 'none')), OPERATOR)).toBeUndefined()
    await expect(nodeOf(failing(new SdkError('API_INTERRUPTED', 'died')), OPERATOR)).rejects.toThrow('died')
    expect(await carryOutByNode(failing(new NodeError('NODE_EPOCHS_OFF', 'no part')))).toBeUndefined()
    const dead = failing(new ChainError('CHAIN_UNREACHABLE', 'no answer'))
    await expect(carryOutByNode(dead)).rejects.toMatchObject({ code: 'CHAIN_UNREACHABLE' })
  })

  it('that had sent it already says so', async () => {
    const late = clientThat(async () => ({ transactions: [], reason: 'nothing-to-claim' }))
    await expect(carryOutByNode(late)).rejects.toMatchObject({
      code: 'CLI_NOTHING_TO_DO',
      message: expect.stringContaining('in the meantime (nothing-to-claim)'),
    })
  })
})
