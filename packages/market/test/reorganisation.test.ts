import { hasCode } from '@stead/core'
import type { UndoneTransaction } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import { FUNDS, OPERATOR, PAYER_ACCOUNT, World } from './world.ts'

const MINUTE_MS = 60_000
/** So long another fork can undo what a block has. */
const FINAL_MS = 15 * MINUTE_MS
const PATIENT = { claimMinimumMicroUsd: 10_000_000n, claimCheckMs: 10_000 }

/** A provider with so much on vouchers of one channel. */
async function earned(world: World, amount: number): Promise<void> {
  await world.start()
  await world.open(5_000_000n)
  await earn(world, amount)
}

async function earn(world: World, amount: number): Promise<void> {
  for (let paid = 0; paid < amount; paid += 1_000) {
    await world.deliver(1_000, 1_000, paid)
    await world.clock.advance(10)
  }
  await world.within(world.payer.settle())
}

const settle = (world: World) => world.within(world.provider.settle())

async function books(world: World) {
  const { grossMicroUsd, gasMicroUsd, claimableMicroUsd, settlements } = await world.provider.earnings()
  const gross = settlements.map((settlement) => settlement.grossMicroUsd)
  return { grossMicroUsd, gasMicroUsd, claimableMicroUsd, gross }
}

const onlyOne = (undone: readonly UndoneTransaction[]): UndoneTransaction => {
  const [first, ...others] = undone
  if (first === undefined || others.length > 0) throw new Error(`${undone.length} transactions were undone`)
  return first
}

describe('a claim that another fork undoes', () => {
  it('counts as never made once the chain is asked, and is made again: counted once', async () => {
    const world = new World({ provider: PATIENT })
    await earned(world, 20_000)
    await settle(world)
    onlyOne(world.ledger.reorganise(1))
    expect(world.ledger.escrow.owedMicroUsd(OPERATOR)).toBe(0n)
    await world.clock.advance(11_000)
    expect(await books(world)).toEqual({
      grossMicroUsd: 0n,
      gasMicroUsd: 0n,
      claimableMicroUsd: 20_000n,
      gross: [],
    })
    await settle(world)
    expect(await books(world)).toMatchObject({ grossMicroUsd: 20_000n, claimableMicroUsd: 0n, gross: [20_000n] })
    expect(world.ledger.escrow.owedMicroUsd(OPERATOR)).toBe(19_000n)
    const before = await world.provider.earnings()
    await world.restartProvider()
    expect((await world.provider.earnings()).settlements).toEqual(before.settlements)
  })

  it('is noticed by the next process too, when this one dies first', async () => {
    const world = new World({ provider: PATIENT })
    await earned(world, 20_000)
    await settle(world)
    world.ledger.reorganise(1)
    await world.restartProvider()
    await world.clock.advance(11_000)
    expect(await books(world)).toMatchObject({ grossMicroUsd: 0n, claimableMicroUsd: 20_000n })
    await settle(world)
    expect(await books(world)).toMatchObject({ grossMicroUsd: 20_000n, claimableMicroUsd: 0n })
  })

  it('is in the books once, with its gas, when a later block takes it after all', async () => {
    const world = new World({ provider: PATIENT })
    await earned(world, 20_000)
    await settle(world)
    const { gasMicroUsd } = await books(world)
    const claim = onlyOne(world.ledger.reorganise(1))
    await world.clock.advance(11_000)
    expect(world.ledger.mineAgain(claim)).toBe(true)
    await world.clock.advance(11_000)
    expect(await books(world)).toEqual({ grossMicroUsd: 20_000n, gasMicroUsd, claimableMicroUsd: 0n, gross: [20_000n] })
  })

  it('and another one, mined in the other order, are in the books as the chain has them', async () => {
    const world = new World({ provider: PATIENT })
    await earned(world, 20_000)
    await settle(world)
    await earn(world, 10_000)
    await settle(world)
    expect((await books(world)).gross).toEqual([20_000n, 10_000n])
    for (const claim of world.ledger.reorganise(2).toReversed()) world.ledger.mineAgain(claim)
    await world.clock.advance(11_000)
    expect(await books(world)).toMatchObject({ grossMicroUsd: 30_000n, claimableMicroUsd: 0n, gross: [0n, 30_000n] })
  })

  it('is looked at for as long again once another block took it: that one may be undone too', async () => {
    const world = new World({ provider: PATIENT })
    await earned(world, 20_000)
    await settle(world)
    await world.clock.advance(FINAL_MS - MINUTE_MS)
    // Another block than before: its own is gone, and this one comes after what another fork mined meanwhile.
    const claim = onlyOne(world.ledger.reorganise(1))
    await world.clock.advance(MINUTE_MS / 2)
    world.ledger.mineAgain(claim)
    await world.clock.advance(FINAL_MS - MINUTE_MS)
    world.ledger.reorganise(1)
    await world.clock.advance(MINUTE_MS / 2)
    expect(await books(world)).toMatchObject({ grossMicroUsd: 0n, claimableMicroUsd: 20_000n })
  })

  it('is looked at for as long again when it comes back after nobody looked for it any more', async () => {
    const world = new World({ provider: PATIENT })
    await earned(world, 20_000)
    await settle(world)
    const claim = onlyOne(world.ledger.reorganise(1))
    await world.clock.advance(FINAL_MS + MINUTE_MS)
    expect(await books(world)).toMatchObject({ grossMicroUsd: 0n, claimableMicroUsd: 20_000n })
    world.ledger.mineAgain(claim)
    await settle(world)
    expect(await books(world)).toMatchObject({ grossMicroUsd: 20_000n, claimableMicroUsd: 0n })
    await world.clock.advance(MINUTE_MS)
    world.ledger.reorganise(1)
    await world.clock.advance(MINUTE_MS)
    expect(await books(world)).toMatchObject({ grossMicroUsd: 0n, claimableMicroUsd: 20_000n })
  })

  it('is claimed again with its branch, also when the reorganisation comes between two looks', async () => {
    const world = new World({ provider: PATIENT })
    await earned(world, 20_000)
    await settle(world)
    world.ledger.reorganise(1)
    await earn(world, 5_000)
    const { failed } = await settle(world)
    expect(failed).toEqual([])
    expect(await books(world)).toMatchObject({ grossMicroUsd: 25_000n, claimableMicroUsd: 0n })
  })
})

