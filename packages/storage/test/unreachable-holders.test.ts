import { CoreError, type Network, type NetworkEvents, type PeerId } from '@stead/core'
import { decorated, SeededRandom } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import { PIECES_PROTOCOL, pieceReplySchema } from '../src/messages.ts'
import { NetworkWorld, type SellingNode } from './support/network-world.ts'
import { serving } from './support/serving.ts'

const KEY = new Uint8Array(32).fill(9)
const plaintext = new SeededRandom(5).bytes(700_000)
const ALL = { fromByte: 0, toByte: plaintext.length }
const SECOND_MS = 1000

/** Nodes whose addresses the payer does not know: nothing gets there, and that is known at once. */
class Unfound {
  readonly peers: Set<PeerId> = new Set()
  /** Requests that did not get there. */
  asked = 0
  readonly #listeners: Set<NetworkEvents> = new Set()

  readonly decorate = (network: Network): Network =>
    decorated(network, {
      request: async (peer, ...rest) => {
        if (!this.peers.has(peer)) return await network.request(peer, ...rest)
        this.asked++
        throw new CoreError('NETWORK_UNREACHABLE', `cannot reach ${peer}`)
      },
      listen: (events) => {
        this.#listeners.add(events)
        return () => this.#listeners.delete(events)
      },
    })

  get listeners(): number {
    return this.#listeners.size
  }

