import { type Hash, hasCode, hash, microUsd, type Signer } from '@stead/core'
import { createSigner, nobleSecp256k1 } from '@stead/protocol'
import { describe, expect, it } from 'vitest'
import { chainCompliance } from '../src/compliance.ts'
import { buildTestPurse, ManualClock, MemoryChain, MemoryLedger, type TestPurse } from '../src/index.ts'

let made = 0
const newSigner = (): Signer => {
  const key = new Uint8Array(32).fill(0x17)
  new DataView(key.buffer).setUint32(0, ++made)
  return createSigner(nobleSecp256k1, key)
}
const newSalt = (): Hash => hash(`0x${(++made).toString(16).padStart(64, '0')}`)
const RICH = { dollarMicroUsd: 1_000_000_000n, gasWei: 10n ** 18n }

chainCompliance('MemoryChain', async () => {
  const ledger = new MemoryLedger({ clock: new ManualClock() })
  return {
    connect: async (signer) => {
      const owner = signer ?? newSigner()
      if (signer === undefined) ledger.give(owner.address, RICH)
      const chain = new MemoryChain(ledger, owner.address)
      await chain.start()
      return chain
    },
    newSigner,
    newSalt,
    passSeconds: async (seconds) => ledger.passSeconds(seconds),
    stop: async () => undefined,
  }
})

interface Scene {
  readonly ledger: MemoryLedger
  readonly payer: MemoryChain
  readonly purse: TestPurse
}

async function scene(): Promise<Scene> {
  const ledger = new MemoryLedger({ clock: new ManualClock() })
  const owner = newSigner()
  ledger.give(owner.address, RICH)
  const payer = new MemoryChain(ledger, owner.address)
  await payer.start()
  const leaf = { node: newSigner().address, operator: newSigner().address, allocationMicroUsd: microUsd(5_000_000n) }
  const parties = { payer: owner.address, voucherKey: newSigner(), salt: newSalt() }
  return { ledger, payer, purse: buildTestPurse(ledger.identity, parties, [leaf]) }
}

describe('a simulated chain out of order', () => {
  it('takes nothing while it is unreachable', async () => {
    const { ledger, payer, purse } = await scene()
    ledger.setOutage('unreachable')
    for (const call of [payer.fund(purse), payer.purse(purse.purse), payer.blockTime()])
      await expect(call).rejects.toSatisfy((error) => hasCode(error, 'CHAIN_UNREACHABLE'))
    ledger.setOutage('none')
    expect(await payer.purse(purse.purse)).toBeUndefined()
    expect(await payer.balances(payer.account)).toEqual(RICH)
  })

  it('takes a transaction and loses the answer: asking again finds it done', async () => {
    const { ledger, payer, purse } = await scene()
    ledger.setOutage('answers-lost')
    await expect(payer.fund(purse)).rejects.toSatisfy((error) => hasCode(error, 'CHAIN_UNREACHABLE'))
    ledger.setOutage('none')
    expect((await payer.fund(purse)).purse).toBe(purse.purse)
    expect((await payer.balances(payer.account)).dollarMicroUsd).toBe(995_000_000n)
  })

  it('tells after an outage what thawed during it', async () => {
    const { ledger, payer, purse } = await scene()
    await payer.fund(purse)
    const watcher = new MemoryChain(ledger, newSigner().address)
    await watcher.start()
    const seen: Hash[] = []
    watcher.watchThaws((id) => seen.push(id))
    ledger.setOutage('answers-lost')
    await expect(payer.thaw(purse.purse)).rejects.toThrow()
    expect(seen).toEqual([])
    ledger.setOutage('none')
    expect(seen).toEqual([purse.purse])
  })

  it('holds exactly what it was given and has not paid', async () => {
    const { ledger, payer, purse } = await scene()
    await payer.fund(purse)
    await payer.claim([purse.claimOf(0, microUsd(3_333_333n))])
    expect(ledger.escrow.heldMicroUsd).toBe(5_000_000n)
    await payer.payout(purse.termsOf(0).operator)
    expect(ledger.escrow.heldMicroUsd).toBe(5_000_000n - 3_333_333n + ledger.escrow.feesHeldMicroUsd)
    expect(ledger.escrow.feesHeldMicroUsd).toBe(166_666n)
  })
})

