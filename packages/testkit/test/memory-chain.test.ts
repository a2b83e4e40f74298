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
