import { type Address, CoreError, type Hash, microUsd } from '@stead/core'
import { chainRefusal, ManualClock } from '@stead/testkit'
import { beforeEach, describe, expect, it } from 'vitest'
import { compareFacts } from '../src/audit/compare-facts.ts'
import { ChainFactsReader, encodeChainFacts, epochNumber, factsUnder, openChainFacts } from '../src/index.ts'
import {
  addressOf,
  EPOCH_SECONDS,
  GENESIS_SECONDS,
  identity,
  programOf,
  SimulatedHistory,
  simulatedEconomy,
} from './simulated-history.ts'

const UTILITY = programOf('a')
const [NODE, OTHER, POOR] = [addressOf('1'), addressOf('2'), addressOf('3')]
const [OPERATOR, RIVAL] = [addressOf('8'), addressOf('9')]
const [PAYER, CUSTOMER] = [addressOf('6'), addressOf('7')]

describe('chain facts', () => {
  let history: SimulatedHistory
  let clock: ManualClock
  let reader: ChainFactsReader
  const payers = new Map<Hash, Address>()
  beforeEach(() => {
    history = new SimulatedHistory()
    payers.clear()
    payers.set(programOf('c'), PAYER)
    clock = new ManualClock()
    history.mine(0)
    history.recorded.programs.push({ blockNumber: 0, program: UTILITY, source: 'minted', isEnabled: true })
    const stakes = new Map([
      [NODE, 1000n],
      [OTHER, 5000n],
      [POOR, 999n],
    ])
    const calendar = { genesisSeconds: GENESIS_SECONDS, epochSeconds: EPOCH_SECONDS }
    const chain = { identity, voucherSignerOf: async (channel: Hash) => payers.get(channel) }
    reader = new ChainFactsReader({ chain, economy: simulatedEconomy(stakes), history, calendar, clock })
  })

  const bond = (node: typeof NODE, operator: typeof OPERATOR, blockNumber: number) =>
    history.recorded.bonds.push({ blockNumber, node, operator })
  const claim = (blockNumber: number, logIndex: number, fee: number, channel = programOf('c')) =>
    history.recorded.claims.push({
      blockNumber,
      logIndex,
      node: NODE,
      operator: OPERATOR,
      grossMicroUsd: microUsd(20 * fee),
      feeMicroUsd: microUsd(fee),
      parts: [{ channel, grossMicroUsd: microUsd(20 * fee) }],
    })

  it('has the first block as beacon, and the nodes that were bonded before it, each with its last operator', async () => {
    bond(NODE, RIVAL, history.mine(10))
    bond(NODE, OPERATOR, history.mine(20))
    bond(POOR, RIVAL, history.mine(30))
    const first = history.mine(105)
    bond(OTHER, RIVAL, first)
    history.mine(200)
    const facts = await reader.facts(epochNumber(1))
    expect(facts.beacon).toBe(history.blocks[first]?.hash)
    expect(facts.nodes).toEqual([{ node: NODE, operator: OPERATOR }])
    expect([facts.fromBlock, facts.toBlock, facts.utility]).toEqual([BigInt(first), BigInt(first), UTILITY])
    expect(openChainFacts(encodeChainFacts(facts))).toEqual(facts)
  })

  it('counts claims of the epoch alone, to the second', async () => {
    claim(history.mine(99), 0, 1)
    claim(history.mine(100), 0, 10)
    claim(history.mine(199), 0, 100)
    claim(history.mine(200), 0, 1000)
    const facts = await reader.facts(epochNumber(1))
    expect(facts.feeTotalMicroUsd).toBe(110n)
    expect(facts.fees).toHaveLength(1)
  })

  it('says who brought a bonded node its claims of the seven epochs before, as soon as an epoch has begun', async () => {
    const [own, small, foreign] = [programOf('d'), programOf('e'), programOf('f')]
    payers.set(own, NODE).set(small, CUSTOMER).set(foreign, CUSTOMER)
    bond(NODE, OPERATOR, history.mine(10))
    claim(history.mine(50), 0, 1000)
    claim(history.mine(150), 0, 3)
    claim(history.mine(250), 0, 2)
    claim(history.mine(260), 0, 1, small)
    claim(history.mine(270), 0, 7, own)
    history.recorded.claims.push({
      ...{ blockNumber: history.mine(280), logIndex: 0, node: OTHER, operator: RIVAL },
      ...{ grossMicroUsd: microUsd(20), feeMicroUsd: microUsd(1) },
      parts: [{ channel: foreign, grossMicroUsd: microUsd(20) }],
    })
    claim(history.mine(810), 0, 5000)
    expect(await reader.claimants(epochNumber(8))).toEqual([
      { node: NODE, payer: PAYER, grossMicroUsd: 100n },
      { node: NODE, payer: CUSTOMER, grossMicroUsd: 20n },
    ])
    history.mine(900)
    const facts = await reader.facts(epochNumber(8))
    expect(facts.audits?.claimants).toHaveLength(2)
    expect(openChainFacts(encodeChainFacts(facts))).toEqual(facts)
    expect(factsUnder(facts, {}).audits).toBeUndefined()
    expect(compareFacts(facts, { ...facts, audits: { claimants: [] } })).toMatchObject({
      what: 'facts-claimant',
      needMicroUsd: 100n,
      haveMicroUsd: undefined,
    })
  })

  it('does not take the claim of a channel that the endpoint does not show for one of nobody', async () => {
    bond(NODE, OPERATOR, history.mine(10))
    claim(history.mine(50), 0, 1)
    history.mine(150)
    payers.clear()
    const asked = reader.claimants(epochNumber(1)).catch((error: unknown) => error)
    for (let passes = 0; passes < 20; passes++) await clock.advance(1000)
    expect(await asked).toMatchObject({ code: 'REWARDS_CONFLICT' })
  })

  it('gives each epoch with fees an entry in a sale that covers several, and none to epochs without', async () => {
    claim(history.mine(50), 0, 3)
    claim(history.mine(250), 0, 4)
    const sold = history.mine(310)
    history.recorded.sales.push({
      blockNumber: sold,
      lastEpoch: 2,
      feesMicroUsd: microUsd(7),
      burnedTokenUnits: 70n,
    })
    history.mine(400)
    const { sales } = await reader.facts(epochNumber(3))
    const sale = { burnedTokenUnits: 70n, saleFeesMicroUsd: 7n, kappaBps: 8000 }
    expect(sales).toEqual([
      { lot: 0, ...sale },
      { lot: 2, ...sale },
    ])
    expect((await reader.facts(epochNumber(2))).sales).toEqual([])
  })

  it('lists programs that are enabled and have a deposit', async () => {
    const [coverage, ended] = [programOf('b'), programOf('c')]
    for (const program of [coverage, ended]) {
      history.recorded.programs.push({ blockNumber: 0, program, source: 'sponsored', isEnabled: true })
      history.recorded.sponsorships.push({ blockNumber: history.mine(5), program, amountMicroUsd: microUsd(40) })
    }
    history.recorded.programs.push({ blockNumber: 2, program: ended, source: 'sponsored', isEnabled: false })
    history.recorded.sponsorships.push({ blockNumber: 2, program: coverage, amountMicroUsd: microUsd(2) })
    history.mine(100)
    expect((await reader.facts(epochNumber(0))).programs).toEqual([{ program: coverage, depositedMicroUsd: 42n }])
  })

  it('of an epoch without blocks have the next block as beacon and no events', async () => {
    claim(history.mine(350), 0, 5)
    history.mine(400)
    const facts = await reader.facts(epochNumber(2))
    expect(facts.beacon).toBe(history.blocks[1]?.hash)
    expect([facts.fees, facts.fromBlock, facts.toBlock]).toEqual([[], 1n, 1n])
  })

  it('are not there before the epoch is over', async () => {
    history.mine(150)
    await expect(reader.facts(epochNumber(1))).rejects.toMatchObject({ code: 'REWARDS_NOT_OVER' })
    expect(await reader.begin(epochNumber(2))).toBeUndefined()
  })

  it('are read again after faults of the endpoint, and not after others', async () => {
    history.mine(100)
    const fault = chainRefusal('CHAIN_UNREACHABLE', 'no answer')
    history.failures.push(fault, fault)
    const reading = reader.facts(epochNumber(0))
    for (let i = 0; i < 4; i++) await clock.advance(1000)
    expect((await reading).epoch).toBe(0)
    const other = new SimulatedHistory()
    other.mine(0)
    history.failures.push(new CoreError('STORE_FULL', 'no room'))
    history.mine(200)
    await expect(reader.facts(epochNumber(1))).rejects.toMatchObject({ code: 'STORE_FULL' })
  })

  it('follow a reorganisation that replaced the first block', async () => {
    history.mine(100)
    history.mine(150)
    expect((await reader.begin(epochNumber(1)))?.beacon).toBe(history.blocks[1]?.hash)
    const { number, at } = history.blocks[1] ?? (await history.head())
    history.blocks[1] = { number, at, hash: programOf('f') }
    history.mine(200)
    expect((await reader.facts(epochNumber(1))).beacon).toBe(programOf('f'))
  })

  it('follow a reorganisation that moved the beginning of the epoch to an earlier block', async () => {
    for (const seconds of [90, 110, 150]) history.mine(seconds)
    expect((await reader.begin(epochNumber(1)))?.fromBlock).toBe(2)
    history.blocks.splice(1)
    for (const [seconds, digit] of [
      [105, 'd'],
      [110, 'e'],
      [150, 'f'],
    ] as const) {
      const number = history.mine(seconds)
      const mark = await history.block(number)
      history.blocks[number] = { ...mark, hash: programOf(digit) }
    }
    history.mine(200)
    expect(await reader.begin(epochNumber(1))).toMatchObject({ fromBlock: 1, beacon: programOf('d') })
    expect((await reader.facts(epochNumber(1))).beacon).toBe(programOf('d'))
  })

  it('that were read already are read again when the end of the epoch is another, until nothing can replace it', async () => {
    history.mine(150)
    const after = history.mine(200)
    expect((await reader.facts(epochNumber(1))).toBlock).toBe(1n)
    const replaceEnd = async (digit: string): Promise<void> => {
      history.blocks[after] = { ...(await history.block(after)), hash: programOf(digit) }
      claim(1, history.recorded.claims.length, 7)
      await clock.advance(1000)
    }
    await replaceEnd('e')
    expect((await reader.facts(epochNumber(1))).feeTotalMicroUsd).toBe(7n)
    for (let number = 0; number < 64; number++) history.mine(201 + number)
    await clock.advance(1000)
    expect((await reader.facts(epochNumber(1))).feeTotalMicroUsd).toBe(7n)
    await replaceEnd('f')
    expect((await reader.facts(epochNumber(1))).feeTotalMicroUsd).toBe(7n)
  })

  describe('when another fork wins', () => {
    const lookAgain = async () => {
      await clock.advance(1000)
      return await reader.facts(epochNumber(1))
    }

    it('end where its blocks say, also when those of the other one were seen around the end', async () => {
      for (let seconds = 90; seconds <= 206; seconds += 2) history.mine(seconds)
      // Who probes in the next epoch has looked where it begins.
      const begin = await reader.begin(epochNumber(2))
      expect(begin?.fromBlock).toBe(56)
      history.undo(5)
      for (let made = 0; made <= 5; made++) history.mine(206)
      const facts = await lookAgain()
      expect(facts.toBlock).toBe(54n)
      expect(await reader.begin(epochNumber(2))).toMatchObject({ fromBlock: 55, beacon: history.blocks[55]?.hash })
    })

    it('are read again, and hold what it holds', async () => {
      history.mine(100)
      claim(history.mine(150), 0, 5)
      claim(history.mine(199), 0, 30)
      history.mine(200)
      expect((await reader.facts(epochNumber(1))).feeTotalMicroUsd).toBe(35n)
      history.undo(2)
      history.mine(200)
      history.mine(201)
      const facts = await lookAgain()
      expect([facts.feeTotalMicroUsd, facts.toBlock]).toEqual([5n, 2n])
    })

    it('are not over until it has a block of the next epoch', async () => {
      history.mine(100)
      history.mine(200)
      expect((await reader.facts(epochNumber(1))).toBlock).toBe(1n)
      history.undo(1)
      history.mine(199)
      await expect(lookAgain()).rejects.toMatchObject({ code: 'REWARDS_NOT_OVER' })
      history.mine(201)
      expect((await lookAgain()).toBlock).toBe(2n)
    })

    it('have the fees of sold epochs that it has', async () => {
      claim(history.mine(50), 0, 3)
      claim(history.mine(60), 0, 4)
      const sold = history.mine(120)
      history.recorded.sales.push({
        blockNumber: sold,
        lastEpoch: 0,
        feesMicroUsd: microUsd(7),
        burnedTokenUnits: 70n,
      })
      history.mine(200)
      expect((await reader.facts(epochNumber(1))).sales).toHaveLength(1)
      history.undo(4)
      for (const seconds of [70, 71, 120, 200]) history.mine(seconds)
      expect((await lookAgain()).sales).toEqual([])
    })

    it('while they are read, are refused and read once more', async () => {
      history.mine(100)
      history.mine(150)
      history.mine(200)
      const first = history.claims.bind(history)
      history.claims = async (span) => {
        history.claims = first
        const claims = await first(span)
        history.undo(2)
        history.mine(160)
        history.mine(170)
        history.mine(205)
        return claims
      }
      await expect(reader.facts(epochNumber(1))).rejects.toMatchObject({ code: 'REWARDS_CONFLICT' })
      expect((await lookAgain()).toBlock).toBe(3n)
    })

    it('stay what was read while the endpoint is away', async () => {
      history.mine(100)
      history.mine(200)
      const facts = await reader.facts(epochNumber(1))
      history.outage = chainRefusal('CHAIN_UNREACHABLE', 'no answer')
      expect(await lookAgain()).toBe(facts)
    })
  })
})
