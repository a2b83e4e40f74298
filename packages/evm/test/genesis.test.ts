import type { Address, Hash } from '@stead/core'
import { createPublicClient, http, type PublicClient, parseAbi } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  equivocationAbi,
  escrowAbi,
  possessionAbi,
  rewardsAbi,
  stakeAbi,
  steadGovernorAbi,
  steadTokenAbi,
} from '../src/abi.ts'
import { type Devnet, startDevnet } from './devnet.ts'

const lower = (value: unknown): string => String(value).toLowerCase()
const exchange = parseAbi([
  'function getReserves() view returns (uint112, uint112, uint32)',
  'function token0() view returns (address)',
  'function balanceOf(address) view returns (uint256)',
  'function totalSupply() view returns (uint256)',
  'function getAmountsOut(uint256, address[]) view returns (uint256[])',
])

describe('what genesis leaves behind', () => {
  let devnet: Devnet
  let client: PublicClient
  beforeAll(async () => {
    devnet = await startDevnet({
      epochSeconds: 60,
      programs: [{ id: `0x${'ab'.repeat(32)}`, source: 'minted' }],
    })
    client = createPublicClient({ transport: http(devnet.anvil.rpcUrl) })
  })
  afterAll(() => devnet.stop())

  const at = (name: 'token' | 'stake' | 'escrow' | 'rewards' | 'governor' | 'equivocation' | 'exchangePair'): Address =>
    devnet.book[name]

  it('contracts that know each other and no owner', async () => {
    const { token, timelock, rewards, escrow, stake, governor } = devnet.book
    const read = (address: Address, abi: readonly object[], functionName: string, args: readonly unknown[] = []) =>
      client.readContract({ address, abi, functionName, args } as never).then(lower)
    expect(await read(token, steadTokenAbi, 'minter')).toBe(rewards)
    expect(await read(at('equivocation'), equivocationAbi, 'stake')).toBe(stake)
    expect(await read(stake, stakeAbi, 'governor')).toBe(timelock)
    expect(await read(stake, stakeAbi, 'adjudicatorFrom', [at('equivocation')])).not.toBe('0')
    const { possession } = devnet.book
    expect(await read(possession, possessionAbi, 'stake')).toBe(stake)
    expect(await read(possession, possessionAbi, 'escrow')).toBe(escrow)
    expect(await read(possession, possessionAbi, 'token')).toBe(token)
    expect(await read(possession, possessionAbi, 'answerSeconds')).toBe('86400')
    expect(await read(stake, stakeAbi, 'adjudicatorFrom', [possession])).not.toBe('0')
    expect(await read(escrow, escrowAbi, 'governor')).toBe(timelock)
    expect(await read(escrow, escrowAbi, 'burnToken')).toBe(token)
    expect(await read(escrow, escrowAbi, 'epochSeconds')).toBe('60')
    expect(await read(escrow, escrowAbi, 'halvingSeconds')).toBe('2')
    expect(await read(rewards, rewardsAbi, 'governor')).toBe(timelock)
    expect(await read(rewards, rewardsAbi, 'sponsorToken')).toBe(devnet.book.dollar)
    expect(await read(rewards, rewardsAbi, 'kappaBps')).toBe('8000')
    expect(await read(rewards, rewardsAbi, 'sourceOf', [`0x${'ab'.repeat(32)}` as unknown as Hash])).toBe('1')
    expect(await read(governor, steadGovernorAbi, 'timelock')).toBe(timelock)
    expect(await read(governor, steadGovernorAbi, 'rewards')).toBe(rewards)
  })

  it('an exchange with liquidity that belongs to the timelock, at ten tokens a dollar', async () => {
    const { exchangePair, exchangeRouter, timelock, dollar, token } = devnet.book
    const pair = { address: exchangePair, abi: exchange } as const
    const [first, second] = await client.readContract({ ...pair, functionName: 'getReserves' })
    const isDollarFirst = lower(await client.readContract({ ...pair, functionName: 'token0' })) === dollar
    expect(isDollarFirst ? [first, second] : [second, first]).toEqual([100_000_000_000n, 10n ** 24n])
    const shares = await client.readContract({ ...pair, functionName: 'balanceOf', args: [timelock] })
    const all = await client.readContract({ ...pair, functionName: 'totalSupply' })
    expect(all - shares).toBe(1000n)
    const [, out = 0n] = await client.readContract({
      address: exchangeRouter,
      abi: exchange,
      functionName: 'getAmountsOut',
      args: [1_000_000n, [dollar, token]],
    })
    // A dollar buys ten tokens, less the exchange's 0.3 %.
    expect(Number(out) / 1e18).toBeCloseTo(9.97, 3)
  })
})
