import { type Hash, hasCode } from '@stead/core'
import type { TestPurse } from '@stead/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { EvmChain } from '../src/index.ts'
import { buildPurse, type Devnet, dollars, newSigner, startDevnet } from './devnet.ts'
import { FlakyLink } from './flaky-link.ts'

describe('an endpoint that comes and goes', () => {
  let devnet: Devnet
  let link: FlakyLink
  beforeAll(async () => {
    devnet = await startDevnet()
    link = new FlakyLink(devnet.anvil.rpcUrl)
    await link.mend()
  })
  afterAll(async () => {
    await devnet.stop()
    await link.cut()
  })

  async function fundedPurse(payer: EvmChain): Promise<TestPurse> {
    const purse = buildPurse(devnet.book, { payer: payer.account, voucherKey: newSigner() }, [dollars(1)])
    await payer.fund(purse)
    return purse
  }

  it('tells of every purse that thaws, once, also of those that did during the outage', async () => {
    const payer = await devnet.connect()
    const watcher = await devnet.connect({ rpcUrl: link.url, thawPollMs: 50, requestTimeoutMs: 500 })
    const seen: Hash[] = []
    const endsAt: number[] = []
    const stop = watcher.watchThaws((purse, ends) => {
      seen.push(purse)
      endsAt.push(ends)
    })
    const first = await fundedPurse(payer)
    const thawed = await payer.thaw(first.purse)
    await expect.poll(() => seen, { timeout: 10_000 }).toEqual([first.purse])
    expect(endsAt).toEqual([thawed.endsAt])

    await link.cut()
    const during = [await fundedPurse(payer), await fundedPurse(payer)]
    for (const purse of during) await payer.thaw(purse.purse)
    // More blocks than the watch looks back on its own.
    await devnet.rpc('anvil_mine', '0x28')
    await expect(watcher.blockTime()).rejects.toSatisfy((error) => hasCode(error, 'CHAIN_UNREACHABLE'))
    await link.mend()
    const after = await fundedPurse(payer)
    await payer.thaw(after.purse)
    const all = [first, ...during, after].map((purse) => purse.purse)
    await expect.poll(() => seen, { timeout: 10_000 }).toEqual(all)

    stop()
    const unseen = await fundedPurse(payer)
    await payer.thaw(unseen.purse)
    const other: Hash[] = []
    watcher.watchThaws((purse) => other.push(purse))
    await expect.poll(() => other, { timeout: 10_000 }).toEqual([unseen.purse])
    expect(seen).toEqual(all)
  })

  it('does not let one callback that throws keep the news from the others', async () => {
    const payer = await devnet.connect()
    const watcher = await devnet.connect({ thawPollMs: 50 })
    const seen: Hash[] = []
    watcher.watchThaws(() => {
      throw new Error('a bug elsewhere')
    })
    watcher.watchThaws((purse) => seen.push(purse))
    const purse = await fundedPurse(payer)
    await payer.thaw(purse.purse)
    await expect.poll(() => seen, { timeout: 10_000 }).toEqual([purse.purse])
  })

  it('sees a claim through that was sent just before the outage', async () => {
    const payer = await devnet.connect()
    const provider = await devnet.connect()
    const purse = await fundedPurse(payer)
    const signer = newSigner()
    await devnet.give(signer.address, { gasWei: (10n ** 18n) as never })
    const remote = await devnet.connect({ rpcUrl: link.url, receiptPollMaxMs: 50, requestTimeoutMs: 500 }, signer)
    await devnet.rpc('evm_setAutomine', false)
    const claim = remote.claim([purse.claimOf(0, dollars(1))])
    await expect
      .poll(async () => ((await devnet.rpc('txpool_status')) as { pending: string }).pending, { timeout: 10_000 })
      .toBe('0x1')
    await link.cut()
    await devnet.rpc('evm_setAutomine', true)
    await devnet.rpc('evm_mine')
    expect(await provider.claimedMicroUsd(purse.channelOf(0))).toBe(dollars(1))
    await link.mend()
    const outcome = await claim
    expect(outcome.channels.map((channel) => channel.channel)).toEqual([purse.channelOf(0)])
  })
})
