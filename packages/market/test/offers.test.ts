import { silentLogger, silentMetrics, type UnixMs } from '@stead/core'
import { type Offer, offerSchema, signedDocumentSchema, signOffer } from '@stead/protocol'
import { ManualClock, MemoryHub, MemoryLedger, type MemoryNetwork, SeededRandom } from '@stead/testkit'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { OfferBook, type OfferBookInput, offerBookOptionsSchema } from '../src/index.ts'
import {
  OFFERS_PROTOCOL,
  offersKey,
  offersProtocolLimits,
  offersReplySchema,
  offersRequestSchema,
  offersTopic,
} from '../src/offers/offer-messages.ts'
import { keyOf, OPERATOR, secp256k1, TERMS } from './world.ts'

describe('the offer book', () => {
  let clock: ManualClock
  let hub: MemoryHub
  let ledger: MemoryLedger
  beforeEach(() => {
    clock = new ManualClock()
    hub = new MemoryHub({ clock, random: new SeededRandom(1) })
    ledger = new MemoryLedger({ clock, secp256k1 })
  })

  async function node(
    number: number,
    options: OfferBookInput = {},
  ): Promise<{ network: MemoryNetwork; book: OfferBook }> {
    const network = hub.createNode(keyOf(number).peer)
    await network.start()
    const { identity } = ledger
    const random = new SeededRandom(number)
    const parts = { network, secp256k1, clock, random, logger: silentLogger, metrics: silentMetrics, identity }
    const book = new OfferBook(parts, offerBookOptionsSchema.parse(options))
    await book.start()
    return { network, book }
  }

  function sell(book: OfferBook, number: number, terms: () => Uint8Array | undefined = () => TERMS): () => void {
    return book.publish({ resource: 'compute', signer: keyOf(number).signer, operator: OPERATOR, region: '-', terms })
  }

  function signed(number: number, change: Partial<Offer> = {}): ReturnType<typeof signOffer> {
    const { signer } = keyOf(number)
    const { chainId, escrow } = ledger.identity
    const issuedAt = clock.now()
    return signOffer(signer, {
      version: 1,
      node: signer.address,
      operator: OPERATOR,
      resource: 'compute',
      chainId,
      escrow,
      region: '-',
      sequence: issuedAt,
      issuedAt,
      expiresAt: (issuedAt + 60_000) as UnixMs,
      terms: TERMS,
      ...change,
    })
  }

  it('brings offers over nodes that sell nothing, and forgets those that are not renewed', async () => {
    const [seller, middle, buyer] = [await node(1), await node(2), await node(3)]
    middle.book.list('compute')
    buyer.book.list('compute')
    await seller.network.connect(keyOf(2).peer, 1_000)
    await middle.network.connect(keyOf(3).peer, 1_000)
    await clock.settle()
    sell(seller.book, 1)
    await clock.settle()
    expect(buyer.book.list('compute')).toMatchObject([
      { peer: keyOf(1).peer, offer: { node: keyOf(1).signer.address } },
    ])
    await clock.advance(600_000)
    expect(buyer.book.list('compute')).toHaveLength(1)
    hub.kill(keyOf(1).peer)
    await clock.advance(301_000)
    expect(buyer.book.list('compute')).toEqual([])
  })

  it('hears from peers what was said before it came', async () => {
    const [seller, middle] = [await node(1), await node(2)]
    middle.book.list('compute')
    await seller.network.connect(keyOf(2).peer, 1_000)
    sell(seller.book, 1)
    await clock.settle()
    const buyer = await node(3)
    await buyer.network.connect(keyOf(2).peer, 1_000)
    const waiting = buyer.book.wait('compute', { minimum: 1, timeoutMs: 5_000 })
    await clock.advance(100)
    expect(await waiting).toHaveLength(1)
  })

  it('waits for peers that come later, and no longer than it should', async () => {
    const seller = await node(1)
    sell(seller.book, 1)
    const buyer = await node(3)
    const waiting = buyer.book.wait('compute', { minimum: 1, timeoutMs: 10_000 })
    await clock.advance(2_000)
    await buyer.network.connect(keyOf(1).peer, 1_000)
    await clock.advance(2_000)
    expect(await waiting).toHaveLength(1)
    const never = buyer.book.wait('compute', { minimum: 5, timeoutMs: 3_000 })
    await clock.advance(3_100)
    expect(await never).toHaveLength(1)
  })

  it('searches the table once in a while however often it is asked to wait, and not at all for who does not want it', async () => {
    const { network, book } = await node(3)
    const searches = vi.spyOn(network, 'findProviders')
    const scouting = book.wait('compute', { minimum: 1, timeoutMs: 4_000, searchesTable: false })
    await clock.advance(4_100)
    await scouting
    expect(searches).not.toHaveBeenCalled()
    for (let round = 0; round < 9; round++) {
      const waiting = book.wait('compute', { minimum: 1, timeoutMs: 1_000 })
      await clock.advance(1_100)
      await waiting
    }
    expect(searches.mock.calls.map(([key]) => key)).toEqual([offersKey('compute'), offersKey('compute')])
  })

  it('takes an offer back at once when its node stops or has nothing to sell', async () => {
    const [seller, buyer] = [await node(1), await node(3)]
    buyer.book.list('compute')
    await buyer.network.connect(keyOf(1).peer, 1_000)
    let terms: Uint8Array | undefined = TERMS
    sell(seller.book, 1, () => terms)
    await clock.advance(10)
    expect(buyer.book.list('compute')).toHaveLength(1)
    terms = undefined
    seller.book.refresh('compute')
    await clock.advance(10)
    expect(buyer.book.list('compute')).toEqual([])
    terms = TERMS
    seller.book.refresh('compute')
    await clock.advance(10)
    expect(buyer.book.list('compute')).toHaveLength(1)
    await seller.book.stop()
    await clock.advance(10)
    expect(buyer.book.list('compute')).toEqual([])
  })

  it('keeps no forged, foreign, expired, absurd or older offer, and blames who sends what is bad', async () => {
    const buyer = await node(3)
    buyer.book.list('compute')
    const liar = hub.createNode(keyOf(9).peer)
    await liar.start()
    await liar.connect(keyOf(3).peer, 1_000)
    const topic = offersTopic('compute')
    const say = async (document: ReturnType<typeof signOffer>): Promise<number> => {
      await liar.publish(topic, signedDocumentSchema.encodeMessage(document))
      await clock.settle()
      return buyer.book.list('compute').length
    }
    // Somebody else's offer is for that node to publish.
    expect(await say(signed(1))).toBe(0)
    expect(await say({ ...signed(9), signature: signed(1).signature })).toBe(0)
    expect(await say(signed(9, { chainId: 1 }))).toBe(0)
    expect(await say(signed(9, { escrow: OPERATOR }))).toBe(0)
    expect(await say(signed(9, { expiresAt: clock.now() }))).toBe(0)
    expect(await say(signed(9, { expiresAt: (clock.now() + 90_000_000) as UnixMs }))).toBe(0)
    expect(await say(signed(9, { issuedAt: (clock.now() + 600_000) as UnixMs }))).toBe(0)
    expect(await say(signed(9, { sequence: 50, region: 'new' }))).toBe(1)
    expect(await say(signed(9, { sequence: 49, region: 'old' }))).toBe(1)
    expect(buyer.book.list('compute')[0]?.offer.region).toBe('new')
    for (let i = 0; i < 12; i++) await liar.publish(topic, Uint8Array.of(1, 2, 3, i))
    await clock.settle()
    expect(buyer.network.peers().filter(({ connected }) => connected)).toEqual([])
  })

  it('blames nobody for an offer from a clock that is too far ahead: who passed it on may see it otherwise', async () => {
    const [ahead, buyer] = [await node(1), await node(3)]
    buyer.book.list('compute')
    await ahead.network.connect(keyOf(3).peer, 1_000)
    for (let second = 0; second < 30; second++) {
      const issuedAt = (clock.now() + 150_000) as UnixMs
      const early = signed(1, { sequence: second, issuedAt, expiresAt: (issuedAt + 60_000) as UnixMs })
      await ahead.network.publish(offersTopic('compute'), signedDocumentSchema.encodeMessage(early))
      await clock.advance(1_000)
    }
    expect(buyer.book.list('compute')).toEqual([])
    expect(buyer.network.peers()).toMatchObject([{ connected: true }])
  })

  it('does not blame who passed on an offer whose signature only a buyer looks at', async () => {
    const [middle, buyer] = [await node(2), await node(3)]
    const liar = hub.createNode(keyOf(1).peer)
    await liar.start()
    middle.book.publish({
      resource: 'compute',
      signer: keyOf(2).signer,
      operator: OPERATOR,
      region: '-',
      terms: () => TERMS,
    })
    buyer.book.list('compute')
    await liar.connect(keyOf(2).peer, 1_000)
    await middle.network.connect(keyOf(3).peer, 1_000)
    await clock.settle()
    for (let round = 0; round < 20; round++) {
      const sequence = clock.now() + round
      const { document } = signed(1, { sequence })
      const { signature } = signed(4, { sequence })
      await liar.publish(offersTopic('compute'), signedDocumentSchema.encodeMessage({ document, signature }))
      await clock.settle()
    }
    expect(buyer.network.peers()).toMatchObject([{ peer: keyOf(2).peer, connected: true }])
    expect(buyer.book.list('compute').map(({ peer }) => peer)).toEqual([keyOf(2).peer])
  })

  it('hands on nothing that its node did not sign, also when it never needed the offer itself', async () => {
    const [liar, middle] = [await node(9), await node(2)]
    const stop = sell(middle.book, 2)
    await liar.network.connect(keyOf(2).peer, 1_000)
    const say = async (document: ReturnType<typeof signOffer>): Promise<void> => {
      await liar.network.publish(offersTopic('compute'), signedDocumentSchema.encodeMessage(document))
      await clock.settle()
    }
    const ask = async (): Promise<readonly string[]> => {
      const question = offersRequestSchema.encodeMessage({ version: 1, resource: 'compute' })
      const answer = await liar.network.request(keyOf(2).peer, OFFERS_PROTOCOL, question, { timeoutMs: 1_000 })
      return offersReplySchema
        .decodeMessage(answer)
        .offers.map(({ document }) => offerSchema.decodeDocument(document).node)
    }
    await say({ ...signed(9), signature: signed(1).signature })
    expect(await ask()).toEqual([keyOf(2).signer.address])
    await say(signed(9, { sequence: 2_000_000_000_000 }))
    expect(await ask()).toEqual([keyOf(2).signer.address, keyOf(9).signer.address])
    stop()
  })

  it('checks what it held unchecked before it shows it', async () => {
    const [liar, seller, middle] = [await node(9), await node(1), await node(2)]
    sell(middle.book, 2)
    await liar.network.connect(keyOf(2).peer, 1_000)
    await seller.network.connect(keyOf(2).peer, 1_000)
    sell(seller.book, 1)
    const bad = { ...signed(9), signature: signed(1).signature }
    await liar.network.publish(offersTopic('compute'), signedDocumentSchema.encodeMessage(bad))
    await clock.settle()
    expect(middle.book.list('compute').map(({ peer }) => peer)).toEqual([keyOf(1).peer])
  })

  it('asks the first peers that come for all they know, once somebody wants to know', async () => {
    const [seller, middle, buyer] = [await node(1), await node(2), await node(3)]
    sell(middle.book, 2)
    sell(seller.book, 1)
    await seller.network.connect(keyOf(2).peer, 1_000)
    // By now nobody greets a newcomer any more.
    for (let other = 20; other < 40; other++) {
      const { network } = await node(other)
      await network.connect(keyOf(1).peer, 1_000)
      await network.connect(keyOf(2).peer, 1_000)
      await clock.advance(10_000)
    }
    expect(buyer.book.list('compute')).toEqual([])
    await buyer.network.connect(keyOf(2).peer, 1_000)
    await clock.advance(100)
    expect(buyer.book.list('compute')).toHaveLength(2)
  })

  it('stays bounded when a peer knows very many nodes', async () => {
    const buyer = await node(3, { offersPerResourceMax: 10 })
    const liar = hub.createNode(keyOf(9).peer)
    const many = Array.from({ length: 100 }, (_, index) => signed(10 + index))
    liar.handle(OFFERS_PROTOCOL, offersProtocolLimits, async () => offersReplySchema.encodeMessage({ offers: many }))
    await liar.start()
    await buyer.network.connect(keyOf(9).peer, 1_000)
    const waiting = buyer.book.wait('compute', { minimum: 50, timeoutMs: 1_000 })
    await clock.advance(1_100)
    expect(await waiting).toHaveLength(10)
  })

  it('offers each resource once', async () => {
    const { book } = await node(1)
    const stop = sell(book, 1)
    expect(() => sell(book, 1)).toThrow(TypeError)
    stop()
    sell(book, 1)
  })
})
