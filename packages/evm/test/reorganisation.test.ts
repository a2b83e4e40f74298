import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { buildPurse, type Devnet, dollars, newSigner, startDevnet } from './devnet.ts'

describe('a chain on which another fork wins', () => {
  let devnet: Devnet
  beforeAll(async () => {
    devnet = await startDevnet()
  })
  afterEach(() => devnet.rpc('evm_setAutomine', true))
  afterAll(() => devnet.stop())

  const mine = (blocks = 1): Promise<unknown> => devnet.rpc('anvil_mine', `0x${blocks.toString(16)}`)
  const undo = (depth: number): Promise<unknown> => devnet.rpc('anvil_reorg', depth, [])
  const purseOf = (payer: { account: ReturnType<typeof newSigner>['address'] }) =>
    buildPurse(devnet.book, { payer: payer.account, voucherKey: newSigner() }, [dollars(1)])

  it('undoes what had one confirmation: the adapter says so, and what is sent again is there once', async () => {
    const [payer, provider] = [await devnet.connect(), await devnet.connect()]
    const purse = purseOf(payer)
    await payer.fund(purseOf(payer))
    await payer.fund(purse)
    const claim = await provider.claim([purse.claimOf(0, dollars(0.5))])
    await undo(2)
    expect(await payer.transaction(claim.transaction)).toBeUndefined()
    expect(await payer.purse(purse.purse)).toBeUndefined()
    expect(await payer.claimedMicroUsd(purse.channelOf(0))).toBe(0n)
    expect((await payer.balances(payer.account)).dollarMicroUsd).toBe(dollars(999))
    await payer.fund(purse)
    await provider.claim([purse.claimOf(0, dollars(0.5))])
    expect(await provider.claimedMicroUsd(purse.channelOf(0))).toBe(dollars(0.5))
    expect((await payer.balances(payer.account)).dollarMicroUsd).toBe(dollars(998))
  })

  it('shows a purse only once it is as deep as the operator asks', async () => {
    const payer = await devnet.connect()
    const careful = await devnet.connect({ confirmations: 3 })
    const purse = purseOf(payer)
    await payer.fund(purse)
    expect(await careful.purse(purse.purse)).toBeUndefined()
    await mine()
    expect(await careful.purse(purse.purse)).toBeUndefined()
    await mine()
    expect(await careful.purse(purse.purse)).toMatchObject({ totalMicroUsd: dollars(1) })
  })

  it('is not noticed by whoever waits for more confirmations than it undoes: the transaction is offered again', async () => {
    const watcher = await devnet.connect()
    const payer = await devnet.connect({ confirmations: 3, feeBumpAfterMs: 500, receiptPollMaxMs: 50 })
    await devnet.rpc('evm_setIntervalMining', 1)
    await payer.fund(purseOf(payer))
    await devnet.rpc('evm_setIntervalMining', 0)
    const purse = purseOf(payer)
    const funding = payer.fund(purse)
    const isFunded = async (): Promise<boolean> => (await watcher.purse(purse.purse)) !== undefined
    await expect.poll(async () => ((await devnet.rpc('txpool_status')) as { pending: string }).pending).toBe('0x1')
    await mine()
    expect(await isFunded()).toBe(true)
    await undo(1)
    expect(await isFunded()).toBe(false)
    await devnet.rpc('evm_setIntervalMining', 1)
    const { purse: id, ...outcome } = await funding
    await devnet.rpc('evm_setIntervalMining', 0)
    expect(id).toBe(purse.purse)
    expect(await payer.transaction(outcome.transaction)).toEqual(outcome)
    expect((await payer.balances(payer.account)).dollarMicroUsd).toBe(dollars(998))
  }, 60_000)
})
