import { expect, it } from 'vitest'
import { rootOfClaim } from '../economy/reward-hashes.ts'
import { COVERAGE, dollars, type EconomyAccount, type EconomyBench, refusal, TOKEN, UTILITY } from './bench.ts'

const EVERYTHING = 10n ** 30n

/** Caps, claims, κ and sponsors. */
export function rewardTests(bench: () => EconomyBench): void {
  const claim = (program: typeof UTILITY, operator: EconomyAccount['chain']['account'], cumulative = EVERYTHING) => ({
    program,
    operator,
    cumulative,
    proof: [],
  })

  it('raises each operator’s cap by its part of what was burned, once, rounded down', async () => {
    const account = await bench().fixture.connect()
    const { economy } = account
    // Fees that divide nothing evenly.
    const first = await bench().pay(account, dollars(33.333333))
    const second = await bench().pay(account, dollars(7.777777))
    expect(await economy.accruable(first.operator, first.epoch)).toBe(0n)
    expect(await refusal(economy.accrue(first.operator, [first.epoch]))).toEqual({
      error: 'EpochNotSold',
      epoch: BigInt(first.epoch),
    })
    await bench().passEpoch()
    const third = await bench().pay(account, dollars(1.000001), first)
    await bench().passEpoch()
    await bench().buy(account)
    const sale = await economy.saleOf(third.epoch)
    const [burned, fees] = [sale?.burnedTokenUnits ?? 0n, sale?.feesMicroUsd ?? 1n]
    const partOf = (fee: bigint) => (burned * 8000n * fee) / (fees * 10_000n)
    const parts = [partOf(1_666_666n), partOf(388_888n), partOf(50_000n)] as const
    expect(fees).toBe(1_666_666n + 388_888n + 50_000n)
    expect(await economy.accruable(first.operator, first.epoch)).toBe(parts[0])
    expect(await economy.accruable(third.operator, third.epoch)).toBe(parts[2])
    expect(await economy.accruable(account.chain.account, first.epoch)).toBe(0n)
    const twice = economy.accrue(first.operator, [first.epoch, first.epoch])
    expect(await refusal(twice)).toMatchObject({ error: 'AlreadyAccrued' })
    await economy.accrue(first.operator, [third.epoch, first.epoch])
    await economy.accrue(second.operator, [second.epoch])
    expect(await economy.accruable(first.operator, first.epoch)).toBe(0n)
    expect(await refusal(economy.accrue(first.operator, [first.epoch]))).toEqual({
      error: 'AlreadyAccrued',
      operator: first.operator,
      epoch: BigInt(first.epoch),
    })
    const state = { source: 'minted', paid: 0n }
    expect(await economy.rewardOf(UTILITY, first.operator)).toEqual({ ...state, available: parts[0] + parts[2] })
    expect(await economy.rewardOf(UTILITY, second.operator)).toEqual({ ...state, available: parts[1] })
  })

  it('mints what the root says and never more than the cap, to whoever earned it, whoever asks', async () => {
    const [owner, stranger] = [await bench().fixture.connect(), await bench().fixture.connect()]
    const { economy } = owner
    const node = (await bench().bonded(owner)).address
    const work = await bench().pay(owner, dollars(50))
    await bench().passEpoch()
    await bench().buy(owner)
    const { operator } = work
    const cap = await economy.accruable(operator, work.epoch)
    const lines = [claim(UTILITY, operator, cap / 2n), claim(UTILITY, owner.chain.account)] as const
    const [left, right] = lines.map(rootOfClaim)
    if (left === undefined || right === undefined) throw new TypeError('two lines have two hashes')
    // The root over two leaves: what either gives with the other as its branch.
    const withProof = [
      { ...lines[0], proof: [right] },
      { ...lines[1], proof: [left] },
    ] as const
    const root = rootOfClaim(withProof[0])
    expect(rootOfClaim(withProof[1])).toBe(root)
    await bench().makeFinal(owner, node, { root, evidence: bench().fixture.newSalt() })
    expect(await refusal(stranger.economy.claimReward(withProof[0]))).toEqual({
      error: 'NothingToClaim',
      cumulative: cap / 2n,
      paid: 0n,
      available: 0n,
    })
    await economy.accrue(operator, [work.epoch])
    expect(await refusal(economy.claimReward({ ...withProof[0], cumulative: cap }))).toEqual({
      error: 'ProofInvalid',
      root,
    })
    expect(await refusal(economy.claimReward(lines[0]))).toMatchObject({ error: 'ProofInvalid' })
    await stranger.economy.claimReward(withProof[0])
    expect(await economy.tokenBalance(operator)).toBe(cap / 2n)
    expect(await refusal(economy.claimReward(withProof[0]))).toMatchObject({ error: 'NothingToClaim', paid: cap / 2n })
    // No fees were paid on its traffic: a root that gives it everything gives it nothing.
    expect(await refusal(economy.claimReward(withProof[1]))).toMatchObject({ error: 'NothingToClaim', available: 0n })

    await bench().passEpoch()
    await bench().makeFinal(owner, node, bench().resultOf(UTILITY, operator, EVERYTHING))
    await economy.claimReward(claim(UTILITY, operator))
    expect(await economy.tokenBalance(operator)).toBe(cap)
    expect(await economy.rewardOf(UTILITY, operator)).toEqual({ source: 'minted', paid: cap, available: 0n })
  })

  it('counts a lot with the κ of its sale, whenever it is accrued', async () => {
    const { fixture } = bench()
    const account = await fixture.connect()
    const { economy } = account
    const before = await bench().pay(account, dollars(10))
    await bench().passEpoch()
    await bench().buy(account)
    await fixture.setKappaBps(5000)
    expect(await refusal(fixture.setKappaBps(9001))).toEqual({ error: 'KappaTooHigh', kappaBps: 9001n, maximum: 9000n })
    await fixture.passSeconds(2)
    const after = await bench().pay(account, dollars(10))
    await bench().passEpoch()
    await bench().buy(account)
    for (const [work, kappaBps] of [
      [before, 8000],
      [after, 5000],
    ] as const) {
      const sale = await economy.saleOf(work.epoch)
      expect(sale?.kappaBps).toBe(kappaBps)
      const part = ((sale?.burnedTokenUnits ?? 0n) * BigInt(kappaBps) * dollars(0.5)) / (10_000n * dollars(0.5))
      expect(await economy.accruable(work.operator, work.epoch)).toBe(part)
    }
    await fixture.setKappaBps(8000)
  })

  it('pays a sponsored program out of its deposit, until it is empty, and again when there is more', async () => {
    const { fixture } = bench()
    const sponsor = await fixture.connect()
    const { economy, chain } = sponsor
    const node = (await bench().bonded(sponsor)).address
    const operator = fixture.newSigner().address
    const unknown = fixture.newSalt()
    for (const program of [UTILITY, unknown]) {
      expect(await refusal(economy.sponsor(program, dollars(1)))).toEqual({ error: 'ProgramNotSponsored', program })
    }
    expect(await refusal(economy.sponsor(COVERAGE, dollars(1001)), 'CHAIN_INSUFFICIENT_FUNDS')).toEqual({
      account: chain.account,
      needMicroUsd: dollars(1001),
      haveMicroUsd: dollars(1000),
    })
    await economy.sponsor(COVERAGE, dollars(3))
    expect((await chain.balances(chain.account)).dollarMicroUsd).toBe(dollars(997))
    expect(await economy.rewardOf(COVERAGE, operator)).toEqual({ source: 'sponsored', paid: 0n, available: dollars(3) })
    await bench().passEpoch()
    await bench().makeFinal(sponsor, node, bench().resultOf(COVERAGE, operator, dollars(4)))
    await economy.claimReward(claim(COVERAGE, operator, dollars(4)))
    expect((await chain.balances(operator)).dollarMicroUsd).toBe(dollars(3))
    expect(await refusal(economy.claimReward(claim(COVERAGE, operator, dollars(4))))).toEqual({
      error: 'NothingToClaim',
      cumulative: dollars(4),
      paid: dollars(3),
      available: 0n,
    })
    await economy.sponsor(COVERAGE, dollars(5))
    await fixture.setProgram(COVERAGE, 'sponsored', false)
    expect(await refusal(economy.sponsor(COVERAGE, dollars(1)))).toMatchObject({ error: 'ProgramNotSponsored' })
    // What was earned is paid also when the program is not in use any more.
    await economy.claimReward(claim(COVERAGE, operator, dollars(4)))
    expect(await economy.rewardOf(COVERAGE, operator)).toEqual({
      source: 'sponsored',
      paid: dollars(4),
      available: dollars(4),
    })
    await fixture.setProgram(COVERAGE, 'sponsored', true)
    expect(await refusal(fixture.setProgram(COVERAGE, 'minted', true))).toMatchObject({ error: 'SourceInvalid' })
    await bench().passEpoch()
    await bench().makeFinal(sponsor, node, bench().resultOf(unknown, operator, TOKEN))
    expect(await refusal(economy.claimReward(claim(unknown, operator, TOKEN)))).toEqual({
      error: 'ProgramUnknown',
      program: unknown,
    })
    expect(await economy.rewardOf(unknown, operator)).toEqual({ source: 'none', paid: 0n, available: 0n })
  })
}
