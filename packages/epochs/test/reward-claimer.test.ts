import {
  type Address,
  type ContentId,
  type Economy,
  type Hash,
  hash,
  microUsd,
  silentLogger,
  type UnixMs,
  type Wei,
} from '@stead/core'
import { ChainError } from '@stead/evm'
import { contentIdOf } from '@stead/protocol'
import { epochNumber, rewardUnits, treeOfResult } from '@stead/rewards'
import { ManualClock, MemoryStore } from '@stead/testkit'
import { beforeEach, describe, expect, it } from 'vitest'
import { encodeResult } from '../../rewards/src/epoch/result.ts'
import { RewardClaimer } from '../src/reward-claimer.ts'

const OPERATOR = `0x${'8'.repeat(40)}` as Address
const TRANSACTION: Hash = hash(`0x${'7'.repeat(64)}`)
const GWEI = 1_000_000_000n

describe('claiming for the operator', () => {
  let owed = 0n
  let gasPrice = GWEI
  let failure: Error | undefined
  let payouts = 0
  beforeEach(() => {
    ;[owed, gasPrice, failure, payouts] = [0n, GWEI, undefined, 0]
  })

  function claimer(): RewardClaimer {
    const clock = new ManualClock()
    const economy: Partial<Economy> = { finalRoot: async () => undefined }
    const outcome = () => ({
      transaction: TRANSACTION,
      blockNumber: 1n,
      gasUsed: 60_000n,
      gasCostWei: (60_000n * gasPrice) as Wei,
    })
    const chain = {
      transaction: async () => outcome(),
      owedMicroUsd: async () => microUsd(owed),
      gasPrice: async () => gasPrice as Wei,
      payout: async () => {
        if (failure !== undefined) throw failure
        payouts++
        owed = 0n
        return outcome()
      },
    }
    const time = { epoch: () => 4, now: () => 0 as UnixMs }
    const history = { head: async () => ({ number: 1 }) }
    const books = { payouts: async () => [] }
    const ports = { clock, economy, chain, history, books, store: new MemoryStore(), logger: silentLogger, time }
    const computer = { resultOf: async () => ({ result: '' as ContentId }) }
    const options = {
      operator: OPERATOR,
      minimumMicroUsd: microUsd(1_000_000n),
      nativeCoinMicroUsd: microUsd(3_000_000_000n),
    }
    return new RewardClaimer(ports as never, computer as never, options)
  }

  it('waits for more than the minimum, and for gas that is a tenth at most', async () => {
    const claims = claimer()
    const reasonOf = async (amount: bigint, gwei: bigint) => {
      ;[owed, gasPrice] = [amount, gwei * GWEI]
      await claims.claim(false)
      return claims.state.reason
    }
    expect(await reasonOf(0n, 1n)).toBe('no-final-root')
    expect(await reasonOf(900_000n, 0n)).toBe('below-minimum')
    // 70,000 gas at 10 gwei are 2.1 dollars.
    expect(await reasonOf(20_000_000n, 10n)).toBe('gas-too-dear')
    expect(payouts).toBe(0)
    expect(await reasonOf(22_000_000n, 10n)).toBe('claimed')
    expect(payouts).toBe(1)
  })

  it('claims what is asked for whatever it costs, once, and keeps what it paid for gas', async () => {
    owed = 5n
    const claims = claimer()
    const [first, second] = await Promise.all([claims.claim(true), claims.claim(true)])
    expect([first.length, second.length, payouts]).toEqual([1, 0, 1])
    expect(await claims.claimed()).toEqual([
      { kind: 'payout', transaction: TRANSACTION, at: first[0]?.at, epoch: 4, gasCostWei: 60_000n * GWEI },
    ])
  })

  it('says why it could not, and goes on', async () => {
    owed = 50_000_000n
    const claims = claimer()
    failure = new ChainError('CHAIN_UNREACHABLE', 'no answer')
    await expect(claims.claim(false)).rejects.toThrow('no answer')
    expect(claims.state).toMatchObject({ reason: 'chain-unreachable', error: 'no answer', sending: undefined })
    failure = new ChainError('CHAIN_REVERTED', 'not so')
    await expect(claims.claim(false)).rejects.toThrow('not so')
    expect(claims.state.reason).toBe('chain-refused')
    failure = undefined
    await claims.claim(false)
    expect(claims.state).toMatchObject({ reason: 'claimed', error: undefined })
  })
})

