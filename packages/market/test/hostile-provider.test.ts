import { CoreError, microUsd, type UnixMs } from '@stead/core'
import { type Quote, signQuote } from '@stead/protocol'
import { beforeEach, describe, expect, it } from 'vitest'
import { MarketError } from '../src/errors.ts'
import type { PayerChannel } from '../src/index.ts'
import {
  channelReplySchema,
  MARKET_PROTOCOL,
  type MarketRequest,
  marketRequestSchema,
  payReplySchema,
  quoteReplySchema,
} from '../src/messages.ts'
import { NEED, OPERATOR, PAYER_ACCOUNT, World } from './world.ts'

describe('a hostile provider', () => {
  let world: World
  let channel: PayerChannel
  beforeEach(async () => {
    world = new World()
    await world.start()
    channel = await world.open()
  })

  /** Takes the provider's place on the network. */
  async function impostor(answer: (request: MarketRequest) => Uint8Array): Promise<void> {
    world.killProvider()
    const network = world.hub.createNode(world.providerKey.peer)
    const limits = { messageBytesMax: 1_000_000, inFlightPerPeerMax: 64, handlerTimeoutMs: 5_000 }
    network.handle(MARKET_PROTOCOL, limits, async ({ payload }) => answer(marketRequestSchema.decodeMessage(payload)))
    await network.start()
  }

  it('cannot give a receipt that its node did not sign', async () => {
    await world.deliver(100)
    await impostor(() =>
      payReplySchema.encodeMessage({
        providerSignature: new Uint8Array(65).fill(1),
        windowMicroUsd: microUsd(10n ** 12n),
      }),
    )
    const report = await world.within(world.payer.settle())
    expect(report.unsettled[0]?.error.code).toBe('MARKET_RECEIPT_INVALID')
    expect(channel).toMatchObject({ state: 'lost', lostReason: 'receipt-invalid' })
    expect(channel.reserve(microUsd(1n))).toBeUndefined()
    // The voucher is out: that is the payer's whole loss, and the books say so.
    expect(channel.stats()).toMatchObject({ paidMicroUsd: 100n, receiptedMicroUsd: 10n })
  })

  it('cannot make the payer pay what it did not accept by claiming other books', async () => {
    await world.deliver(100)
    await world.within(world.payer.settle())
    world.killPayer()
    await impostor(() =>
      channelReplySchema.encodeMessage({
        channel: channel.id,
        lastIndex: 5,
        deliveredMicroUsd: microUsd(5_000n),
        cumulativeMicroUsd: microUsd(5_000n),
        windowMicroUsd: microUsd(1n),
        prepayMicroUsd: microUsd(0n),
        outstanding: new Uint8Array(0),
        quoteExpiresAt: world.clock.now(),
      }),
    )
    await world.startPayer()
    await world.clock.advance(2_000)
    const [restored] = world.payer.channels()
    expect(restored).toMatchObject({ state: 'lost', lostReason: 'receipt-invalid' })
    expect(restored?.stats().paidMicroUsd).toBe(100n)
  })

  it('cannot have one purse locked after the other by saying that they thaw', async () => {
    const [quote, other] = [await world.quote(), await world.quote()]
    await impostor(() => {
      throw new MarketError('MARKET_PURSE_THAWING', 'it thaws')
    })
    const again = await world.within(world.payer.openChannels([{ quote, allocationMicroUsd: microUsd(1n) }]))
    expect(again).toMatchObject({
      channels: [],
      refused: [{ error: { details: { remoteCode: 'MARKET_PURSE_THAWING' } } }],
    })
    expect(await world.payer.purses()).toHaveLength(1)
    const allocationMicroUsd = microUsd(2_000_000n)
    const fresh = await world.within(world.payer.openChannels([{ quote: other, allocationMicroUsd }]))
    expect(fresh).toMatchObject({ channels: [], refused: [{}] })
    expect(await world.payer.purses()).toMatchObject([{ stage: 'funded' }, { stage: 'funded' }])
  })

  it('gets no more ahead than its quote says, and no quote above the payer’s limit', async () => {
    const quote = await world.quote()
    await impostor(() =>
      channelReplySchema.encodeMessage({
        channel: channel.id,
        deliveredMicroUsd: microUsd(0n),
        cumulativeMicroUsd: microUsd(0n),
        windowMicroUsd: microUsd(0n),
        prepayMicroUsd: microUsd(900_000n),
        outstanding: new Uint8Array(0),
        quoteExpiresAt: quote.quote.expiresAt,
      }),
    )
    const opened = await world.within(world.payer.openChannels([{ quote, allocationMicroUsd: microUsd(2_000_000n) }]))
    expect(opened.channels).toEqual([])
    expect(opened.refused[0]?.error.code).toBe('MARKET_RECEIPT_INVALID')
    const greedy = signQuote(world.providerKey.signer, {
      ...quote.quote,
      credit: { ...quote.quote.credit, prepayMicroUsd: microUsd(50_000n) },
    })
    world.hub.kill(world.providerKey.peer)
    await impostor(() => quoteReplySchema.encodeMessage({ quote: greedy }))
    const [answer] = await world.within(
      world.payer.quotes({ resource: 'compute', need: NEED, providers: [world.offer], timeoutMs: 1_000 }),
    )
    expect(answer).toMatchObject({ kind: 'failure', error: { code: 'MARKET_QUOTE_INVALID' } })
  })

  it('is shown as lost while it is silent, and paid when it comes back', async () => {
    await world.deliver(100)
    world.killProvider()
    const report = await world.within(world.payer.settle({ timeoutMs: 20_000 }))
    expect(report.unsettled).toMatchObject([{ unreceiptedMicroUsd: 90n }])
    expect(channel).toMatchObject({ state: 'lost', lostReason: 'unreachable' })
    await world.startProvider()
    await world.clock.advance(40_000)
    expect(channel.state).toBe('open')
    expect(channel.stats().receiptedMicroUsd).toBe(100n)
  })

  it('cannot answer for a wrong payer, node or time in a quote', async () => {
    const { quote } = await world.quote()
    const changes: readonly Partial<Quote>[] = [
      { payer: OPERATOR },
      { operator: PAYER_ACCOUNT },
      { resource: 'storage' },
      { chainId: 5 },
      { expiresAt: (world.clock.now() - 1) as UnixMs },
    ]
    for (const change of changes) {
      const bad = signQuote(world.providerKey.signer, { ...quote, ...change })
      await impostor(() => quoteReplySchema.encodeMessage({ quote: bad }))
      const [answer] = await world.within(
        world.payer.quotes({ resource: 'compute', need: NEED, providers: [world.offer], timeoutMs: 1_000 }),
      )
      expect(answer?.kind).toBe('failure')
      world.hub.kill(world.providerKey.peer)
    }
    await impostor(() => {
      throw new CoreError('NETWORK_BUSY', 'no')
    })
    const [answer] = await world.within(
      world.payer.quotes({ resource: 'compute', need: NEED, providers: [world.offer], timeoutMs: 1_000 }),
    )
    expect(answer?.kind).toBe('failure')
  })
})
