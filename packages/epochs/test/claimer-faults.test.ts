import { type Hash, hasCode, hash, microUsd } from '@stead/core'
import { ChainError } from '@stead/evm'
import { epochNumber } from '@stead/rewards'
import { MemoryStore } from '@stead/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ClaimedReward } from '../src/claim-journal.ts'
import { RewardClaimer } from '../src/reward-claimer.ts'
import { type MemoryMember, MemoryWorld, TOKEN } from './memory-world.ts'

const OPTIONS = { minimumMicroUsd: microUsd(0n), nativeCoinMicroUsd: microUsd(0n) }
const BEFORE = 998_000n * TOKEN
const ALL_KINDS = ['accrue', 'claim-reward', 'payout']
/** Writes of one look that sends all three transactions: the mark, and intent and row of each. */
const WRITES = 7

describe('claims in trouble', () => {
  let world = new MemoryWorld()
  let members: readonly MemoryMember[] = []
  beforeEach(async () => {
    world = new MemoryWorld()
    members = [await world.join('earner'), await world.join('proposer', { propose: true }), await world.join('third')]
    await world.join('fourth')
    await world.passTo(2)
    await world.pay(earner(), 100)
    await world.passTo(3)
    await world.buyLot()
    await world.until('a final root of the sale', async () => {
      const root = await earner().economy.finalRoot()
      return root !== undefined && root.epoch >= 3 ? root : undefined
    })
  })
  afterEach(() => world.stop())

  const earner = (): MemoryMember => {
    const [first] = members
    if (first === undefined) throw new TypeError('no members')
    return first
  }
  /** A claimer of its own, that nobody else's round disturbs. */
  const claimerOn = (store: MemoryStore): RewardClaimer => {
    const { service, operator } = earner()
    return new RewardClaimer({ ...service.ports, store }, service.computer, { ...OPTIONS, operator })
  }
  /** What the chain says was done for the operator. */
  const onChain = async (): Promise<readonly Hash[]> => {
    const { books, history } = earner().service.ports
    const span = { fromBlock: 0, toBlock: (await history.head()).number }
    const { operator } = earner()
    const events = [
      ...(await books.capsAccrued(span, operator)),
      ...(await books.rewardsPaid(span, operator)),
      ...(await books.payouts(span, operator)),
    ]
    return events.map(({ transaction }) => transaction)
  }
  const expectPaidOnce = async (claimer: RewardClaimer): Promise<void> => {
    const { economy, operator, chain } = earner()
    const { burnedTokenUnits } = (await economy.saleOf(2)) ?? { burnedTokenUnits: 0n }
    expect(await economy.tokenBalance(operator)).toBe(BEFORE + (burnedTokenUnits * 8n) / 10n)
    expect(await chain.owedMicroUsd(operator)).toBe(0n)
    const rows = await world.during(claimer.claimed())
    expect(rows.map(({ kind }) => kind).toSorted()).toEqual(ALL_KINDS)
    const transactions = await onChain()
    expect(rows.map(({ transaction }) => transaction).toSorted()).toEqual(transactions.toSorted())
    for (const { gasCostWei } of rows) expect(gasCostWei).toBeGreaterThan(0n)
    expect(claimer.state).toMatchObject({ reason: 'nothing-to-claim', error: undefined, sending: undefined })
  }

  const moments = Array.from({ length: WRITES }, (_, index) => index + 1).flatMap((write) => [
    { write, moment: 'before' as const },
    { write, moment: 'after' as const },
  ])
  it.each(moments)('that crash $moment write $write are paid once, and no row is lost', async ({ write, moment }) => {
    const dying = new MemoryStore()
    dying.crashAtWrite(write, moment)
    void claimerOn(dying).claim(false)
    await world.passSeconds(1)
    expect(dying.isCrashed).toBe(true)
    // Of what was not forced out, nothing is left.
    const again = claimerOn(dying.reopen('power'))
    await world.during(again.claim(false))
    await world.during(again.claim(false))
    await expectPaidOnce(again)
  })

  it('whose answers are lost go on where they were, and show what they wait for', async () => {
    const claimer = claimerOn(new MemoryStore())
    for (let lost = 0; lost < 3; lost++) {
      world.ledger.setOutage('answers-lost')
      await expect(world.during(claimer.claim(false))).rejects.toSatisfy((error) => hasCode(error, 'CHAIN_UNREACHABLE'))
      expect(claimer.state).toMatchObject({
        reason: 'chain-unreachable',
        error: expect.stringContaining('lost the answer'),
        sending: undefined,
      })
      world.ledger.setOutage('none')
    }
    await world.during(claimer.claim(false))
    expect(claimer.state.waitingMicroUsd).toBe(0n)
    await expectPaidOnce(claimer)
  })

  it('that find the endpoint down in the middle keep what they have and continue by themselves', async () => {
    const { chain, service } = earner()
    const claimer = claimerOn(new MemoryStore())
    const economy = service.ports.economy
    const { claimReward } = economy
    // Down after the accrual, before the claim.
    economy.claimReward = (claim) => {
      chain.setCutOff(true)
      return claimReward.call(economy, claim)
    }
    await expect(world.during(claimer.claim(false))).rejects.toThrow('cut off')
    economy.claimReward = claimReward
    expect(claimer.state).toMatchObject({ reason: 'chain-unreachable', error: expect.stringContaining('cut off') })
    await expect(world.during(claimer.claim(false))).rejects.toThrow('cut off')
    chain.setCutOff(false)
    await world.during(claimer.claim(false))
    expect(claimer.state.reason).toBe('claimed')
    await world.during(claimer.claim(false))
    await expectPaidOnce(claimer)
  })

  it('that a block takes only after the next one was sent are booked as well', async () => {
    const claimer = claimerOn(new MemoryStore())
    const { chain, operator } = earner()
    const { payout } = chain
    chain.payout = async () => {
      throw new ChainError('CHAIN_UNREACHABLE', 'no answer')
    }
    await expect(world.during(claimer.claim(false))).rejects.toThrow('no answer')
    chain.payout = payout
    await world.during(claimer.claim(false))
    await world.pay(earner(), 10)
    // The first one, that nobody had an answer to.
    await chain.payout(operator)
    await world.during(claimer.claim(false))
    const booked = (await world.during(claimer.claimed())).map(({ transaction }) => transaction)
    expect(booked.toSorted()).toEqual((await onChain()).toSorted())
  })

  it('that are out of gas say what is needed and leave nothing to be looked for', async () => {
    const { service, operator } = earner()
    const store = new MemoryStore()
    const claimer = claimerOn(store)
    const { economy } = service.ports
    const { accrue } = economy
    economy.accrue = async () => {
      throw new ChainError('CHAIN_INSUFFICIENT_FUNDS', 'gas needs 7 wei')
    }
    await expect(world.during(claimer.claim(false))).rejects.toThrow('gas needs 7 wei')
    expect(claimer.state.error).toBe('gas needs 7 wei')
    economy.accrue = accrue
    // A stranger does it meanwhile: that is its gas.
    const stranger = await world.account('stranger')
    await stranger.economy().accrue(operator, [2])
    const sent = await world.during(claimer.claim(false))
    expect(sent.map(({ kind }) => kind)).toEqual(['claim-reward'])
    const rows: readonly ClaimedReward[] = await world.during(claimer.claimed())
    expect(rows.map(({ kind }) => kind).toSorted()).toEqual(['claim-reward', 'payout'])
    expect(await store.scan('epoch-claim-intents')).toEqual([])
  })

  it('that wait for their block do not keep the node from a challenge', async () => {
    const { service, economy, nodeKey } = earner()
    // A node of its own that claims, and whose accrual no block ever takes.
    const claimant = await world.join('claimant', { claimFromMicroUsd: 0n })
    await world.pay(claimant, 50)
    claimant.chain.payout = () => new Promise(() => undefined)
    for (const { service: other } of world.members) if (other !== claimant.service) await world.during(other.stop())
    await world.until('a payout that hangs', async () => claimant.service.claimer?.state.sending, 100)
    const epoch = epochNumber(world.epoch)
    await world.passTo(epoch + 1)
    const lie = { root: hash(`0x${'12'.repeat(32)}`), evidence: hash(`0x${'13'.repeat(32)}`) }
    await economy.propose(epoch, lie, nodeKey.address)
    const challenge = await world.until('its challenge', async () => (await economy.proposal())?.challenge, 60)
    expect(challenge.challenger).toBe(claimant.operator)
    expect(claimant.service.claimer?.state.sending?.kind).toBe('payout')
    expect(service.claimer).toBeUndefined()
  })

  it('whose accrual a reorganisation took back find the epoch again, although it was done', async () => {
    const { service } = earner()
    const claimer = claimerOn(new MemoryStore())
    await world.during(claimer.claim(false))
    // The epochs are marked as done now.
    await world.during(claimer.claim(false))
    const { economy } = service.ports
    const { accruable, rewardOf, accrue } = economy
    const again: (readonly number[])[] = []
    economy.accruable = async (_, epoch) => (epoch === 2 ? 5n : 0n)
    economy.rewardOf = async () => ({ source: 'minted', paid: 0n, available: 0n })
    economy.accrue = (_, epochs) => {
      again.push(epochs)
      throw new ChainError('CHAIN_UNREACHABLE', 'seen')
    }
    await expect(world.during(claimer.claim(false))).rejects.toThrow('seen')
    expect(again).toEqual([[2]])
    Object.assign(economy, { accruable, rewardOf, accrue })
  })

  it('of tokens have the worth of the last sale, however long ago it was', async () => {
    const { service, operator, economy } = earner()
    await (await world.account('stranger')).economy().accrue(operator, [2])
    await earner().chain.payout(operator)
    const newest = await economy.finalRoot()
    const later = epochNumber((newest?.epoch ?? 0) + 7)
    await world.until(
      'a much later root',
      async () => ((await economy.finalRoot())?.epoch === later ? true : undefined),
      2000,
    )
    const store = new MemoryStore()
    await store.write(
      [{ kind: 'put', table: 'epoch-marks', key: 'accrued-before', value: new TextEncoder().encode(String(later)) }],
      'process',
    )
    const options = { operator, minimumMicroUsd: microUsd(1_000_000n), nativeCoinMicroUsd: microUsd(0n) }
    const claimer = new RewardClaimer({ ...service.ports, store }, service.computer, options)
    await world.during(claimer.claim(false))
    expect(claimer.state.reason).toBe('claimed')
  })

  it('pay out what the Escrow owes although nobody has the documents of the final root', async () => {
    const { chain, operator } = earner()
    const proposer = members[1]
    if (proposer === undefined) throw new TypeError('no proposer')
    for (const { service: each } of world.members) await world.during(each.stop())
    const epoch = epochNumber(world.epoch)
    await world.passTo(epoch + 1)
    const nowhere = { root: hash(`0x${'12'.repeat(32)}`), evidence: hash(`0x${'13'.repeat(32)}`) }
    await proposer.economy.propose(epoch, nowhere, proposer.nodeKey.address)
    await world.passSeconds(61)
    await proposer.economy.finalize((await proposer.economy.proposal())?.attempt ?? 0)
    const claimer = claimerOn(new MemoryStore())
    expect((await world.during(claimer.claim(false))).map(({ kind }) => kind)).toEqual(['payout'])
    expect(await chain.owedMicroUsd(operator)).toBe(0n)
    expect(claimer.state.error).toContain('evidence')
    await world.during(claimer.claim(false))
    expect(claimer.state).toMatchObject({ reason: 'root-unusable', error: expect.stringContaining('evidence') })
  })
})