describe('a purse whose funding another fork undoes', () => {
  it('is served no more once the chain is asked, is locked again, and pays for what was delivered', async () => {
    const world = new World({ provider: PATIENT })
    await earned(world, 20_000)
    world.ledger.setOutage('none')
    world.ledger.reorganise(1)
    expect(world.ledger.balances(PAYER_ACCOUNT).dollarMicroUsd).toBe(FUNDS)
    await world.clock.advance(10_500)
    const [channel] = world.payer.channels()
    if (channel === undefined) throw new Error('no channel')
    const ask = { peer: world.payerKey.peer, channel: channel.id, delivery: new Uint8Array(16).fill(7) }
    const admit = () => world.provider.admit({ ...ask, maximumMicroUsd: 1_000n as never })
    expect(admit).toThrow(expect.toSatisfy((error: unknown) => hasCode(error, 'MARKET_PURSE_UNKNOWN')))
    await world.clock.advance(31_000)
    expect(world.ledger.balances(PAYER_ACCOUNT).dollarMicroUsd).toBe(FUNDS - 5_000_000n)
    admit().release()
    await earn(world, 5_000)
    expect((await settle(world)).failed).toEqual([])
    expect(await books(world)).toMatchObject({ grossMicroUsd: 25_000n, claimableMicroUsd: 0n })
  })

  it('is locked again by a payer that had nothing to look after for a while', async () => {
    const world = new World({ provider: PATIENT })
    await world.start()
    await world.open(1_000_000n)
    const [first] = await world.payer.purses()
    if (first === undefined) throw new Error('no purse')
    await world.within(world.payer.thaw(first.purse))
    world.ledger.passSeconds(86_402)
    await world.within(world.payer.close(first.purse))
    // The look that was due for that purse finds nothing young any more.
    await world.clock.advance(31_000)
    await world.open(5_000_000n)
    world.ledger.reorganise(1)
    expect(world.ledger.balances(PAYER_ACCOUNT).dollarMicroUsd).toBe(FUNDS)
    await world.clock.advance(31_000)
    expect(world.ledger.balances(PAYER_ACCOUNT).dollarMicroUsd).toBe(FUNDS - 5_000_000n)
  })

  it('and its thaw as well, is locked again for what was signed on it, and thaws anew', async () => {
    const world = new World({ provider: PATIENT })
    await earned(world, 20_000)
    const [purse] = await world.payer.purses()
    if (purse === undefined) throw new Error('no purse')
    await world.within(world.payer.thaw(purse.purse))
    world.ledger.reorganise(2)
    expect(world.ledger.balances(PAYER_ACCOUNT).dollarMicroUsd).toBe(FUNDS)
    await world.clock.advance(31_000)
    expect(world.ledger.escrow.purse(purse.purse)?.thawEndsAt).toBeDefined()
    await settle(world)
    expect(await books(world)).toMatchObject({ grossMicroUsd: 20_000n, claimableMicroUsd: 0n })
  })

  it('is locked again by the next process of its payer, and only once when the old transaction is mined too', async () => {
    const world = new World({ provider: PATIENT })
    await earned(world, 20_000)
    const funding = onlyOne(world.ledger.reorganise(1))
    await world.restartPayer()
    await world.clock.advance(31_000)
    expect(world.ledger.mineAgain(funding)).toBe(false)
    expect(world.ledger.balances(PAYER_ACCOUNT).dollarMicroUsd).toBe(FUNDS - 5_000_000n)
    await settle(world)
    expect(await books(world)).toMatchObject({ grossMicroUsd: 20_000n, claimableMicroUsd: 0n })
  })
})

