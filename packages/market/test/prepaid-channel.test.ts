import { microUsd } from '@stead/core'
import { loadSecp256k1 } from '@stead/protocol'
import { describe, expect, it } from 'vitest'
import { bundleReceipts, type PayerChannel, verifyReceiptChain } from '../src/index.ts'
import { World } from './world.ts'

const BUDGET = microUsd(5000n)

describe('a channel that is paid ahead', () => {
  it('has its whole sum on the first voucher, also after a crash before that, and deliveries consume it', async () => {
    const world = new World()
    await world.start()
    const share = { quote: await world.quote(), allocationMicroUsd: BUDGET, prepayMicroUsd: BUDGET }
    // The purse is locked and on disk; the channel is not opened yet.
    world.hub.setDefaultLink({ lossShare: 1 })
    void world.payer.openChannels([share]).catch(() => undefined)
    await world.clock.advance(2000)
    world.hub.setDefaultLink({})
    await world.restartPayer()
    await world.clock.advance(60_000)
    const onlyChannel = (): PayerChannel => {
      const [channel] = world.payer.channels()
      if (channel === undefined) throw new Error('no channel')
      return channel
    }
    const channel = onlyChannel()
    expect(channel.stats()).toMatchObject({ paidMicroUsd: BUDGET, prepaidMicroUsd: BUDGET, increments: 1 })
    const named = { peer: world.payerKey.peer, channel: channel.id }
    expect(world.provider.paidMicroUsd(named)).toBe(BUDGET)
    const renewed = await world.quote()
    await world.within(world.payer.renew(channel.id, renewed))
    await world.deliver(1200, 1500, 1)
    await world.within(world.payer.settle())
    expect(channel.stats()).toMatchObject({ paidMicroUsd: BUDGET, prepaidMicroUsd: 3800n, unpaidMicroUsd: 0n })
    const bundle = bundleReceipts(world.ledger.identity, await world.payer.receipts({}))
    expect(bundle.channels).toHaveLength(1)
    for (const chain of bundle.channels)
      expect(verifyReceiptChain(await loadSecp256k1(), world.ledger.identity, chain)).toMatchObject({ ok: true })
    // What another one was paid for is not used by a second share of this kind.
    const quote = await world.quote()
    const again = await world.within(world.payer.openChannels([{ ...share, quote }]))
    expect(again.channels.map(({ id }) => id)).not.toContain(channel.id)
    expect(again.channels).toHaveLength(1)
  })
})
