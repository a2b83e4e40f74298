import { type Address, address } from '@stead/core'
import type { OfferEntry } from '@stead/market'
import { createSigner, loadSecp256k1, peerIdOfPublicKey } from '@stead/protocol'
import { expect, it } from 'vitest'
import { NodeLoads } from '../src/consumer/node-loads.ts'
import { computeTermsSchema } from '../src/terms.ts'
import { World } from './support/world.ts'

const secp256k1 = await loadSecp256k1()

/** The same offer for nothing, of a node that does not exist. */
function madeUp(model: OfferEntry, number: number): OfferEntry {
  const signer = createSigner(secp256k1, new Uint8Array(32).fill(100 + number))
  const terms = computeTermsSchema.decodeDocument(model.offer.terms)
  const free = { ...terms, priceMicroUsdPerGigafuel: 0n, minimumMicroUsdPerTask: 0n } as typeof terms
  const { address: node } = signer
  const offer = { ...model.offer, node, operator: node, terms: computeTermsSchema.encodeDocument(free) }
  return { ...model, offer, peer: peerIdOfPublicKey(signer.publicKey) }
}

it('a job finds its nodes behind any number of cheaper offers that nobody stands behind', async () => {
  const world = await World.of(3, { consumer: { providersPerJobMax: 4 } })
  const { offers } = world.payer
  const genuine = offers.list('compute')
  const [model] = genuine
  if (model === undefined) throw new TypeError('nobody offers')
  const noneOfThem = Array.from({ length: 40 }, (_, number) => madeUp(model, number))
  offers.list = () => [...noneOfThem, ...genuine]
  const { result } = await world.run(await world.job(6, { verification: { mode: 'quorum', replicas: 2 } }))
  expect(result.status).toMatchObject({ state: 'complete', unfinished: {} })
  await world.expectRight(result)
})

it('a job asks nodes that did not answer the last one after those that did, and as before a minute later', async () => {
  const world = await World.of(2, { consumer: { providersPerJobMax: 2 } })
  const { offers, market } = world.payer
  const genuine = offers.list('compute')
  const [model] = genuine
  if (model === undefined) throw new TypeError('nobody offers')
  const madeUpOnes = [madeUp(model, 0), madeUp(model, 1)]
  offers.list = () => [...madeUpOnes, ...genuine]
  const quotes = market.quotes.bind(market)
  const asked: string[] = []
  market.quotes = (request) => {
    asked.push(
      ...request.providers.map(({ peer }) => (madeUpOnes.some((one) => one.peer === peer) ? 'made up' : 'real')),
    )
    return quotes(request)
  }
  const askedFirst = async (): Promise<readonly string[]> => {
    asked.length = 0
    const { result } = await world.run(await world.job(1))
    expect(result.status).toMatchObject({ state: 'complete' })
    return asked.slice(0, 2)
  }
  expect(await askedFirst()).toEqual(['made up', 'made up'])
  expect(await askedFirst()).toEqual(['real', 'real'])
  await world.clock.advance(61_000)
  expect(await askedFirst()).toEqual(['made up', 'made up'])
})

it('what was in flight at which node is forgotten when it is over, and not before', () => {
  const loads = new NodeLoads()
  const nodeOf = (number: number): Address => address(`0x${number.toString(16).padStart(40, '0')}`)
  const busy = loads.of(nodeOf(0))
  busy.begin()
  for (let number = 1; number <= 6000; number++) loads.of(nodeOf(number))
  expect(loads.size.have).toBeLessThanOrEqual(loads.size.max)
  expect(loads.size.max).toBe(4097)
  expect(loads.of(nodeOf(0))).toBe(busy)
})