  /** They come up, and connect to the payer. */
  connect(peers: Iterable<PeerId>): void {
    for (const peer of peers) {
      this.peers.delete(peer)
      for (const { peerConnected } of this.#listeners) peerConnected?.(peer)
    }
  }

  /** They can be found from now on, and do not call themselves. */
  reveal(peers: Iterable<PeerId>): void {
    for (const peer of peers) this.peers.delete(peer)
  }
}

interface Stage {
  readonly world: NetworkWorld
  readonly unfound: Unfound
  readonly reference: Uint8Array
}

/** Twelve nodes with a piece each, of which some cannot be found after the payer was restarted. */
async function restarted(away: number): Promise<Stage> {
  const world = new NetworkWorld()
  const unfound = new Unfound()
  for (let number = 0; number < 12; number++) await world.addSeller()
  world.decoratePayer = unfound.decorate
  await world.startPayer()
  const reference = await world.within(world.payer.segments.put(KEY, plaintext))
  await world.clock.advance(10 * SECOND_MS)
  await world.restartPayer()
  for (const { peer } of world.sellers.slice(0, away)) unfound.peers.add(peer)
  return { world, unfound, reference }
}

async function timed<Result>(world: NetworkWorld, call: Promise<Result>): Promise<{ result: Result; ms: number }> {
  const startMs = world.clock.monotonicMs()
  const result = await world.within(call)
  return { result, ms: world.clock.monotonicMs() - startMs }
}

const peersOf = (sellers: readonly SellingNode[]): PeerId[] => sellers.map(({ peer }) => peer)

describe('a read whose nodes cannot be reached yet', () => {
  it('goes on as soon as enough of them are connected', async () => {
    const { world, unfound, reference } = await restarted(10)
    const read = world.payer.segments.read(reference, KEY, ALL)
    await world.clock.advance(20 * SECOND_MS)
    const [first, second] = world.sellers
    if (first === undefined || second === undefined) throw new TypeError('nobody sells')
    unfound.connect([first.peer])
    await world.clock.advance(SECOND_MS)
    unfound.connect([second.peer])
    const { result, ms } = await timed(world, read)
    expect(result).toEqual(plaintext)
    expect(ms).toBeLessThan(500)
  })

  it('finds them itself where they do not call', async () => {
    const { world, unfound, reference } = await restarted(10)
    const read = world.payer.segments.read(reference, KEY, ALL)
    await world.clock.advance(20 * SECOND_MS)
    unfound.reveal(peersOf(world.sellers))
    const { result, ms } = await timed(world, read)
    expect(result).toEqual(plaintext)
    expect(ms).toBeLessThan(6 * SECOND_MS)
  })

  it('is told of while it waits, and says at last how many pieces and nodes are missing', async () => {
    const { world, unfound, reference } = await restarted(10)
    const { reach } = world.payer.consumer
    const read = world.payer.segments.read(reference, KEY, ALL)
    const failed = expect(read).rejects.toMatchObject({
      code: 'STORAGE_TOO_FEW_PIECES',
      message: expect.stringMatching(/^need 4 pieces of a segment, have 2: 2 are missing, and 10 of 12 nodes/),
      details: { needPieces: 4, havePieces: 2, awayNodes: 10 },
    })
    await world.clock.advance(SECOND_MS)
    expect(reach.waits()).toEqual([expect.objectContaining({ needPieces: 4, havePieces: 2, awayNodes: 10, nodes: 12 })])
    await world.clock.advance(90 * SECOND_MS)
    await failed
    expect(reach.waits()).toEqual([])
    // With pauses that grow: not again and again.
    expect(unfound.asked).toBeLessThan(400)
  })

  it('ends with its signal, and listens no more', async () => {
    const { world, unfound, reference } = await restarted(10)
    const before = unfound.listeners
    const abort = new AbortController()
    const read = world.payer.segments.read(reference, KEY, ALL, abort.signal)
    await world.clock.advance(SECOND_MS)
    expect(unfound.listeners).toBeGreaterThan(before)
    const failed = expect(read).rejects.toThrow('nobody wants it')
    abort.abort(new Error('nobody wants it'))
    await failed
    expect(unfound.listeners).toBe(before)
    expect(world.payer.consumer.reach.waits()).toEqual([])
  })

  it('ends when the payer stops', async () => {
    const { world, reference } = await restarted(10)
    const failed = expect(world.payer.segments.read(reference, KEY, ALL)).rejects.toMatchObject({
      code: 'STORAGE_TOO_FEW_PIECES',
    })
    await world.clock.advance(SECOND_MS)
    world.payer.consumer.reach.stop()
    await failed
  })

  it('waits for nobody where too many say that their piece is gone', async () => {
    const world = new NetworkWorld()
    const unfound = new Unfound()
    let isGone = false
    const losing = (network: Network): Network =>
      serving(network, PIECES_PROTOCOL, (handler) => async (request) => {
        const answer = await handler(request)
        if (!isGone) return answer
        return pieceReplySchema.encodeMessage({ ...pieceReplySchema.decodeMessage(answer), bytes: new Uint8Array(0) })
      })
    for (let number = 0; number < 12; number++) await world.addSeller(number < 9 ? { decorate: losing } : {})
    world.decoratePayer = unfound.decorate
    await world.startPayer()
    const reference = await world.within(world.payer.segments.put(KEY, plaintext))
    await world.clock.advance(10 * SECOND_MS)
    isGone = true
    for (const { peer } of world.sellers.slice(9)) unfound.peers.add(peer)
    const startMs = world.clock.monotonicMs()
    await expect(world.within(world.payer.segments.read(reference, KEY, ALL))).rejects.toMatchObject({
      code: 'STORAGE_TOO_FEW_PIECES',
    })
    expect(world.clock.monotonicMs() - startMs).toBeLessThan(10 * SECOND_MS)
  })
})

describe('nodes that do not answer', () => {
  it('are waited for once, and not in each read that follows', async () => {
    const world = await NetworkWorld.of(12)
    const { segments } = world.payer
    const reference = await world.within(segments.put(KEY, plaintext))
    await world.clock.advance(10 * SECOND_MS)
    const frozen = peersOf(world.sellers.slice(0, 8))
    world.hub.partition([world.payerPeer, ...peersOf(world.sellers.slice(8))], frozen)
    // Slow because nobody knows yet.
    const first = await timed(world, segments.read(reference, KEY, ALL))
    expect(first.result).toEqual(plaintext)
    for (let again = 0; again < 5; again++) {
      const { result, ms } = await timed(world, segments.read(reference, KEY, ALL))
      expect(result).toEqual(plaintext)
      expect(ms).toBeLessThan(200)
    }
  })
})

describe('a put whose nodes cannot be reached yet', () => {
  it('is done when enough of them are there', async () => {
    const { world, unfound } = await restarted(6)
    const put = world.payer.segments.put(KEY, plaintext)
    await world.clock.advance(12 * SECOND_MS)
    unfound.connect(peersOf(world.sellers))
    const { result, ms } = await timed(world, put)
    expect(result.length).toBeGreaterThan(0)
    expect(ms).toBeLessThan(25 * SECOND_MS)
  })
})
