import { type PeerId, silentLogger, silentMetrics } from '@stead/core'
import { OfferBook, offerBookOptionsSchema } from '@stead/market'
import { createSigner, loadSecp256k1, peerIdOfPublicKey } from '@stead/protocol'
import { ManualClock, MemoryHub, MemoryLedger, SeededRandom } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import { countGossip } from '../../libp2p/test/support/gossip-counts.ts'
import { figuresOfTheCode, planGossipTrial } from '../src/index.ts'
import { connectAtRandom } from '../src/scale/connections.ts'
import { publishedPerMinute } from '../src/scale/node-traffic.ts'
import { Places } from '../src/scale/places.ts'
import { Spread } from '../src/scale/spread.ts'

const MINUTES = 15

/** Counts what travels. */
class CountingHub extends MemoryHub {
  messages = 0

  override deliver(from: PeerId, to: PeerId, arrive: () => void): void {
    this.messages++
    super.deliver(from, to, arrive)
  }
}

describe('the model, held against reality', () => {
  it('counts the messages of real offer books exactly, where gossip is plain flooding', async () => {
    const secp256k1 = await loadSecp256k1()
    const clock = new ManualClock()
    const random = new SeededRandom(4)
    const hub = new CountingHub({ clock, random })
    const { identity } = new MemoryLedger({ clock, secp256k1 })
    const signers = Array.from({ length: 20 }, () => createSigner(secp256k1, random.bytes(32)))
    const networks = signers.map(({ publicKey }) => hub.createNode(peerIdOfPublicKey(publicKey)))
    const books = networks.map(
      (network) =>
        new OfferBook(
          { network, secp256k1, clock, random: random.fork(), logger: silentLogger, metrics: silentMetrics, identity },
          offerBookOptionsSchema.parse({}),
        ),
    )
    await Promise.all(networks.map((network) => network.start()))
    await Promise.all(books.map((book) => book.start()))
    const connections = connectAtRandom(20, 6, random)
    for (const [node, network] of networks.entries()) {
      for (const other of connections.of(node)) await network.connect(networks[other]?.self ?? network.self, 1000)
    }
    for (const [node, book] of books.entries()) {
      const signer = signers[node]
      if (signer === undefined) continue
      const terms = (): Uint8Array => Uint8Array.of(9)
      book.publish({ resource: 'compute', signer, operator: signer.address, region: '-', terms })
    }
    // Newcomers are greeted; from then on the network is at rest.
    await clock.advance(10_000)
    hub.messages = 0
    await clock.advance(MINUTES * 60_000)
    expect(books.every((book) => book.list('compute').length === 19)).toBe(true)

    const options = { floodsOwn: true, saysDontWant: false, checkMs: 0 }
    const components = { places: new Places(20, random), connections, mesh: connections, isDead: new Uint8Array(20) }
    const spread = new Spread(components, options)
    const perRound = networks.reduce((sum, _, node) => sum + spread.publish(node).copiesSent, 0)
    expect(hub.messages).toBe(perRound * MINUTES * publishedPerMinute(figuresOfTheCode(20)))
  })

  it('is within a fifth of what real gossip nodes send over loopback', { timeout: 120_000 }, async () => {
    const { nodes, links, payloadBytes, estimate } = planGossipTrial(16, 8, 1)
    const messages = 2 * nodes
    const counts = await countGossip({
      nodes,
      links,
      topic: 'stead/offers/1/compute',
      payloadBytes,
      messages,
      betweenMs: 100,
    })
    expect(counts.heard).toBe(messages * (nodes - 1))
    const ratios = [
      counts.copies / messages / estimate.copies,
      counts.dontWants / messages / estimate.dontWants,
      counts.bytes / messages / estimate.bytes,
      counts.meshPerNode / estimate.meshPerNode,
    ]
    for (const ratio of ratios) {
      expect(ratio).toBeGreaterThan(0.8)
      expect(ratio).toBeLessThan(1.25)
    }
  })
})
