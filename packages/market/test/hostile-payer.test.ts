import { hasCode, microUsd, type SteadError } from '@stead/core'
import {
  type BillEntry,
  bytesToHex,
  escrowSeparator,
  type Increment,
  incrementId,
  incrementSchema,
  type Quote,
  signQuote,
  signVoucher,
} from '@stead/protocol'
import { MemoryChain, type MemoryNetwork } from '@stead/testkit'
import { beforeEach, describe, expect, it } from 'vitest'
import { greater } from '../src/channel/amounts.ts'
import type { PayerChannel, Refusal } from '../src/index.ts'
import {
  channelReplySchema,
  MARKET_PROTOCOL,
  type MarketRequest,
  marketRequestSchema,
  type OpenAsk,
  payReplySchema,
  quoteReplySchema,
} from '../src/messages.ts'
import { entryOf, keyOf, NEED, PAYER_ACCOUNT, World } from './world.ts'

/** A payer that speaks the protocol by hand and says what it likes. */
class Attacker {
  readonly world: World
  readonly key: ReturnType<typeof keyOf>
  readonly network: MemoryNetwork

  constructor(world: World, number = 9) {
    this.world = world
    this.key = keyOf(number)
    this.network = world.hub.createNode(this.key.peer)
  }

  async raw(payload: Uint8Array): Promise<Uint8Array> {
    const request = this.network.request(this.world.providerKey.peer, MARKET_PROTOCOL, payload, { timeoutMs: 5_000 })
    return this.world.within(request)
  }

  async say(request: Omit<MarketRequest, 'version'>): Promise<Uint8Array> {
    return this.raw(marketRequestSchema.encodeMessage({ version: 1, ...request }))
  }

  async quote(): Promise<{ readonly quote: Quote; readonly signed: OpenAsk['quote'] }> {
    const { chainId, escrow } = this.world.ledger.identity
    const reply = quoteReplySchema.decodeMessage(
      await this.say({ quote: { chainId, escrow, resource: 'compute', need: NEED } }),
    )
    if (reply.quote === undefined) throw new Error(`refused: ${reply.refusal?.code}`)
    const { quoteSchema } = await import('@stead/protocol')
    return { quote: quoteSchema.decodeDocument(reply.quote.document), signed: reply.quote }
  }
}

/** What the provider answered with. */
async function refusalOf(call: Promise<unknown>): Promise<string> {
  try {
    await call
    return 'accepted'
  } catch (error) {
    if (hasCode(error, 'NETWORK_REMOTE')) return String((error as SteadError).details.remoteCode)
    return (error as SteadError).code
  }
}

