import { type FundRequest, hasCode, type MicroUsd, microUsd } from '@stead/core'
import { chainRefusal, type ManualClock, MemoryChain, MemoryStore } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import { PAYER_TABLES } from '../src/journal/tables.ts'
import { entryOf, FUNDS, PAYER_ACCOUNT, World } from './world.ts'

/** Is away for the first funding; takes others at once, and answers when their sender has long looked after its purses. */
class SlowChain extends MemoryChain {
  readonly #clock: ManualClock
  #fundings = 0

  constructor(clock: ManualClock, ...of: ConstructorParameters<typeof MemoryChain>) {
    super(...of)
    this.#clock = clock
  }

  override async fund(request: FundRequest): ReturnType<MemoryChain['fund']> {
    if (this.#fundings++ === 0) throw chainRefusal('CHAIN_UNREACHABLE', 'the endpoint is away')
    const outcome = await super.fund(request)
    await this.#clock.sleep(40_000)
    return outcome
  }
}

describe('money whose answer comes late', () => {
  it('has one channel, which pays once, though the chain shows the purse before the answer', async () => {
    const world: World = new World({ payerChain: (ledger, account) => new SlowChain(world.clock, ledger, account) })
    await world.start()
    const quote = await world.quote()
    // A purse in doubt: from now on the payer looks after its purses twice a minute.
    const inDoubt = world.payer.openChannels([{ quote, allocationMicroUsd: microUsd(1_000n) }])
    await expect(world.within(inDoubt)).rejects.toMatchObject({ code: 'CHAIN_UNREACHABLE' })
    await world.open(1_000_000n)
    expect(await world.deliver(100)).toBeDefined()
    expect((await world.within(world.payer.settle())).unsettled).toEqual([])
    expect(world.payer.channels()).toMatchObject([{ state: 'open', lostReason: undefined }])
    const { channels } = await world.provider.earnings()
    expect(channels.map(({ paidMicroUsd }) => paidMicroUsd)).toEqual([world.payer.channels()[0]?.stats().paidMicroUsd])
  })
})

describe('money that is on its way when something fails', () => {
  it('is found again when the chain took it and the answer was lost', async () => {
    const world = new World()
    await world.start()
    const quote = await world.quote()
    world.ledger.setOutage('answers-lost')
    const opening = world.payer.openChannels([{ quote, allocationMicroUsd: microUsd(1_000_000n) }])
    // The purse is read back at once, so the payer need not even notice.
    await world.within(opening)
    expect(world.ledger.balances(PAYER_ACCOUNT).dollarMicroUsd).toBe(FUNDS - 1_000_000n)
    expect(await world.payer.purses()).toMatchObject([{ stage: 'funded' }])
    world.ledger.setOutage('none')
    expect(world.payer.channels()[0]?.state).toBe('open')
  })

  it('stays away from a purse that thaws since a call whose answer was lost', async () => {
    const world = new World()
    await world.start()
    const first = await world.open()
    const { ledger } = world
    const { state } = ledger
    const thaw = state.thaw.bind(state)
    state.thaw = (...request) => {
      thaw(...request)
      ledger.setOutage('unreachable')
      throw new Error('gone')
    }
    await expect(world.within(world.payer.thaw(first.terms.purse))).rejects.toMatchObject({ code: 'CHAIN_UNREACHABLE' })
    ledger.setOutage('none')
    expect(ledger.escrow.purse(first.terms.purse)?.thawEndsAt).toBeDefined()
    expect(await world.payer.purses()).toMatchObject([{ stage: 'funded' }])
    // Its provider sees the thaw, and says so.
    await world.clock.advance(61_000)
    // The first share would fit into the channel that there is, the second one needs another.
    const shares = [500_000n, 2_000_000n].map(async (amount) => {
      return { quote: await world.quote(), allocationMicroUsd: microUsd(amount) }
    })
    const { channels } = await world.within(world.payer.openChannels(await Promise.all(shares)))
    expect(channels.map(({ terms }) => terms.allocationMicroUsd)).toEqual([500_000n, 2_000_000n])
    expect(channels.map(({ terms }) => terms.purse)).not.toContain(first.terms.purse)
    expect(first.state).toBe('thawing')
    const stages = (await world.payer.purses()).map(({ stage }) => stage)
    expect(stages.sort()).toEqual(['funded', 'funded', 'thawing'])
    expect(await world.deliver(100)).toBeDefined()
  })

  it('is found again when the chain could not even be asked, and its channel is used', async () => {
    const world = new World()
    await world.start()
    const quote = await world.quote()
    // The funding goes out, then nothing answers for a while.
    const { ledger } = world
    const { state } = ledger
    const give = state.fund.bind(state)
    state.fund = (...request) => {
      const purse = give(...request)
      ledger.setOutage('unreachable')
      throw Object.assign(new Error('gone'), { purse })
    }
    const opening = world.payer.openChannels([{ quote, allocationMicroUsd: microUsd(1_000_000n) }])
    await expect(world.within(opening)).rejects.toThrow('gone')
    expect(await world.payer.purses()).toMatchObject([{ stage: 'funding' }])
    ledger.setOutage('none')
    await world.clock.advance(31_000)
    expect(await world.payer.purses()).toMatchObject([{ stage: 'funded' }])
    expect(world.payer.channels()).toMatchObject([{ state: 'open' }])
    expect(await world.deliver(100)).toBeDefined()
    expect((await world.within(world.payer.settle())).unsettled).toEqual([])
  })

  it('is not there when the chain clearly refused', async () => {
    const world = new World()
    await world.start()
    const quote = await world.quote()
    world.ledger.give(PAYER_ACCOUNT, { gasWei: -(10n ** 18n) })
    const opening = world.payer.openChannels([{ quote, allocationMicroUsd: microUsd(1_000n) }])
    await expect(world.within(opening)).rejects.toMatchObject({ code: 'CHAIN_INSUFFICIENT_FUNDS' })
    expect(await world.payer.purses()).toEqual([])
    expect(world.payer.channels()).toEqual([])
    expect(await world.payerStore.scan('market-payer-channels')).toEqual([])
  })
})

describe('a receipt that the disk refuses', () => {
  it('is on disk before the next increment leaves, so that the chain of receipts has no hole', async () => {
    const world = new World({ payer: { payAfterMs: 60_000 } })
    await world.start()
    await world.open()
    for (let round = 0; round < 3; round++) {
      await world.deliver(100, 100, round)
      // Accepting writes a row, signing the next, the receipt the third.
      if (round === 1) world.payerStore.failWrite(2)
      await world.within(world.payer.settle())
    }
    const receipts = await world.payer.receipts({ completeOnly: true })
    expect(receipts.map(({ increment }) => increment.index)).toEqual([0, 1, 2, 3])
  })
})

describe('a loss of power', () => {
  it('of the payer: what it accepted and had not signed is given up, nothing is paid twice', async () => {
    const world = new World({ payer: { payAfterMs: 60_000 } })
    await world.start()
    await world.open()
    for (let i = 0; i < 5; i++) await world.deliver(100, 100, i)
    await world.within(world.payer.settle())
    for (let i = 5; i < 9; i++) await world.deliver(100, 100, i)
    world.hub.kill(world.payerKey.peer)
    world.payerStore.crash()
    world.payerStore = world.payerStore.reopen('power')
    await world.startPayer()
    await world.clock.advance(5_000)
    const [channel] = world.payer.channels()
    expect(channel).toMatchObject({ state: 'open' })
    expect(channel?.stats()).toMatchObject({ paidMicroUsd: 500n, unpaidMicroUsd: 0n })
    expect(await world.provider.earnings()).toMatchObject({
      paidMicroUsd: 500n,
      unpaidMicroUsd: 0n,
      writtenOffMicroUsd: 400n,
    })
    expect(await world.deliver(100)).toBeDefined()
    expect((await world.within(world.payer.settle())).receiptedMicroUsd).toBe(600n)
  })

  it('of the payer just after money was locked: the purse is there, with what its locking cost', async () => {
    const world = new World()
    await world.start()
    const quote = await world.quote()
    // The third write keeps what the chain said of the purse.
    world.payerStore.crashAtWrite(3, 'after')
    void world.payer.openChannels([{ quote, allocationMicroUsd: microUsd(1_000_000n) }])
    await world.within(world.payerStore.crashed)
    world.hub.kill(world.payerKey.peer)
    world.payerStore = world.payerStore.reopen('power')
    await world.startPayer()
    const [purse] = await world.payer.purses()
    expect(purse?.stage).toBe('funded')
    expect(purse?.transactions).toHaveLength(1)
  })

  it('of the provider: what it forgot is not asked of it, and a voucher that is out stays good', async () => {
    const world = new World({ payer: { payAfterMs: 60_000 } })
    await world.start()
    const channel = await world.open()
    for (let i = 0; i < 5; i++) await world.deliver(100, 100, i)
    world.hub.kill(world.providerKey.peer)
    // The payer signs and journals before it can know that nobody hears it.
    await world.within(world.payer.settle({ timeoutMs: 3_000 }))
    world.providerStore.crash()
    world.providerStore = world.providerStore.reopen('power')
    await world.startProvider()
    await world.clock.advance(40_000)
    expect(channel).toMatchObject({ state: 'lost', lostReason: 'books-disagree' })
    expect(await world.provider.earnings()).toMatchObject({ paidMicroUsd: 500n, claimableMicroUsd: 500n })
    const settled = await world.within(world.provider.settle())
    expect(settled.settlements[0]?.grossMicroUsd).toBe(500n)
    // A new channel goes on, with the credit of before.
    const other = await world.open()
    expect(other.id).not.toBe(channel.id)
    expect(await world.deliver(100)).toBeDefined()
  })

  it('of the provider with nothing signed: the forgotten deliveries are dropped and the channel goes on', async () => {
    const world = new World({ payer: { payAfterMs: 60_000 } })
    await world.start()
    await world.open()
    for (let i = 0; i < 5; i++) await world.deliver(100, 100, i)
    world.hub.kill(world.providerKey.peer)
    world.providerStore.crash()
    world.providerStore = world.providerStore.reopen('power')
    await world.restartPayer()
    await world.startProvider()
    await world.clock.advance(60_000)
    expect(world.payer.channels()).toMatchObject([{ state: 'open' }])
    expect(world.payer.channels()[0]?.stats()).toMatchObject({ paidMicroUsd: 10n, unpaidMicroUsd: 0n })
    expect(await world.deliver(100)).toBeDefined()
    expect((await world.within(world.payer.settle())).receiptedMicroUsd).toBe(100n)
  })

  it('that took the provider’s whole disk is noticed, and costs the payer nothing', async () => {
    const world = new World()
    await world.start()
    await world.open()
    await world.deliver(100)
    await world.within(world.payer.settle())
    world.killProvider()
    world.providerStore = new MemoryStore()
    await world.startProvider()
    await world.restartPayer()
    await world.clock.advance(5_000)
    const [channel] = world.payer.channels()
    expect(channel).toMatchObject({ state: 'lost', lostReason: 'receipt-invalid' })
    expect(channel?.stats().paidMicroUsd).toBe(100n)
    expect(await world.open()).toMatchObject({ state: 'open' })
  })
})

describe('a full disk', () => {
  it('of the payer delays the payment and loses nothing', async () => {
    const world = new World({ payer: { payAfterMs: 60_000 } })
    await world.start()
    const channel = await world.open()
    await world.deliver(100)
    await world.clock.settle()
    world.payerStore.failWrite(1, 'STORE_FULL')
    const report = await world.within(world.payer.settle())
    expect(report.unsettled).toEqual([])
    expect(channel.stats().receiptedMicroUsd).toBe(100n)
  })

  it('of the payer never parts a payment from the result that it is for', async () => {
    const world = new World({ payer: { payAfterMs: 60_000 } })
    await world.start()
    const channel = await world.open()
    const reservation = channel.reserve(microUsd(100n))
    if (reservation === undefined) throw new Error('no room')
    const { delivery } = reservation
    const maximumMicroUsd = microUsd(100n)
    const admission = world.provider.admit({
      peer: world.payerKey.peer,
      channel: channel.id,
      delivery,
      maximumMicroUsd,
    })
    const entry = entryOf(delivery, 100)
    await admission.deliver(entry)
    world.payerStore.failWrite(1, 'STORE_FULL')
    const row = { kind: 'put', table: 'results', key: 'task', value: Uint8Array.of(1) } as const
    const written = world.payer.journal([row])
    reservation.accept(entry)
    await expect(written).rejects.toSatisfy((error: unknown) => hasCode(error, 'STORE_FULL'))
    await world.within(world.payer.settle())
    expect(channel.stats().receiptedMicroUsd).toBe(100n)
    await world.restartPayer()
    expect(await world.payerStore.get('results', 'task')).toEqual(row.value)
    expect(await world.payerStore.scan(PAYER_TABLES.accepted)).toEqual([])
  })

  it('of the provider is told to the payer, which pays once there is room', async () => {
    const world = new World({ payer: { payAfterMs: 60_000 } })
    await world.start()
    const channel = await world.open()
    await world.deliver(100)
    world.providerStore.failWrite(1, 'STORE_FULL')
    const report = await world.within(world.payer.settle())
    expect(report.unsettled).toEqual([])
    expect(channel.stats().receiptedMicroUsd).toBe(100n)
    expect(await world.provider.receipts({})).toHaveLength(2)
  })
})

describe('quotes', () => {
  it('renew by themselves while the channel is used and the terms stay', async () => {
    const world = new World()
    await world.start()
    const channel = await world.open()
    const first = channel.quote.id
    for (let minute = 0; minute < 40; minute++) {
      await world.clock.advance(60_000)
      expect(await world.deliver(10, 10, minute)).toBeDefined()
    }
    expect(channel.quote.id).not.toBe(first)
    expect(channel.state).toBe('open')
    await world.within(world.payer.settle())
    const receipts = await world.payer.receipts({})
    expect(receipts[0]?.evidence.quotes.length).toBeGreaterThan(2)
    const theirs = await world.provider.receipts({})
    expect(theirs[0]?.evidence.quotes).toEqual(receipts[0]?.evidence.quotes)
  })

  it('end when nothing is delivered, and a new one takes the channel up again', async () => {
    const world = new World()
    await world.start()
    const channel = await world.open()
    await world.clock.advance(16 * 60_000)
    expect(channel.state).toBe('expired')
    expect(channel.roomMicroUsd()).toBe(0n)
    const again = await world.open()
    expect(again.id).toBe(channel.id)
    expect(again.state).toBe('open')
    expect(await world.deliver(10)).toBeDefined()
  })

  it('at another price are never taken without being asked', async () => {
    const world = new World()
    await world.start()
    const channel = await world.open()
    world.sell = () => ({ terms: Uint8Array.of(99), concurrency: 1, leastUnitMicroUsd: microUsd(10n) })
    for (let minute = 0; minute < 16; minute++) {
      await world.deliver(10, 10, minute)
      await world.clock.advance(60_000)
    }
    expect(channel.state).toBe('expired')
    expect(channel.quote.terms).not.toEqual(Uint8Array.of(99))
    await world.within(world.payer.renew(channel.id, await world.quote()))
    expect(channel.quote.terms).toEqual(Uint8Array.of(99))
    expect(channel.state).toBe('open')
  })
})

describe('credit', () => {
  it('is one for all channels of a payer', async () => {
    const world = new World({
      provider: { creditStartMicroUsd: 1_000n, creditCapMicroUsd: 1_000n },
      payer: { payAfterMs: 60_000 },
    })
    await world.start()
    const first = await world.open(100_000n)
    const second = await world.open(200_000n)
    expect(second.id).not.toBe(first.id)
    expect(second.stats().prepaidMicroUsd).toBe(0n)
    const reservation = first.reserve(microUsd(900n))
    expect(reservation).toBeDefined()
    expect(second.roomMicroUsd()).toBe(110n)
    expect(second.reserve(microUsd(200n))).toBeUndefined()
    const { peer } = world.payerKey
    world.provider.admit({
      peer,
      channel: first.id,
      delivery: new Uint8Array(16).fill(1),
      maximumMicroUsd: microUsd(900n),
    })
    const more = { peer, channel: second.id, delivery: new Uint8Array(16).fill(2), maximumMicroUsd: microUsd(200n) }
    expect(() => world.provider.admit(more)).toThrow(expect.objectContaining({ code: 'MARKET_CREDIT_EXHAUSTED' }))
  })

  it('outlives a restart of the provider', async () => {
    const world = new World()
    await world.start()
    const channel = await world.open(10_000_000n)
    for (let i = 0; i < 60; i++) {
      await world.deliver(1_000, 1_000, i)
      await world.clock.advance(50)
    }
    await world.within(world.payer.settle())
    const { windowMicroUsd } = channel.stats()
    expect(windowMicroUsd).toBeGreaterThan(20_000n)
    await world.restartProvider()
    const other = await world.open(20_000_000n)
    expect(other.stats()).toMatchObject({ windowMicroUsd, prepaidMicroUsd: 0n })
  })
})

describe('work that was finished for a process that is gone', () => {
  it('is rejected once its provider has no credit left for other work, and counts against it no more', async () => {
    const world = new World()
    await world.start()
    const first = await world.open()
    const lost = first.reserve(microUsd(100n))
    if (lost === undefined) throw new TypeError('there is room')
    const { delivery } = lost
    const peer = world.payerKey.peer
    const admit = (name: Uint8Array, maximumMicroUsd: MicroUsd) =>
      world.provider.admit({ peer, channel: first.id, delivery: name, maximumMicroUsd })
    const admission = admit(delivery, microUsd(100n))
    await world.restartPayer()
    await world.clock.advance(5_000)
    const [channel] = world.payer.channels()
    if (channel?.state !== 'open') throw new TypeError('the channel is open again')
    // Both sides have compared their books before it is finished.
    await admission.deliver(entryOf(delivery, 100))
    admission.release()
    const all = channel.roomMicroUsd()
    const next = channel.reserve(all)
    if (next === undefined) throw new TypeError('there is room by the books of the payer')
    expect(() => admit(next.delivery, all)).toThrow(
      expect.toSatisfy((error) => hasCode(error, 'MARKET_CREDIT_EXHAUSTED')),
    )
    next.release()
    channel.checkBooks()
    await world.clock.advance(5_000)
    expect(channel).toMatchObject({ state: 'open' })
    const again = channel.reserve(all)
    if (again === undefined) throw new TypeError('there is room')
    const taken = admit(again.delivery, all)
    await taken.deliver(entryOf(again.delivery, 100))
    again.accept(entryOf(again.delivery, 100))
    expect((await world.within(world.payer.settle())).receiptedMicroUsd).toBe(100n)
    expect(await world.provider.earnings()).toMatchObject({ unpaidMicroUsd: 0n, writtenOffMicroUsd: 100n })
  })
})
