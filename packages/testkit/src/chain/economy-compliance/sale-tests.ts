import { expect, it } from 'vitest'
import { COMPLIANCE_TERMS, dollars, type EconomyBench, refusal } from './bench.ts'

/** Fees and their sale at a falling price. */
export function saleTests(bench: () => EconomyBench): void {
  it('sells what was collected in epochs that are over, together with what nobody bought before', async () => {
    const [payer, buyer] = [await bench().fixture.connect(), await bench().fixture.connect()]
    const { economy } = buyer
    const account = buyer.chain.account
    await bench().passEpoch()
    const first = await bench().pay(payer, dollars(40))
    expect(await economy.feesOf(first.epoch, first.operator)).toBe(dollars(2))
    expect(await economy.lotForSale()).toMatchObject({ lot: 0n, feesMicroUsd: 0n, costTokenUnits: 0n })
    const { minimumLotMicroUsd, halvingSeconds } = await economy.saleTerms()
    expect([minimumLotMicroUsd, halvingSeconds]).toEqual([1n, Math.floor(COMPLIANCE_TERMS.epochSeconds / 24)])
    expect(await refusal(economy.buyLot(0n, 0n))).toEqual({ error: 'LotTooSmall', fees: 0n, minimum: 1n })

    await bench().passEpoch()
    expect((await economy.lotForSale()).feesMicroUsd).toBe(dollars(2))
    const second = await bench().pay(payer, dollars(20), first)
    expect((await economy.lotForSale()).feesMicroUsd).toBe(dollars(2))
    expect(await economy.saleOf(first.epoch)).toBeUndefined()
    await bench().passEpoch()
    const { feesMicroUsd, priceTokenUnits, costTokenUnits } = await economy.lotForSale()
    expect(feesMicroUsd).toBe(dollars(3))
    expect(costTokenUnits).toBe(priceTokenUnits * feesMicroUsd)
    await bench().fixture.passSeconds(2 * halvingSeconds)
    const later = await economy.lotForSale()
    // A quarter, but for the seconds that pass between two questions.
    expect(later.priceTokenUnits).toBeLessThanOrEqual(priceTokenUnits / 4n)
    expect(later.priceTokenUnits).toBeGreaterThan(priceTokenUnits / 6n)

    expect(await refusal(economy.buyLot(1n, costTokenUnits), 'CHAIN_PRICE_MOVED')).toEqual({
      error: 'LotNotForSale',
      lot: 1n,
      next: 0n,
    })
    expect(await refusal(economy.buyLot(0n, 5n), 'CHAIN_PRICE_MOVED')).toMatchObject({
      error: 'LotTooExpensive',
      allowedTokenUnits: 5n,
    })
    const tokens = await economy.tokenBalance(account)
    await economy.buyLot(0n, costTokenUnits)
    const sale = await economy.saleOf(first.epoch)
    expect(sale).toMatchObject({ lastEpoch: second.epoch, feesMicroUsd: dollars(3), kappaBps: 8000 })
    expect(await economy.saleOf(second.epoch)).toEqual(sale)
    expect(await economy.saleOf(second.epoch + 1)).toBeUndefined()
    expect(sale?.soldAt).toBe(await buyer.chain.blockTime())
    expect(tokens - (await economy.tokenBalance(account))).toBe(sale?.burnedTokenUnits)
    expect((sale?.burnedTokenUnits ?? 0n) % dollars(3)).toBe(0n)
    expect((await buyer.chain.balances(account)).dollarMicroUsd).toBe(dollars(1003))
    expect(await economy.lotForSale()).toMatchObject({ lot: 1n, feesMicroUsd: 0n })
    expect(await economy.feesOf(first.epoch, first.operator)).toBe(dollars(2))
  })

  it('begins the next sale at twice the last price, and falls from there again in each epoch', async () => {
    const account = await bench().fixture.connect()
    const { economy } = account
    const work = await bench().pay(account, dollars(10))
    await bench().passEpoch()
    await bench().buy(account)
    const sale = await economy.saleOf(work.epoch)
    const price = (sale?.burnedTokenUnits ?? 0n) / (sale?.feesMicroUsd ?? 1n)
    const { epochSeconds } = COMPLIANCE_TERMS
    const { genesisAt } = await economy.epochTerms()
    const elapsed = Math.floor((await account.chain.blockTime()) / 1000 - genesisAt / 1000) % epochSeconds
    await bench().fixture.passSeconds(epochSeconds - elapsed)
    const { priceTokenUnits } = await economy.lotForSale()
    expect(priceTokenUnits).toBeLessThanOrEqual(2n * price)
    expect(priceTokenUnits).toBeGreaterThan((18n * price) / 10n)
  })
}
