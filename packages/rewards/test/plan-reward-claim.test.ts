import type { Address, Hash, RewardState } from '@stead/core'
import { describe, expect, it } from 'vitest'
import { type EpochResult, planRewardClaim, rewardUnits, rootOfBranch, treeOfResult } from '../src/index.ts'

const [MINTING, SPONSORED] = [`0x${'a1'.repeat(32)}` as Hash, `0x${'b2'.repeat(32)}` as Hash]
const [OPERATOR, OTHER] = [`0x${'1'.repeat(40)}` as Address, `0x${'2'.repeat(40)}` as Address]

const lineOf = (program: Hash, operator: Address, cumulative: bigint) => ({
  program,
  operator,
  cumulativeUnits: rewardUnits(cumulative),
  shareUnits: rewardUnits(0n),
  reasons: [],
})
const result = {
  lines: [
    lineOf(MINTING, OPERATOR, 100n),
    lineOf(MINTING, OTHER, 900n),
    lineOf(SPONSORED, OPERATOR, 50n),
    lineOf(SPONSORED, OTHER, 0n),
  ],
} as unknown as EpochResult

function plan(states: Readonly<Record<Hash, Omit<RewardState, 'source'>>>, caps: readonly bigint[]) {
  const economy = {
    rewardOf: async (program: Hash): Promise<RewardState> => ({
      source: program === MINTING ? 'minted' : 'sponsored',
      paid: 0n,
      available: 0n,
      ...states[program],
    }),
  }
  const accruable = caps.map((tokenUnits, epoch) => ({ epoch, tokenUnits }))
  return planRewardClaim(economy, { operator: OPERATOR, result, accruable })
}

describe('a claim', () => {
  it('pays what is left, once the caps have risen', async () => {
    const { accruable, lines } = await plan({ [MINTING]: { paid: 30n, available: 10n } }, [25n, 60n])
    expect(accruable).toHaveLength(2)
    expect(lines[0]).toMatchObject({ isMinting: true, paidUnits: 30n, payableUnits: 70n })
    expect((await plan({ [MINTING]: { paid: 30n, available: 10n } }, [25n])).lines[0]?.payableUnits).toBe(35n)
  })

  it('pays gas for a cap only where something minted waits for it', async () => {
    expect((await plan({ [MINTING]: { paid: 30n, available: 70n } }, [25n])).accruable).toEqual([])
    expect((await plan({ [MINTING]: { paid: 100n, available: 0n } }, [25n])).accruable).toEqual([])
  })

  it('of a sponsor’s program is limited by its deposit, which no cap raises', async () => {
    const { lines } = await plan({ [SPONSORED]: { paid: 5n, available: 20n } }, [1000n])
    expect(lines[1]).toMatchObject({ isMinting: false, paidUnits: 5n, payableUnits: 20n })
  })

  it('never asks for less than nothing when a root says less than what was paid', async () => {
    const { lines } = await plan({ [MINTING]: { paid: 400n, available: 400n } }, [])
    expect(lines[0]?.payableUnits).toBe(0n)
  })

  it('proves each of its lines, and has none of another operator', async () => {
    const { lines } = await plan({}, [])
    expect(lines.map(({ claim }) => [claim.program, claim.operator])).toEqual([
      [MINTING, OPERATOR],
      [SPONSORED, OPERATOR],
    ])
    const { root } = treeOfResult(result)
    for (const { claim } of lines) {
      const { program, operator, cumulative, proof } = claim
      expect(rootOfBranch({ program, operator, cumulativeUnits: rewardUnits(cumulative) }, proof)).toBe(root)
    }
  })
})