describe('a hostile payer', () => {
  let world: World
  let channel: PayerChannel
  let network: MemoryNetwork
  beforeEach(async () => {
    world = new World({ provider: { quotesPerMinutePerPeer: 30, opensPerMinutePerPeer: 20 } })
    await world.start()
    channel = await world.open()
    const running = world.hub.runningNode(world.payerKey.peer)
    if (running === undefined) throw new Error('no payer')
    network = running
  })

  /** Speaks with the payer's own key, past its market. */
  async function say(request: Omit<MarketRequest, 'version'>): Promise<Uint8Array> {
    const payload = marketRequestSchema.encodeMessage({ version: 1, ...request })
    return world.within(network.request(world.providerKey.peer, MARKET_PROTOCOL, payload, { timeoutMs: 5_000 }))
  }

  function admit(delivery: Uint8Array, maximum = 1_000): ReturnType<World['provider']['admit']> {
    const { peer } = world.payerKey
    return world.provider.admit({ peer, channel: channel.id, delivery, maximumMicroUsd: microUsd(maximum) })
  }

  async function delivered(seed: number, amount = 500): Promise<BillEntry> {
    const entry = entryOf(new Uint8Array(16).fill(seed), amount, seed)
    await admit(entry.delivery).deliver(entry)
    return entry
  }

  /** The head that the prepayment left. */
  async function next(entries: readonly BillEntry[], change: Partial<Increment> = {}): Promise<Increment> {
    const receipts = await world.provider.receipts({ channel: channel.id })
    const last = receipts.at(-1)
    if (last === undefined) throw new Error('no receipt')
    const sum = entries.reduce(
      (total, entry) => total + entry.amountMicroUsd,
      last.increment.deliveredMicroUsd as bigint,
    )
    const before = last.increment.cumulativeMicroUsd
    return {
      version: 1,
      channel: channel.id,
      index: last.increment.index + 1,
      previous: incrementId(last.incrementBytes),
      entries,
      deliveredMicroUsd: microUsd(sum),
      cumulativeMicroUsd: microUsd(greater(sum, before)),
      ...change,
    }
  }

  function pay(increment: Increment, terms = channel.terms, chain = world.ledger.identity): Promise<Uint8Array> {
    const bytes = incrementSchema.encodeDocument(increment)
    const { cumulativeMicroUsd } = increment
    const voucher = signVoucher(world.payerKey.signer, escrowSeparator(chain), { ...terms, cumulativeMicroUsd })
    return say({ pay: { increment: bytes, voucherSignature: voucher.signature, rejections: [] } })
  }

  it('gets the same receipt for the same increment, and none for another of the same number', async () => {
    const increment = await next([await delivered(1)])
    const first = payReplySchema.decodeMessage(await pay(increment))
    const again = payReplySchema.decodeMessage(await pay(increment))
    expect(bytesToHex(again.providerSignature)).toBe(bytesToHex(first.providerSignature))
    expect(await world.provider.earnings()).toMatchObject({ paidMicroUsd: 500n, deliveredMicroUsd: 500n })
    const other = { ...increment, cumulativeMicroUsd: microUsd(600n) }
    expect(await refusalOf(pay(other))).toBe('MARKET_INCREMENT_CONFLICT')
    const skipped = { ...(await next([await delivered(2)])), index: 7 }
    expect(await refusalOf(pay(skipped))).toBe('MARKET_INCREMENT_CONFLICT')
  })

  it('cannot pay less than was delivered, or with a voucher of another channel, purse or chain', async () => {
    const increment = await next([await delivered(1)])
    expect(await refusalOf(pay({ ...increment, cumulativeMicroUsd: microUsd(499n) }))).toBe('MARKET_UNDERPAID')
    const { terms } = channel
    const otherPurse = { ...terms, purse: world.ledger.identity.escrow as unknown as typeof terms.purse }
    otherPurse.purse = channel.id
    expect(await refusalOf(pay(increment, otherPurse))).toBe('MARKET_VOUCHER_INVALID')
    const otherChannel = { ...terms, allocationMicroUsd: microUsd(999_999n) }
    expect(await refusalOf(pay(increment, otherChannel))).toBe('MARKET_VOUCHER_INVALID')
    const otherChain = { ...world.ledger.identity, chainId: 1 }
    expect(await refusalOf(pay(increment, terms, otherChain))).toBe('MARKET_VOUCHER_INVALID')
    const tooMuch = { ...increment, cumulativeMicroUsd: microUsd(1_000_001n) }
    expect(await refusalOf(pay(tooMuch))).toBe('MARKET_ALLOCATION_EXHAUSTED')
    expect(await world.provider.earnings()).toMatchObject({ paidMicroUsd: 10n })
    expect(await refusalOf(pay(increment))).toBe('accepted')
  })

  it('cannot have an entry signed that was never delivered, changed, or billed before; what it signed is still owed', async () => {
    const entry = await delivered(1)
    const invented = entryOf(new Uint8Array(16).fill(77), 100)
    expect(await refusalOf(pay(await next([entry, invented])))).toBe('MARKET_ENTRY_UNKNOWN')
    expect(await refusalOf(pay(await next([entry])))).toBe('MARKET_CHANNEL_BROKEN')
    expect(() => admit(new Uint8Array(16).fill(5))).toThrow(expect.objectContaining({ code: 'MARKET_CHANNEL_BROKEN' }))
    const earnings = await world.provider.earnings()
    expect(earnings).toMatchObject({ paidMicroUsd: 600n, claimableMicroUsd: 600n, unpaidMicroUsd: 0n })
    const settled = await world.within(world.provider.settle())
    expect(settled.settlements[0]?.grossMicroUsd).toBe(600n)
    await world.restartProvider()
    expect(await world.provider.earnings()).toMatchObject({ paidMicroUsd: 600n, claimableMicroUsd: 0n })
  })

  it('hears that the books disagree only when its voucher is on disk: what it signed is owed after any crash', async () => {
    const increment = await next([await delivered(1), entryOf(new Uint8Array(16).fill(77), 100)])
    world.providerStore.failWrite(1, 'STORE_FULL')
    expect(await refusalOf(pay(increment))).toBe('STORE_FULL')
    await world.restartProvider()
    world.providerStore.crashAtWrite(1, 'before')
    expect(await refusalOf(pay(increment))).toBe('NETWORK_TIMEOUT')
    await world.restartProvider()
    expect(await refusalOf(pay(increment))).toBe('MARKET_ENTRY_UNKNOWN')
    await world.restartProvider()
    expect(await world.provider.earnings()).toMatchObject({ paidMicroUsd: 600n, claimableMicroUsd: 600n })
    expect(await refusalOf(pay(increment))).toBe('MARKET_CHANNEL_BROKEN')
  })

  it('cannot lower an amount or bill a delivery twice in one increment', async () => {
    const entry = await delivered(1)
    const lower = { ...entry, amountMicroUsd: microUsd(400n) }
    expect(await refusalOf(pay(await next([lower])))).toBe('MARKET_ENTRY_MISMATCH')
    world = new World()
    await world.start()
    channel = await world.open()
    network = world.hub.runningNode(world.payerKey.peer) as MemoryNetwork
    const again = await delivered(1)
    expect(await refusalOf(pay(await next([again, again])))).toBe('MARKET_ENTRY_UNKNOWN')
  })

  it('gets no second delivery for one id: in flight, delivered, billed, and after a restart', async () => {
    const id = new Uint8Array(16).fill(3)
    const repeated = expect.objectContaining({ code: 'MARKET_DELIVERY_REPEATED' })
    const admission = admit(id)
    expect(() => admit(id)).toThrow(repeated)
    const entry = entryOf(id, 500)
    await admission.deliver(entry)
    expect(() => admit(id)).toThrow(repeated)
    await world.restartProvider()
    expect(() => admit(id)).toThrow(repeated)
    await pay(await next([entry]))
    expect(() => admit(id)).toThrow(repeated)
    await world.restartProvider()
    expect(() => admit(id)).toThrow(repeated)
  })

  it('gets no result that it gave up before it was made, whichever message comes first', async () => {
    const [early, late] = [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)]
    const admission = admit(late)
    const rejections = [early, late].map((delivery) => ({ delivery, reason: 'not-received' as const }))
    await say({ reject: { channel: channel.id, rejections } })
    await expect(admission.deliver(entryOf(late, 5))).rejects.toMatchObject({ code: 'MARKET_DELIVERY_REJECTED' })
    expect(() => admit(early)).toThrow(expect.objectContaining({ code: 'MARKET_DELIVERY_REJECTED' }))
    expect(await world.provider.earnings()).toMatchObject({ unpaidMicroUsd: 0n, writtenOffMicroUsd: 0n })
  })

  it('gets no more than its window without paying, and is refused when it left too much unpaid', async () => {
    let served = 0
    for (let seed = 10; seed < 60; seed++) {
      try {
        await delivered(seed, 1_000)
        served += 1
      } catch (error) {
        expect(error).toMatchObject({
          code: 'MARKET_CREDIT_EXHAUSTED',
          details: { needMicroUsd: 1_000n, haveMicroUsd: 10n },
        })
      }
    }
    expect(served).toBe(20)
    for (let round = 0; round < 3; round++) {
      const { outstanding } = channelReplySchema.decodeMessage(await say({ sync: { channel: channel.id } }))
      const rejections = Array.from({ length: outstanding.length / 16 }, (_, at) => ({
        delivery: outstanding.slice(at * 16, at * 16 + 16),
        reason: 'wrong-result' as const,
      }))
      await say({ reject: { channel: channel.id, rejections } })
      for (let seed = 100 + round * 20; seed < 120 + round * 20; seed++)
        await delivered(seed, 1_000).catch(() => undefined)
    }
    expect(() => admit(new Uint8Array(16).fill(250))).toThrow(
      expect.objectContaining({
        code: 'MARKET_PAYER_REFUSED',
        details: expect.objectContaining({ haveMicroUsd: 60_000n }),
      }),
    )
    await world.clock.advance(60_000)
    const [answer] = await world.within(
      world.payer.quotes({ resource: 'compute', need: NEED, providers: [world.offer], timeoutMs: 1_000 }),
    )
    expect(answer).toMatchObject({ kind: 'refusal', refusal: { code: 'payer-refused' } })
  })

  it('never gets a delivery above the reserved maximum billed, and nothing is billed when the disk is full', async () => {
    const admission = admit(new Uint8Array(16).fill(1), 10)
    const entry = entryOf(new Uint8Array(16).fill(1), 11)
    await expect(admission.deliver(entry)).rejects.toMatchObject({ code: 'MARKET_OVER_MAXIMUM' })
    world.providerStore.failWrite(1, 'STORE_FULL')
    const other = admit(new Uint8Array(16).fill(2))
    await expect(other.deliver(entryOf(new Uint8Array(16).fill(2), 5))).rejects.toMatchObject({ code: 'STORE_FULL' })
    expect(await world.provider.earnings()).toMatchObject({ unpaidMicroUsd: 0n })
    await delivered(3)
    expect(await world.provider.earnings()).toMatchObject({ unpaidMicroUsd: 500n })
  })

  it('is not served once its purse thaws; the claim goes out before the thaw ends', async () => {
    await pay(await next([await delivered(1)]))
    const [purse] = await world.payer.purses()
    if (purse === undefined) throw new Error('no purse')
    const chain = new MemoryChain(world.ledger, PAYER_ACCOUNT)
    await chain.start()
    const { endsAt } = await chain.thaw(purse.purse)
    await world.clock.advance(1_000)
    expect(() => admit(new Uint8Array(16).fill(9))).toThrow(expect.objectContaining({ code: 'MARKET_PURSE_THAWING' }))
    const [settledBefore] = (await world.provider.earnings()).settlements
    expect(settledBefore).toBeUndefined()
    await world.clock.advance(endsAt - world.clock.now() - 5 * 3_600_000)
    const [settlement] = (await world.provider.earnings()).settlements
    expect(settlement).toMatchObject({ reason: 'thaw-ending', grossMicroUsd: 500n })
    await world.clock.advance(6 * 3_600_000)
    const { refundMicroUsd } = await chain.close(purse.purse)
    expect(refundMicroUsd).toBe(1_000_000n - 500n)
    await world.clock.advance(120_000)
    expect((await world.provider.earnings()).channels[0]?.state).toBe('closed')
  }, 20_000)

  it('pays with a thawing purse only what can still be claimed, which is claimed at once; the rest stays owed', async () => {
    const [purse] = await world.payer.purses()
    if (purse === undefined) throw new Error('no purse')
    const chain = new MemoryChain(world.ledger, PAYER_ACCOUNT)
    await chain.start()
    const [early, late] = [await delivered(1), await delivered(2)]
    const { endsAt } = await chain.thaw(purse.purse)
    await world.clock.advance(endsAt - world.clock.now() - 5 * 3_600_000)
    await pay(await next([early]))
    await world.clock.advance(1_000)
    // The prepayment, and at once what came after it.
    expect((await world.provider.earnings()).settlements).toMatchObject([
      { reason: 'thaw-ending', grossMicroUsd: 10n },
      { reason: 'thaw-ending', grossMicroUsd: 490n },
    ])
    await world.clock.advance(endsAt - world.clock.now() - 3_600_000)
    const before = (await world.provider.earnings()).channels[0]
    expect(await refusalOf(pay(await next([late])))).toBe('MARKET_PURSE_THAWING')
    await world.clock.advance(2 * 3_600_000)
    expect(await refusalOf(pay(await next([late])))).toBe('MARKET_PURSE_THAWING')
    expect((await world.provider.earnings()).channels[0]).toEqual(before)
    expect(before).toMatchObject({ paidMicroUsd: 500n, claimedMicroUsd: 500n })
    expect(await world.provider.earnings()).toMatchObject({ unpaidMicroUsd: 500n })
    await chain.close(purse.purse)
    await world.clock.advance(120_000)
    expect(await world.provider.earnings()).toMatchObject({ unpaidMicroUsd: 0n, writtenOffMicroUsd: 500n })
  }, 20_000)

  it('is noticed when it thawed while the provider was down', async () => {
    await pay(await next([await delivered(1)]))
    const [purse] = await world.payer.purses()
    if (purse === undefined) throw new Error('no purse')
    world.killProvider()
    const chain = new MemoryChain(world.ledger, PAYER_ACCOUNT)
    await chain.start()
    await chain.thaw(purse.purse)
    await world.startProvider()
    await world.clock.advance(1_000)
    expect(() => admit(new Uint8Array(16).fill(9))).toThrow(expect.objectContaining({ code: 'MARKET_PURSE_THAWING' }))
  })

  it('cannot open a channel that is not funded, not its own, lies about the sums, or has an old quote', async () => {
    const attacker = new Attacker(world)
    await attacker.network.start()
    const { signed, quote } = await attacker.quote()
    const { seed, branch, terms } = (await world.payer.receipts({}))[0]?.evidence ?? {}
    if (seed === undefined || branch === undefined || terms === undefined) throw new Error('no receipt')
    const ask = {
      seed,
      allocationMicroUsd: terms.allocationMicroUsd,
      branchIndex: Number(branch.index),
      branch: branch.steps,
      quote: signed,
    }
    // Somebody else's purse.
    expect(await refusalOf(attacker.say({ open: ask }))).toBe('MARKET_PURSE_MISMATCH')
    // The purse names its voucher key, so this one was never funded.
    const own = { ...seed, voucherSigner: attacker.key.signer.address }
    expect(await refusalOf(attacker.say({ open: { ...ask, seed: own } }))).toBe('MARKET_PURSE_UNKNOWN')
    // A branch that promises more than the purse holds.
    const more = { ...ask, seed: own, allocationMicroUsd: microUsd(2_000_000n) }
    expect(await refusalOf(attacker.say({ open: more }))).toBe('PROTOCOL_BRANCH')
    // A quote that the node never gave.
    const forged = signQuote(attacker.key.signer, { ...quote, node: attacker.key.signer.address })
    expect(await refusalOf(attacker.say({ open: { ...ask, seed: own, quote: forged } }))).toBe('MARKET_PURSE_MISMATCH')
    await world.clock.advance(16 * 60_000)
    expect(await refusalOf(attacker.say({ open: { ...ask, seed: own } }))).toBe('MARKET_QUOTE_EXPIRED')
    // Another peer's channel is nobody's.
    expect(await refusalOf(attacker.say({ sync: { channel: channel.id } }))).toBe('MARKET_CHANNEL_UNKNOWN')
    expect((await world.provider.earnings()).channels).toHaveLength(1)
  })

  it('is cut off for bytes that are no message', async () => {
    const attacker = new Attacker(world)
    await attacker.network.start()
    await refusalOf(attacker.raw(new Uint8Array(1_000).fill(0xff)))
    expect(await refusalOf(attacker.quote())).toBe('NETWORK_UNREACHABLE')
    const huge = new Uint8Array(800_000)
    await world.clock.advance(61_000)
    expect(['NETWORK_TOO_LARGE', 'PROTOCOL_TOO_LARGE']).toContain(await refusalOf(attacker.raw(huge)))
    // The payer that keeps to the protocol notices nothing.
    await delivered(1)
  })

  it('cannot flood the provider with quotes or openings', async () => {
    const attacker = new Attacker(world)
    await attacker.network.start()
    let refused = 0
    for (let i = 0; i < 40; i++) await attacker.quote().catch(() => refused++)
    expect(refused).toBe(10)
    await world.clock.advance(60_000)
    const { signed } = await attacker.quote()
    const evidence = (await world.payer.receipts({}))[0]?.evidence
    if (evidence === undefined) throw new Error('no receipt')
    const { seed, branch, terms } = evidence
    const own = { ...seed, voucherSigner: attacker.key.signer.address }
    const ask = {
      seed: own,
      allocationMicroUsd: terms.allocationMicroUsd,
      branchIndex: 0,
      branch: branch.steps,
      quote: signed,
    }
    const codes: string[] = []
    for (let i = 0; i < 25; i++) codes.push(await refusalOf(attacker.say({ open: ask })))
    expect(codes.filter((code) => code === 'MARKET_PURSE_UNKNOWN')).toHaveLength(20)
    expect(codes.filter((code) => code === 'MARKET_BUSY')).toHaveLength(5)
    const rows = await world.providerStore.scan('market-provider-channels')
    expect(rows).toHaveLength(1)
  })

  it('meets a named reason on another chain, in a finishing node, and for what is not sold', async () => {
    const { chainId, escrow } = world.ledger.identity
    const ask = async (change: object): Promise<unknown> => {
      const quote = { chainId, escrow, resource: 'compute' as const, need: NEED, ...change }
      return quoteReplySchema.decodeMessage(await say({ quote })).refusal?.code
    }
    expect(await ask({ chainId: 1 })).toBe('wrong-chain')
    expect(await ask({ resource: 'storage' })).toBe('unsupported')
    const busy: Refusal = {
      code: 'limit',
      message: 'fuel 10 needed, 5 offered',
      details: { needFuel: 10n, haveFuel: 5n },
    }
    world.sell = () => busy
    const [answer] = await world.within(
      world.payer.quotes({ resource: 'compute', need: NEED, providers: [world.offer], timeoutMs: 1_000 }),
    )
    expect(answer).toMatchObject({ kind: 'refusal', refusal: busy })
    const admission = admit(new Uint8Array(16).fill(8))
    const finished = world.provider.finish()
    expect(await ask({})).toBe('finishing')
    expect(() => admit(new Uint8Array(16).fill(9))).toThrow(expect.objectContaining({ code: 'MARKET_FINISHING' }))
    admission.release()
    await world.within(finished)
  })
})
