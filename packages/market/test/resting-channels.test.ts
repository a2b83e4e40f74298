import { type Hash, microUsd } from '@stead/core'
import { MemoryChain } from '@stead/testkit'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { PayerChannel } from '../src/index.ts'
import { entryOf, World } from './world.ts'

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS
/** Longer than any other fork can undo a claim. */
const FINAL_MS = 16 * MINUTE_MS

describe('what a provider keeps of channels that are over', () => {
  let world: World
  let allocation: bigint
  beforeEach(async () => {
    world = new World({ provider: { channelsPerPayerMax: 1, quoteLifeMs: DAY_MS } })
    allocation = 10_000n
    await world.start()
  })
  afterEach(() => {
    vi.restoreAllMocks()
  })

  /** A channel of its own: each wants more than any other has left. */
  async function openAnother(): Promise<PayerChannel> {
    allocation *= 2n
    return await world.open(allocation)
  }

  async function deliver(channel: PayerChannel, isWanted = true): Promise<void> {
    const maximumMicroUsd = microUsd(100n)
    const reservation = channel.reserve(maximumMicroUsd)
    if (reservation === undefined) throw new Error(`no room on a channel that is ${channel.state}`)
    const { delivery } = reservation
    const entry = entryOf(delivery, 100n)
    const ask = { peer: world.payerKey.peer, channel: channel.id, delivery, maximumMicroUsd }
    await world.provider.admit(ask).deliver(entry)
    if (isWanted) reservation.accept(entry)
    else reservation.reject('wrong-result')
  }

  /** A channel that is paid and claimed, and rests for the sake of the one that is opened after it. */
  async function restOne(): Promise<PayerChannel> {
    const channel = await openAnother()
    await deliver(channel)
    await world.within(world.payer.settle())
    await world.within(world.provider.settle())
    await world.clock.advance(FINAL_MS)
    return channel
  }

  async function closePurse({ terms: { purse } }: PayerChannel): Promise<void> {
    await world.within(world.payer.thaw(purse))
    world.ledger.passSeconds(86_402)
    await world.within(world.payer.close(purse))
  }

  async function stateOf(id: Hash): Promise<string | undefined> {
    return (await world.provider.earnings()).channels.find(({ channel }) => channel === id)?.state
  }

  async function rowsOf(table: string, id?: Hash): Promise<number> {
    const range = id === undefined ? {} : { prefix: id.slice(2) }
    return (await world.providerStore.scan(`market-provider-${table}`, range)).length
  }

  it('is nothing but receipts once the purse of one that rests is closed', async () => {
    const first = await restOne()
    await openAnother()
    expect(await stateOf(first.id)).toBe('resting')
    expect(await rowsOf('seen', first.id)).toBe(1)
    await closePurse(first)
    await world.clock.advance(DAY_MS + 5 * MINUTE_MS)
    expect(await stateOf(first.id)).toBe('closed')
    expect(await rowsOf('seen', first.id)).toBe(0)
    expect(await world.provider.receipts({ channel: first.id })).toHaveLength(2)
    const ask = { peer: world.payerKey.peer, channel: first.id }
    await world.provider.wake(ask)
    expect(() => world.provider.leftMicroUsd(ask)).toThrow(expect.objectContaining({ code: 'MARKET_CHANNEL_UNKNOWN' }))
    expect((await world.provider.earnings()).channels.find(({ channel }) => channel === first.id)).toMatchObject({
      paidMicroUsd: 100n,
      claimedMicroUsd: 100n,
    })
  })

  it('stays while the purse of one that rests is open, and is swept by the next process too', async () => {
    const first = await restOne()
    await openAnother()
    await world.clock.advance(DAY_MS / 2)
    expect(await stateOf(first.id)).toBe('resting')
    expect(await rowsOf('seen', first.id)).toBe(1)
    await closePurse(first)
    await world.restartProvider()
    await world.clock.advance(5 * MINUTE_MS)
    expect(await stateOf(first.id)).toBe('closed')
    expect(await rowsOf('seen', first.id)).toBe(0)
  })

  it('costs a question a day for each purse of one that rests, and few at a time', async () => {
    for (let count = 0; count < 9; count++) await restOne()
    await openAnother()
    // Whoever pays asks as well, about what it locked a moment ago.
    await world.payer.stop()
    const asked = vi.spyOn(MemoryChain.prototype, 'purse')
    await world.clock.advance(DAY_MS)
    asked.mockClear()
    let most = 0
    for (let minute = 0; minute < 2 * 24 * 60; minute++) {
      const before = asked.mock.calls.length
      await world.clock.advance(MINUTE_MS)
      most = Math.max(most, asked.mock.calls.length - before)
    }
    expect(asked.mock.calls.length).toBe(2 * 9)
    expect(most).toBeLessThanOrEqual(4)
  })

  it('waits while the chain does not answer', async () => {
    const first = await restOne()
    await openAnother()
    await closePurse(first)
    world.ledger.setOutage('unreachable')
    await world.clock.advance(DAY_MS)
    expect(await stateOf(first.id)).toBe('resting')
    world.ledger.setOutage('none')
    await world.clock.advance(DAY_MS + 10 * MINUTE_MS)
    expect(await stateOf(first.id)).toBe('closed')
  })

  it('is nothing where everything was rejected', async () => {
    // Who is known here pays nothing ahead.
    await restOne()
    const first = await openAnother()
    await deliver(first, false)
    await world.clock.advance(MINUTE_MS)
    expect(await rowsOf('seen', first.id)).toBe(1)
    await openAnother()
    expect(await stateOf(first.id)).toBeUndefined()
    expect(await rowsOf('seen', first.id)).toBe(0)
  })

  it('is nothing where everything was rejected before this process began', async () => {
    // Who is known here pays nothing ahead.
    await restOne()
    const first = await openAnother()
    await deliver(first, false)
    await world.clock.advance(MINUTE_MS)
    await world.restartProvider()
    await openAnother()
    expect(await stateOf(first.id)).toBeUndefined()
    expect(await rowsOf('seen', first.id)).toBe(0)
  })

  it('is its voucher where a payer paid for what was never delivered', async () => {
    await restOne()
    const first = await openAnother()
    const invented = first.reserve(microUsd(100n))
    invented?.accept(entryOf(invented.delivery, microUsd(100n)))
    await world.within(world.payer.settle())
    await world.within(world.provider.settle())
    await world.clock.advance(FINAL_MS)
    await openAnother()
    const { channels } = await world.provider.earnings()
    expect(channels.find(({ channel }) => channel === first.id)).toMatchObject({
      state: 'broken',
      paidMicroUsd: 100n,
      claimedMicroUsd: 100n,
    })
  })
})
