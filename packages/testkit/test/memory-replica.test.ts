import { type Hash, hasCode, hash, microUsd, type Signer } from '@stead/core'
import { createSigner, nobleSecp256k1 } from '@stead/protocol'
import { beforeEach, describe, expect, it } from 'vitest'
import { buildTestPurse, type LedgerView, ManualClock, MemoryChain, MemoryLedger, MemoryReplica } from '../src/index.ts'

const signerOf = (byte: number): Signer => createSigner(nobleSecp256k1, new Uint8Array(32).fill(byte))
const SALT: Hash = hash(`0x${'07'.repeat(32)}`)
const [PAYER, PROVIDER, OPERATOR] = [signerOf(1), signerOf(2), signerOf(3)]
const ALLOCATION = microUsd(5_000_000n)
const GAS_WEI = 10n ** 18n

describe('an endpoint that is behind', () => {
  let ledger: MemoryLedger
  let clock: ManualClock
  let replica: MemoryReplica
  let purse: ReturnType<typeof buildTestPurse>
  let payer: MemoryChain
  /** Reads from the replica and sends to the chain. */
  let behind: MemoryChain

  async function chainOf({ address }: Signer, view?: () => LedgerView): Promise<MemoryChain> {
    const chain = new MemoryChain(ledger, address, view)
    await chain.start()
    return chain
  }

  beforeEach(async () => {
    clock = new ManualClock()
    ledger = new MemoryLedger({ clock })
    ledger.give(PAYER.address, { dollarMicroUsd: 10_000_000n, gasWei: GAS_WEI })
    ledger.give(OPERATOR.address, { gasWei: GAS_WEI })
    const leaf = { node: PROVIDER.address, operator: OPERATOR.address, allocationMicroUsd: ALLOCATION }
    purse = buildTestPurse(ledger.identity, { payer: PAYER.address, voucherKey: PAYER, salt: SALT }, [leaf])
    replica = new MemoryReplica(ledger)
    payer = await chainOf(PAYER)
    behind = await chainOf(OPERATOR, () => replica)
  })

  it('shows what was there when it caught up, all of one moment, until it catches up again', async () => {
    const before = await behind.blockTime()
    await clock.advance(60_000)
    await payer.fund(purse)
    const { transaction } = await payer.thaw(purse.purse)
    expect(await behind.purse(purse.purse)).toBeUndefined()
    expect(await behind.transaction(transaction)).toBeUndefined()
    expect(await behind.balances(PAYER.address)).toMatchObject({ dollarMicroUsd: 10_000_000n })
    expect([await behind.blockTime(), (await behind.history().head()).number]).toEqual([before, 0])
    await expect(behind.history().block(1)).rejects.toSatisfy((error) => hasCode(error, 'CHAIN_BAD_ANSWER'))
    replica.catchUp()
    expect(await behind.purse(purse.purse)).toEqual(await payer.purse(purse.purse))
    expect(await behind.transaction(transaction)).toEqual(await payer.transaction(transaction))
    expect(await behind.blockTime()).toBe(before + 60_000)
    expect(await behind.history().head()).toEqual(await payer.history().head())
  })

  it('goes back in time between two answers where another machine gives each', async () => {
    let answers = 0
    const flipping = await chainOf(OPERATOR, () => (answers++ % 2 === 0 ? ledger : replica))
    await payer.fund(purse)
    const seen = [await flipping.purse(purse.purse), await flipping.purse(purse.purse)]
    expect(seen.map((state) => state?.purse)).toEqual([purse.purse, undefined])
  })

  it('shows a fork that has lost until it catches up', async () => {
    await payer.fund(purse)
    replica.catchUp()
    ledger.reorganise(1)
    expect(await payer.purse(purse.purse)).toBeUndefined()
    expect((await behind.purse(purse.purse))?.purse).toBe(purse.purse)
    replica.catchUp()
    expect(await behind.purse(purse.purse)).toBeUndefined()
    expect(await behind.history().head()).toEqual(await payer.history().head())
  })

  it('refuses a transaction that its old state does not allow, though the chain would, and nothing changes', async () => {
    await payer.fund(purse)
    const claim = purse.claimOf(0, microUsd(1_000_000n))
    const { number } = ledger.blocks.head
    await expect(behind.claim([claim])).rejects.toSatisfy((error) => hasCode(error, 'CHAIN_REVERTED'))
    expect([ledger.blocks.head.number, await payer.claimedMicroUsd(purse.channelOf(0))]).toEqual([number, 0n])
    expect((await payer.balances(OPERATOR.address)).gasWei).toBe(GAS_WEI)
    replica.catchUp()
    expect((await behind.claim([claim])).channels).toHaveLength(1)
    expect(await payer.claimedMicroUsd(purse.channelOf(0))).toBe(1_000_000n)
    // It took the transaction, and does not show it.
    expect(await behind.claimedMicroUsd(purse.channelOf(0))).toBe(0n)
  })

  it('takes an account for empty that was filled since', async () => {
    ledger.burnGas(OPERATOR.address, GAS_WEI)
    replica.catchUp()
    ledger.give(OPERATOR.address, { gasWei: GAS_WEI })
    await payer.fund(purse)
    const claim = behind.claim([purse.claimOf(0, microUsd(1n))])
    await expect(claim).rejects.toSatisfy((error) => hasCode(error, 'CHAIN_INSUFFICIENT_FUNDS'))
  })
})
