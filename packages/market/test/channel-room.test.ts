import { type Hash, type MicroUsd, microUsd } from '@stead/core'
import { beforeEach, describe, expect, it } from 'vitest'
import type { PayerChannel } from '../src/index.ts'
import { entryOf, World } from './world.ts'

const CHANNELS_MAX = 2
/** Longer than any other fork can undo a claim. */
const FINAL_MS = 16 * 60_000

describe('a provider that takes few channels of one payer', () => {
  let world: World
  let allocation: bigint
  beforeEach(async () => {
    // Quotes that outlive the test: what is tested are channels.
    world = new World({ provider: { channelsPerPayerMax: CHANNELS_MAX, quoteLifeMs: 86_400_000 } })
    allocation = 10_000n
    await world.start()
  })

  /** A channel of its own: each wants more than any other has left. */
  async function openAnother(): Promise<PayerChannel> {
    allocation *= 2n
    return await world.open(allocation)
  }

  async function deliver(channel: PayerChannel, amount: MicroUsd = microUsd(100n)): Promise<Uint8Array> {
    const reservation = channel.reserve(amount)
    if (reservation === undefined) throw new Error(`no room on a channel that is ${channel.state}`)
    const { delivery } = reservation
    const ask = { peer: world.payerKey.peer, channel: channel.id, delivery, maximumMicroUsd: amount }
    await world.provider.wake(ask)
    const entry = entryOf(delivery, amount)
    await world.provider.admit(ask).deliver(entry)
    reservation.accept(entry)
    return delivery
  }

  async function payAndClaim(): Promise<void> {
    expect((await world.within(world.payer.settle())).unsettled).toEqual([])
    expect((await world.within(world.provider.settle())).failed).toEqual([])
    await world.clock.advance(FINAL_MS)
  }

  async function isRefused(opening: Promise<unknown>): Promise<void> {
    const limit = { code: 'NETWORK_REMOTE', details: { remoteCode: 'MARKET_CHANNEL_LIMIT' } }
    await expect(opening).rejects.toMatchObject(limit)
  }

  /** Opens and uses as many as there may be, and one more, so that the first one rests. */
  async function restFirst(): Promise<{ readonly first: PayerChannel; readonly delivery: Uint8Array }> {
    const first = await openAnother()
    const delivery = await deliver(first)
    await payAndClaim()
    await deliver(await openAnother())
    await payAndClaim()
    await deliver(await openAnother())
    return { first, delivery }
  }

  async function paidOn(channel: Hash): Promise<bigint | undefined> {
    return (await world.provider.earnings()).channels.find((report) => report.channel === channel)?.paidMicroUsd
  }

  it('serves a payer for long: what is paid and claimed makes room', async () => {
    const used: PayerChannel[] = []
    for (let round = 0; round < 3 * CHANNELS_MAX; round++) {
      const channel = await openAnother()
      await deliver(channel)
      await payAndClaim()
      used.push(channel)
    }
    const { channels, grossMicroUsd } = await world.provider.earnings()
    expect(channels.map(({ state }) => state).sort()).toEqual([
      'open',
      'open',
      'resting',
      'resting',
      'resting',
      'resting',
    ])
    expect(grossMicroUsd).toBe(100n * BigInt(used.length))
  })

  it('goes on with the books of a channel that rested', async () => {
    const { first, delivery } = await restFirst()
    await world.within(world.payer.settle())
    await payAndClaim()
    await deliver(first, microUsd(70n))
    await world.within(world.payer.settle())
    expect(await paidOn(first.id)).toBe(170n)
    // Delivered once is delivered for good.
    const again = { peer: world.payerKey.peer, channel: first.id, delivery, maximumMicroUsd: microUsd(1n) }
    expect(() => world.provider.admit(again)).toThrow(expect.objectContaining({ code: 'MARKET_DELIVERY_REPEATED' }))
    await world.within(world.provider.settle())
    expect((await world.provider.earnings()).claimableMicroUsd).toBe(0n)
  })

  it('lets rest what rested before when it starts again, and knows what was delivered', async () => {
    const { first, delivery } = await restFirst()
    await payAndClaim()
    await world.restartProvider()
    const report = (await world.provider.earnings()).channels.find(({ channel }) => channel === first.id)
    expect(report).toMatchObject({ state: 'resting', paidMicroUsd: 100n, claimedMicroUsd: 100n })
    expect(await world.provider.hasDelivered({ channel: first.id, delivery })).toBe(true)
    expect(await world.provider.hasDelivered({ channel: first.id, delivery: new Uint8Array(16) })).toBe(false)
    // Claims of this night are looked at once more after a start.
    await world.clock.advance(1_000)
    await deliver(first)
    await world.within(world.payer.settle())
    expect(await paidOn(first.id)).toBe(200n)
  })

  it('keeps a channel that was woken when it starts again: its money is watched', async () => {
    const { first } = await restFirst()
    await payAndClaim()
    await deliver(first, microUsd(70n))
    await world.within(world.payer.settle())
    await world.restartProvider()
    expect((await world.provider.earnings()).channels.find(({ channel }) => channel === first.id)?.state).toBe('open')
    await world.payer.thaw(first.terms.purse)
    await world.clock.advance(24 * 3_600_000)
    expect((await world.provider.earnings()).channels.find(({ channel }) => channel === first.id)).toMatchObject({
      claimedMicroUsd: 170n,
    })
  })

  it('keeps what is not claimed, what is not paid, and what is in flight, and refuses another', async () => {
    const unclaimed = await openAnother()
    await deliver(unclaimed)
    await world.within(world.payer.settle())
    const unpaid = await openAnother()
    await deliver(unpaid)
    await isRefused(openAnother())
    await world.within(world.payer.settle())
    await isRefused(openAnother())
    expect((await world.provider.earnings()).channels.map(({ state }) => state)).toEqual(['open', 'open'])
  })

  it('keeps what a fork could still undo', async () => {
    for (let count = 0; count < CHANNELS_MAX; count++) await deliver(await openAnother())
    await world.within(world.payer.settle())
    await world.within(world.provider.settle())
    await isRefused(openAnother())
    await world.clock.advance(FINAL_MS)
    await expect(openAnother()).resolves.toMatchObject({ state: 'open' })
  })

  it('does not let many at once pass the limit that one may not', async () => {
    const quote = await world.quote()
    const shares = Array.from({ length: 3 * CHANNELS_MAX }, () => ({ quote, allocationMicroUsd: microUsd(50_000n) }))
    const { channels, refused } = await world.within(world.payer.openChannels(shares))
    const most = world.provider.sizes().find(({ what }) => what === 'channels of one payer')
    expect(most).toMatchObject({ have: CHANNELS_MAX, max: CHANNELS_MAX })
    expect(channels.length).toBeGreaterThanOrEqual(CHANNELS_MAX)
    expect(refused.map(({ error }) => error.details.remoteCode)).toEqual(refused.map(() => 'MARKET_CHANNEL_LIMIT'))
  })

  it('serves nothing on a channel whose purse began to thaw, or was closed, while it rested', async () => {
    const { first } = await restFirst()
    const ask = { peer: world.payerKey.peer, channel: first.id }
    await world.within(world.payer.thaw(first.terms.purse))
    await world.provider.wake(ask)
    expect(() => world.provider.leftMicroUsd(ask)).toThrow(expect.objectContaining({ code: 'MARKET_PURSE_THAWING' }))
    await payAndClaim()
    await openAnother()
    await world.clock.advance(86_402_000)
    await world.within(world.payer.close(first.terms.purse))
    const { state } = (await world.provider.earnings()).channels.find(({ channel }) => channel === first.id) ?? {}
    expect(state).toBe('resting')
    await expect(world.provider.wake(ask)).rejects.toMatchObject({ code: 'MARKET_PURSE_THAWING' })
  })

  it('keeps nothing of what was delivered on a channel whose books disagree, once what its voucher says is claimed', async () => {
    const first = await openAnother()
    const deliveredKeys = async () => (await world.providerStore.scan('market-provider-delivered')).length
    await deliver(first)
    const invented = first.reserve(microUsd(100n))
    if (invented === undefined) throw new Error('no room')
    invented.accept(entryOf(invented.delivery, microUsd(100n)))
    await world.within(world.payer.settle())
    expect(await deliveredKeys()).toBe(1)
    await world.within(world.provider.settle())
    await world.clock.advance(FINAL_MS)
    for (let round = 0; round < CHANNELS_MAX; round++) await openAnother()
    const { channels } = await world.provider.earnings()
    expect(channels.find(({ channel }) => channel === first.id)).toMatchObject({ state: 'broken', paidMicroUsd: 200n })
    expect(await deliveredKeys()).toBe(0)
  })

  it('does not wake a channel for another peer', async () => {
    const { first } = await restFirst()
    const ask = { peer: world.providerKey.peer, channel: first.id }
    await world.provider.wake(ask)
    expect(() => world.provider.leftMicroUsd(ask)).toThrow(expect.objectContaining({ code: 'MARKET_CHANNEL_UNKNOWN' }))
  })

  it('loses nothing when the disk refuses the row of the channel that gives way', async () => {
    const first = await openAnother()
    await deliver(first)
    await deliver(await openAnother())
    await payAndClaim()
    world.providerStore.failWrite(world.providerStore.writeCount + 1)
    await openAnother().catch(() => undefined)
    await deliver(first, microUsd(70n))
    await world.within(world.payer.settle())
    await world.restartProvider()
    expect(await paidOn(first.id)).toBe(170n)
  })
})