describe('a thaw that another fork undoes', () => {
  it('lets the channel serve again, and is sent again when the payer asks again', async () => {
    const world = new World({ provider: { ...PATIENT, thawMarginMs: 1_000 } })
    await earned(world, 20_000)
    const [purse] = await world.payer.purses()
    if (purse === undefined) throw new Error('no purse')
    await world.within(world.payer.thaw(purse.purse))
    await world.clock.advance(10)
    const stage = async () => (await world.provider.earnings()).channels[0]?.state
    expect(await stage()).toBe('thawing')
    onlyOne(world.ledger.reorganise(1))
    await world.clock.advance(11_000)
    expect(await stage()).toBe('open')
    await world.within(world.payer.thaw(purse.purse))
    expect(world.ledger.escrow.purse(purse.purse)?.thawEndsAt).toBeDefined()
    await world.clock.advance(11_000)
    expect(await stage()).toBe('thawing')
  })

  it('and a closing: the money comes back once', async () => {
    const world = new World({ provider: { ...PATIENT, thawMarginMs: 1_000 } })
    await earned(world, 20_000)
    const [purse] = await world.payer.purses()
    if (purse === undefined) throw new Error('no purse')
    await settle(world)
    await world.within(world.payer.thaw(purse.purse))
    world.ledger.passSeconds(86_402)
    await world.within(world.payer.close(purse.purse))
    onlyOne(world.ledger.reorganise(1))
    expect(world.ledger.balances(PAYER_ACCOUNT).dollarMicroUsd).toBe(FUNDS - 5_000_000n)
    expect(await world.within(world.payer.close(purse.purse))).toMatchObject({ stage: 'closed' })
    await world.within(world.payer.close(purse.purse))
    expect(world.ledger.balances(PAYER_ACCOUNT).dollarMicroUsd).toBe(FUNDS - 20_000n)
  })

  it('and a closing, while nobody looked: the money comes back once', async () => {
    for (const downMs of [0, 2 * FINAL_MS]) {
      const world = new World({ provider: { ...PATIENT, thawMarginMs: 1_000 } })
      await earned(world, 20_000)
      const [purse] = await world.payer.purses()
      if (purse === undefined) throw new Error('no purse')
      await settle(world)
      await world.within(world.payer.thaw(purse.purse))
      world.ledger.passSeconds(86_402)
      await world.within(world.payer.close(purse.purse))
      await world.payer.stop()
      world.killPayer()
      onlyOne(world.ledger.reorganise(1))
      await world.clock.advance(downMs)
      await world.startPayer()
      await world.clock.advance(31_000)
      expect(world.ledger.balances(PAYER_ACCOUNT).dollarMicroUsd).toBe(FUNDS - 20_000n)
      await world.clock.advance(FINAL_MS)
      expect(await world.payer.purses()).toMatchObject([{ stage: 'closed' }])
    }
  })
})
