import { hasCode } from '@stead/core'
import { expect, it } from 'vitest'
import { COVERAGE, dollars, type EconomyBench, refusal, TOKEN, UTILITY } from './bench.ts'

/** What is remembered of all that happened: for epochs, and as an account book. */
export function recordTests(bench: () => EconomyBench): void {
  it('records everything once, in the order in which it happened', async () => {
    const { fixture } = bench()
    const owner = await fixture.connect()
    const { economy, history, ledger, chain } = owner
    const account = chain.account
    const fromBlock = (await history.head()).number + 1
    const node = (await bench().bonded(owner)).address
    const work = await bench().pay(owner, dollars(20))
    await economy.sponsor(COVERAGE, dollars(2))
    await fixture.setProgram(COVERAGE, 'sponsored', false)
    await fixture.setProgram(COVERAGE, 'sponsored', true)
    await bench().passEpoch()
    await bench().buy(owner)
    const sale = await economy.saleOf(work.epoch)
    const due = await economy.accruable(work.operator, work.epoch)
    await economy.accrue(work.operator, [work.epoch])
    const result = bench().resultOf(UTILITY, work.operator, due)
    await bench().makeFinal(owner, node, result)
    await economy.claimReward({ program: UTILITY, operator: work.operator, cumulative: due, proof: [] })
    const head = await history.head()
    const span = { fromBlock, toBlock: head.number }

    const [claims] = await history.claims(span)
    const { operator, node: worker, voucherSigner, channel, epoch } = work
    const credited = { node: worker, operator, grossMicroUsd: dollars(20), feeMicroUsd: dollars(1) }
    const parts = [{ channel, grossMicroUsd: dollars(20) }]
    expect(claims).toMatchObject({ ...credited, logIndex: expect.any(Number), parts })
    expect(await chain.voucherSignerOf(channel)).toBe(voucherSigner)
    expect(await chain.voucherSignerOf(fixture.newSalt())).toBeUndefined()
    const burned = sale?.burnedTokenUnits ?? 0n
    const sold = { lastEpoch: epoch, feesMicroUsd: dollars(1), burnedTokenUnits: burned }
    expect(await history.sales(span)).toMatchObject([sold])
    expect(await history.bonds(span)).toMatchObject([{ node, operator: account }])
    expect(await history.programs(span)).toMatchObject([
      { program: COVERAGE, source: 'sponsored', isEnabled: false },
      { program: COVERAGE, source: 'sponsored', isEnabled: true },
    ])
    expect(await history.sponsorships(span)).toMatchObject([{ program: COVERAGE, amountMicroUsd: dollars(2) }])
    expect(await history.finalRoots(span)).toEqual([{ epoch, ...result }])

    const [booked] = await ledger.claims(span, operator)
    expect(booked).toMatchObject({ ...credited, blockNumber: claims?.blockNumber })
    expect(await ledger.claims(span, account)).toEqual([])
    const owed = await chain.owedMicroUsd(operator)
    expect(await ledger.payouts(span, operator)).toEqual([])
    await chain.payout(operator)
    const later = { fromBlock, toBlock: (await history.head()).number }
    expect(await ledger.payouts(later, operator)).toMatchObject([{ operator, amountMicroUsd: owed }])
    expect(await ledger.payouts(later, account)).toEqual([])
    expect(await ledger.lotsBought(span)).toMatchObject([{ ...sold, buyer: account, lot: 0n }])
    expect(await ledger.capsAccrued(span, operator)).toMatchObject([{ operator, epoch, tokenUnits: due }])
    const paid = { program: UTILITY, operator, amountUnits: due, cumulativeUnits: due }
    const [reward] = await ledger.rewardsPaid(span, operator)
    expect(reward).toMatchObject(paid)
    expect(await ledger.rewardsPaid(span, account)).toEqual([])
    const outcome = await chain.transaction(reward?.transaction ?? result.root)
    expect(outcome?.blockNumber).toBe(BigInt(reward?.blockNumber ?? -1))
    expect(await ledger.rootsProposed(span, epoch)).toMatchObject([{ epoch, attempt: 1, ...result }])
    expect(await ledger.rootsFinal(span)).toMatchObject([{ epoch, attempt: 1, ...result }])
    expect(await ledger.rootsFinal(span, epoch + 1)).toEqual([])
    expect(await economy.tokenBalance(operator)).toBe(due)
    expect(due).toBeLessThan(1_000_000n * TOKEN)
  })

  it('finds what is in a span, both ends included, and names the programs of the beginning', async () => {
    const owner = await bench().fixture.connect()
    const { history } = owner
    await bench().pay(owner, dollars(1))
    const [last] = (
      await history.claims({ fromBlock: history.firstBlock, toBlock: (await history.head()).number })
    ).slice(-1)
    const at = last?.blockNumber ?? 0
    expect(await history.claims({ fromBlock: at, toBlock: at })).toEqual([last])
    expect(await history.claims({ fromBlock: at + 1, toBlock: (await history.head()).number })).toEqual([])
    expect(await history.claims({ fromBlock: at + 1, toBlock: at })).toEqual([])
    const all = { fromBlock: history.firstBlock, toBlock: at }
    expect((await history.programs(all)).slice(0, 2)).toMatchObject([
      { program: UTILITY, source: 'minted', isEnabled: true },
      { program: COVERAGE, source: 'sponsored', isEnabled: true },
    ])
  })

  it('knows its blocks, and does not take a missing one for an empty one', async () => {
    const { fixture } = bench()
    const { history, chain } = await fixture.connect()
    await fixture.passSeconds(5)
    const head = await history.head()
    expect(await history.block(head.number)).toEqual(head)
    const before = await history.block(head.number - 1)
    expect(head.at - before.at).toBeGreaterThanOrEqual(5000)
    expect(head.hash).not.toBe(before.hash)
    expect(head.at).toBe(await chain.blockTime())
    await refusal(history.block(head.number + 50), 'CHAIN_BAD_ANSWER')
    const beyond = { fromBlock: 0, toBlock: head.number + 50 }
    await refusal(history.claims(beyond), 'CHAIN_BAD_ANSWER')
  })

  it('says CORE_STOPPED after it was stopped', async () => {
    const { chain, economy, history, ledger } = await bench().fixture.connect()
    await chain.stop()
    const span = { fromBlock: 0, toBlock: 0 }
    for (const call of [
      () => economy.proposal(),
      () => economy.finalize(1),
      () => history.head(),
      () => ledger.claims(span),
    ]) {
      await expect(call()).rejects.toSatisfy((error) => hasCode(error, 'CORE_STOPPED'))
    }
  })
}
