import { type MicroUsd, microUsd } from '@stead/core'
import { defineSchema, microUsdField } from '@stead/protocol'
import {
  type EpochNumber,
  encodePolicy,
  epochNumber,
  openResult,
  type Program,
  policyId,
  rewardUnits,
} from '@stead/rewards'
import { afterEach, describe, expect, it } from 'vitest'
import { type MemoryMember, MemoryWorld, TOKEN } from './memory-world.ts'

interface FlatParameters {
  readonly rateMicroUsd: MicroUsd
}

/** Pays each operator with a bonded node the same, as long as the deposit lasts. */
const flatProgram: Program<FlatParameters> = {
  name: 'flat',
  codeVersion: 1,
  funding: 'deposit',
  parametersSchema: defineSchema<FlatParameters>('FlatParameters', 64, { rateMicroUsd: [1, microUsdField] }),
  checkParameters: () => undefined,
  shares: ({ operators, budgetMicroUsd }, { rateMicroUsd }) => {
    let left: bigint = budgetMicroUsd
    return operators.map((operator) => {
      const amount = left < rateMicroUsd ? left : rateMicroUsd
      left -= amount
      const reasons =
        amount < rateMicroUsd ? [{ code: 'deposit-limit', about: 'epoch', need: rateMicroUsd, have: amount }] : []
      return { operator, amountUnits: rewardUnits(amount), reasons }
    })
  },
}
const RATE = microUsd(2_000_000n)
const FLAT_POLICY = encodePolicy(flatProgram, { rateMicroUsd: RATE })
const FLAT = policyId(FLAT_POLICY)