describe('a reward by the final root', () => {
  const PROGRAM: Hash = hash(`0x${'a'.repeat(64)}`)
  const EPOCHS = 70
  const lines = [
    {
      program: PROGRAM,
      operator: OPERATOR,
      shareUnits: rewardUnits(1n),
      cumulativeUnits: rewardUnits(BigInt(EPOCHS)),
      reasons: [],
    },
  ]
  const evidence = contentIdOf('dag-cbor', new Uint8Array(1))
  const { root } = treeOfResult({ lines })
  const result = { version: 1, epoch: epochNumber(EPOCHS), evidence, root, lines, openLots: [] } as const
  const bytes = encodeResult(result)

  /** An operator whose fees of each of 70 epochs were sold, a token unit each. */
  function world(
    change: {
      readonly claimReward?: () => Promise<never>
      readonly saleOf?: Economy['saleOf']
      readonly minimumMicroUsd?: bigint
    } = {},
  ) {
    const sent: string[] = []
    const accrued = new Set<number>()
    let [paid, owed] = [0n, 7n]
    const outcome = (what: string) => {
      sent.push(what)
      const transaction = hash(`0x${sent.length.toString(16).padStart(64, '0')}`)
      return { transaction, blockNumber: 1n, gasUsed: 1n, gasCostWei: 1n as Wei }
    }
    const economy: Partial<Economy> = {
      finalRoot: async () => ({ epoch: EPOCHS, root, evidence: TRANSACTION }),
      saleOf: async () => ({ feesMicroUsd: 1n, burnedTokenUnits: 1n }) as never,
      feesOf: async (epoch) => microUsd(epoch < EPOCHS ? 1n : 0n),
      accruable: async (_operator, epoch) => (epoch < EPOCHS && !accrued.has(epoch) ? 1n : 0n),
      rewardOf: async () => ({ source: 'minted', paid, available: BigInt(accrued.size) - paid }),
      ...(change.saleOf === undefined ? {} : { saleOf: change.saleOf }),
      accrue: async (_operator, epochs) => {
        for (const epoch of epochs) accrued.add(epoch)
        return outcome(`accrue ${epochs.length}`)
      },
      claimReward: async ({ cumulative }) => {
        await change.claimReward?.()
        const due = cumulative - paid < BigInt(accrued.size) - paid ? cumulative - paid : BigInt(accrued.size) - paid
        paid += due
        return outcome(`claim ${due}`)
      },
    }
    const chain = {
      owedMicroUsd: async () => microUsd(owed),
      gasPrice: async () => 0n as Wei,
      payout: async () => {
        owed = 0n
        return outcome('payout')
      },
      transaction: async (transaction: Hash) => ({ transaction, blockNumber: 1n, gasUsed: 1n, gasCostWei: 1n as Wei }),
    }
    const history = { head: async () => ({ number: 1 }) }
    const books = { capsAccrued: async () => [], rewardsPaid: async () => [], payouts: async () => [] }
    const computer = { resultOf: async () => ({ result: '', root }), components: () => ({ load: async () => bytes }) }
    const time = { epoch: () => EPOCHS + 1, now: () => 0 as UnixMs }
    const ports = {
      clock: new ManualClock(),
      economy,
      chain,
      history,
      books,
      store: new MemoryStore(),
      logger: silentLogger,
      time,
    }
    const minimumMicroUsd = microUsd(change.minimumMicroUsd ?? 0n)
    const options = { operator: OPERATOR, minimumMicroUsd, nativeCoinMicroUsd: microUsd(0n) }
    return { sent, claimer: new RewardClaimer(ports as never, computer as never, options) }
  }

  it('is claimed whole for one who asks, however many epochs its cap has to rise for', async () => {
    const { sent, claimer } = world()
    await claimer.claim(true)
    expect(sent).toEqual(['payout', 'accrue 32', 'accrue 32', 'accrue 6', 'claim 70'])
    expect(await claimer.claim(true)).toEqual([])
    expect(claimer.state.reason).toBe('nothing-to-claim')
  })

  it('is worth what its tokens cost in the last sale, and waits until that is more than the minimum', async () => {
    // 250 micro-dollars for ten token units until epoch 39, thrice as much until 59, and nothing is sold since.
    const saleOf: Economy['saleOf'] = async (epoch) => {
      if (epoch >= 60) return undefined
      const [lastEpoch, fees] = epoch < 40 ? [39, 250n] : [59, 750n]
      return { lastEpoch, soldAt: 0 as UnixMs, feesMicroUsd: microUsd(fees), burnedTokenUnits: 10n, kappaBps: 8000 }
    }
    const waiting = world({ saleOf, minimumMicroUsd: 2408n })
    await waiting.claimer.claim(false)
    // 32 token units of the first look, and 7 micro-dollars of credit.
    expect(waiting.claimer.state).toMatchObject({ reason: 'below-minimum', waitingMicroUsd: 2407n })
    const worthIt = world({ saleOf, minimumMicroUsd: 2407n })
    await worthIt.claimer.claim(false)
    expect([worthIt.claimer.state.reason, ...worthIt.sent]).toEqual(['claimed', 'payout', 'accrue 32', 'claim 32'])
  })

  it('is claimed in parts when nobody asks, and nothing is left out', async () => {
    const { sent, claimer } = world()
    for (let look = 0; look < 4; look++) await claimer.claim(false)
    expect(sent).toEqual([...['payout', 'accrue 32', 'claim 32', 'accrue 32', 'claim 32'], ...['accrue 6', 'claim 6']])
  })

  it('that is refused does not keep back what is certain', async () => {
    const refused = new ChainError('CHAIN_REVERTED', 'not so')
    const { sent, claimer } = world({ claimReward: async () => Promise.reject(refused) })
    await expect(claimer.claim(true)).rejects.toThrow('not so')
    expect([sent[0], claimer.state.reason]).toEqual(['payout', 'chain-refused'])
    expect(await claimer.claimed()).toHaveLength(4)
  })
})