describe('a simulated chain on which another fork wins', () => {
  const claimed = async ({ ledger, payer, purse }: Scene) => {
    const operator = purse.termsOf(0).operator
    ledger.give(operator, { gasWei: 10n ** 18n })
    const provider = new MemoryChain(ledger, operator)
    await provider.start()
    const fund = await payer.fund(purse)
    const first = await provider.claim([purse.claimOf(0, microUsd(1_000_000n))])
    const second = await provider.claim([purse.claimOf(0, microUsd(3_000_000n))])
    return { provider, fund, first, second }
  }

  it('knows nothing of what it undid, and all value is where it was', async () => {
    const now = await scene()
    const { provider, fund, first, second } = await claimed(now)
    const { ledger, payer, purse } = now
    const { number } = ledger.blocks.head
    const undone = ledger.reorganise(3)
    expect(undone.map(({ id }) => id)).toEqual([fund, first, second].map(({ transaction }) => transaction))
    expect(ledger.blocks.head.number).toBe(number + 1)
    expect(await payer.purse(purse.purse)).toBeUndefined()
    expect(await provider.claimsOf([purse.termsOf(0)])).toEqual([])
    for (const { transaction } of [fund, first, second]) expect(await payer.transaction(transaction)).toBeUndefined()
    expect(await payer.balances(payer.account)).toEqual(RICH)
    expect(await provider.balances(provider.account)).toEqual({ dollarMicroUsd: 0n, gasWei: 10n ** 18n })
  })

  it('takes transactions again in another order, under their own names and in other blocks', async () => {
    const now = await scene()
    const { provider, first, second } = await claimed(now)
    const { ledger, purse } = now
    const [former, latter] = ledger.reorganise(2)
    if (former === undefined || latter === undefined) throw new Error('two were undone')
    expect(ledger.mineAgain(latter)).toBe(true)
    // Stale now: it is mined and changes nothing.
    expect(ledger.mineAgain(former)).toBe(true)
    const credited = await provider.claimsOf([purse.termsOf(0)])
    expect(credited.map(({ transaction, grossMicroUsd }) => [transaction, grossMicroUsd])).toEqual([
      [second.transaction, 3_000_000n],
    ])
    expect((await provider.transaction(second.transaction))?.blockNumber).not.toBe(second.blockNumber)
    expect((await provider.transaction(first.transaction))?.blockNumber).not.toBe(first.blockNumber)
    expect(() => ledger.mineAgain(former)).toThrow(TypeError)
  })

  it('refuses what depends on a transaction that never comes back, and takes its gas', async () => {
    const now = await scene()
    const { provider } = await claimed(now)
    const { ledger } = now
    const [, claim] = ledger.reorganise(3)
    if (claim === undefined) throw new Error('three were undone')
    expect(ledger.mineAgain(claim)).toBe(false)
    expect(ledger.balances(provider.account).gasWei).toBe(10n ** 18n - 90_000n * 1_000_000_000n)
  })

  it('gives no block of a fork the hash of another’s', async () => {
    const now = await scene()
    await claimed(now)
    const { blocks } = now.ledger
    const before = [1, 2, 3].map((number) => blocks.block(number).hash)
    now.ledger.reorganise(2)
    const after = [1, 2, 3, 4].map((number) => blocks.block(number).hash)
    expect(after[0]).toBe(before[0])
    expect(new Set([...before, ...after]).size).toBe(6)
  })

  it('charges the price of gas at the moment, and tells of a thaw once however often it is mined', async () => {
    const { ledger, payer, purse } = await scene()
    await payer.fund(purse)
    ledger.setGasPriceWei(7_000_000_000n)
    expect(await payer.gasPrice()).toBe(7_000_000_000n)
    const seen: Hash[] = []
    payer.watchThaws((id) => seen.push(id))
    const { gasUsed, gasCostWei } = await payer.thaw(purse.purse)
    expect(gasCostWei).toBe(gasUsed * 7_000_000_000n)
    const [thaw] = ledger.reorganise(1)
    expect((await payer.purse(purse.purse))?.thawEndsAt).toBeUndefined()
    if (thaw !== undefined) ledger.mineAgain(thaw)
    expect((await payer.purse(purse.purse))?.thawEndsAt).toBeDefined()
    expect(seen).toEqual([purse.purse])
    ledger.burnGas(payer.account, 10n ** 20n)
    await expect(payer.payout(payer.account)).rejects.toSatisfy((e) => hasCode(e, 'CHAIN_INSUFFICIENT_FUNDS'))
  })
})