describe('what governance and sponsors do while epochs run', () => {
  let world = new MemoryWorld()
  afterEach(() => world.stop())

  async function start(): Promise<{ readonly proposer: MemoryMember; readonly earner: MemoryMember }> {
    world = new MemoryWorld({ sponsored: [{ program: flatProgram as never, policy: FLAT_POLICY }] })
    const proposer = await world.join('proposer', { propose: true })
    const earner = await world.join('earner', { claimFromMicroUsd: 0n })
    await world.join('third')
    await world.join('fourth')
    await world.passTo(1)
    return { proposer, earner }
  }
  const finalOf = (member: MemoryMember, epoch: EpochNumber) =>
    world.until(`the root of epoch ${epoch}`, async () => {
      const root = await member.economy.finalRoot()
      return root !== undefined && root.epoch >= epoch ? root : undefined
    })
  const expectMatch = (epoch: number): void => {
    for (const { service } of world.members) {
      expect(service.watcher.verdictOf(epoch)).toMatchObject({ verdict: 'match' })
      expect([...service.faults]).toEqual([])
    }
  }

  it('κ that changes in the middle of an epoch counts for lots that are sold after it, and all audits match', async () => {
    const { proposer, earner } = await start()
    await world.pay(earner, 100)
    await world.passTo(2)
    await world.passSeconds(30)
    await world.buyLot()
    await world.passSeconds(2)
    world.ledger.setKappaBps(3000)
    await world.passSeconds(2)
    const first = await finalOf(proposer, epochNumber(2))
    expectMatch(first.epoch)
    await world.pay(earner, 100)
    const paidIn = world.epoch
    await world.passTo(paidIn + 1)
    await world.passSeconds(30)
    await world.buyLot()
    await world.passSeconds(2)
    world.ledger.setKappaBps(6000)
    const second = await finalOf(proposer, epochNumber(paidIn + 1))
    expectMatch(second.epoch)
    const sales = [await proposer.economy.saleOf(1), await proposer.economy.saleOf(paidIn)]
    expect(sales.map((sale) => sale?.kappaBps)).toEqual([8000, 3000])
    const due = sales.reduce(
      (sum, sale) => sum + ((sale?.burnedTokenUnits ?? 0n) * BigInt(sale?.kappaBps ?? 0)) / 10_000n,
      0n,
    )
    await world.until('all of it', async () => {
      const minted = (await earner.economy.tokenBalance(earner.operator)) - 998_000n * TOKEN
      return minted === due ? true : undefined
    })
  })

  it('a sponsored program is proposed, confirmed, and claimed in dollars until its deposit is used up', async () => {
    const { proposer, earner } = await start()
    const sponsor = await world.account('sponsor')
    // Enough for two epochs and a half of four operators.
    await sponsor.economy().sponsor(FLAT, microUsd(20_000_000n))
    const before = (await earner.chain.balances(earner.operator)).dollarMicroUsd
    const first = await finalOf(proposer, epochNumber(1))
    expectMatch(first.epoch)
    await world.until('the first share', async () => {
      const { paid } = await earner.economy.rewardOf(FLAT, earner.operator)
      return paid === RATE ? true : undefined
    })
    expect((await earner.chain.balances(earner.operator)).dollarMicroUsd).toBe(before + RATE)
    const rows = await world.during(earner.service.claimer?.claimed() ?? Promise.resolve([]))
    expect(rows.map(({ kind }) => kind)).toEqual(['claim-reward'])
    const last = await finalOf(proposer, epochNumber(first.epoch + 3))
    expectMatch(last.epoch)
    const known = proposer.service.computer.known(epochNumber(last.epoch))
    const bytes = await world.during(proposer.service.shelf.get(known?.result ?? ('' as never)))
    const lines = openResult(bytes ?? new Uint8Array()).lines.filter(({ program }) => program === FLAT)
    expect(lines.reduce((sum, { cumulativeUnits }) => sum + cumulativeUnits, 0n)).toBe(20_000_000n)
    // In the order of operators: the budget of the third epoch is used up by the first of them.
    expect(lines.every(({ cumulativeUnits }) => cumulativeUnits >= 2n * RATE)).toBe(true)
    expect(lines.at(-1)?.reasons[0]?.code).toBe('deposit-limit')
  })

  it('a program that is taken out of use gives nothing more, and what it gave can be claimed', async () => {
    const { proposer, earner } = await start()
    const sponsor = await world.account('sponsor')
    await sponsor.economy().sponsor(FLAT, microUsd(100_000_000n))
    const first = await finalOf(proposer, epochNumber(1))
    world.ledger.setProgram(FLAT, 'sponsored', false)
    const last = await finalOf(proposer, epochNumber(first.epoch + 2))
    expectMatch(last.epoch)
    const { paid, available } = await earner.economy.rewardOf(FLAT, earner.operator)
    expect(paid % RATE).toBe(0n)
    expect(paid).toBeGreaterThanOrEqual(RATE)
    expect(paid).toBeLessThanOrEqual(2n * RATE)
    expect(available).toBeGreaterThan(0n)
  })

  it('a node that runs other code under a program’s name publishes another root: the line is named, the deposit lost', async () => {
    world = new MemoryWorld({ sponsored: [{ program: flatProgram as never, policy: FLAT_POLICY }] })
    const watchers = [await world.join('first'), await world.join('second'), await world.join('third')]
    const liarsOperator = world.signerOf('operator liar').address
    const generous: Program<FlatParameters> = {
      ...flatProgram,
      shares: (input, parameters) =>
        flatProgram
          .shares(input, parameters)
          .map((share) =>
            share.operator === liarsOperator ? { ...share, amountUnits: rewardUnits(9_000_000n) } : share,
          ),
    }
    const liar = await world.join('liar', { propose: true, programs: [generous as never] })
    await (await world.account('sponsor')).economy().sponsor(FLAT, microUsd(100_000_000n))
    const before = await liar.economy.tokenBalance(liar.operator)
    await world.passTo(1)
    const open = await world.until('a challenge', async () => {
      const proposal = await liar.economy.proposal()
      return proposal?.challenge === undefined ? undefined : proposal
    })
    expect(open.proposer).toBe(liar.operator)
    for (const { service } of watchers) {
      const { verdict, reason } = service.watcher.verdictOn(open.attempt, open.proposed) ?? {}
      expect([verdict, reason]).toEqual(['mismatch', expect.stringContaining(liarsOperator)])
      expect(reason).toContain('9000000')
    }
    const final = await world.until('the decision', async () => {
      const root = await liar.economy.finalRoot()
      return root?.epoch === open.epoch ? root : undefined
    })
    expect(final.root).toBe(open.challenge?.other.root)
    // The liar proposes again: only what the first proposal cost is looked at.
    expect((await liar.economy.tokenBalance(liar.operator)) - before).toBeLessThanOrEqual(-100n * TOKEN)
    // What it thinks is right is shown to whoever runs it.
    expect(liar.service.watcher.verdictOn(open.attempt, open.proposed)?.verdict).toBe('match')
    await world.passSeconds(5)
    expect(liar.service.faults.get('final-root')).toContain(`epoch ${open.epoch}`)
  })
})
