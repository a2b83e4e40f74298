import type { Network } from '@stead/core'
import {
  codeSegment,
  createErasureKernel,
  createFrameCipher,
  ErasureCode,
  loadPairHasher,
  PieceMemory,
} from '@stead/storage'
import { decorated, ManualClock, SeededRandom } from '@stead/testkit'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PIECES_PROTOCOL } from '../src/messages.ts'
import { NetworkWorld } from './support/network-world.ts'
import { serving } from './support/serving.ts'

const BLOCK_BYTES = 64 * 1024
const KEY = new Uint8Array(32).fill(7)
const cipher = createFrameCipher()
const hasher = await loadPairHasher()
const code = new ErasureCode(createErasureKernel(), { dataPieces: 2, pieces: 3 })

describe('memory of pieces', () => {
  it('is used again, and shows nothing of the segment before', () => {
    const used = new PieceMemory(new ManualClock())
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 1, max: 999 }), (plainBytes, seed) => {
        const plaintext = new SeededRandom(seed).bytes(plainBytes)
        const again = codeSegment({ cipher, hasher, code, memory: used }, KEY, plaintext)
        const fresh = codeSegment({ cipher, hasher, code, memory: new PieceMemory(new ManualClock()) }, KEY, plaintext)
        for (const [number, { bytes, tree }] of fresh.pieces.entries()) {
          expect(Buffer.compare(again.pieces[number]?.bytes ?? Buffer.alloc(0), bytes)).toBe(0)
          expect(again.pieces[number]?.tree.root).toEqual(tree.root)
        }
        again.free()
      }),
    )
    const block = used.take(64)
    used.give(block)
    expect(used.take(64)).toBe(block)
  })

  it('is no more than two blocks that wait, and goes back when nothing was made for ten seconds', async () => {
    const clock = new ManualClock()
    const memory = new PieceMemory(clock)
    const blocks = [1, 2, 3].map(() => memory.take(BLOCK_BYTES))
    for (const block of blocks) memory.give(block)
    expect(blocks.map(({ length }) => length)).toEqual([0, BLOCK_BYTES, BLOCK_BYTES])
    await clock.advance(9999)
    memory.give(memory.take(BLOCK_BYTES))
    await clock.advance(9999)
    expect(blocks[2]?.length).toBe(BLOCK_BYTES)
    await clock.advance(1)
    expect(blocks.map(({ length }) => length)).toEqual([0, 0, 0])
    expect(clock.pendingTimers).toBe(0)
  })

  it('of a large segment is asked for with so much around it that it is mapped by itself, and goes back whole', async () => {
    const clock = new ManualClock()
    const memory = new PieceMemory(clock)
    const block = memory.take(2 * 1024 * 1024)
    expect(block.length).toBe(2 * 1024 * 1024)
    expect(block.buffer.byteLength).toBeGreaterThan(32 * 1024 * 1024)
    memory.give(block)
    expect(memory.take(2 * 1024 * 1024)).toBe(block)
    memory.give(block)
    await clock.advance(10_000)
    expect([block.length, block.buffer.byteLength]).toEqual([0, 0])
  })

  it('is used again also where a node did not take its piece, and not before nothing is sent from it', async () => {
    const world = new NetworkWorld({ dataPieces: 2, pieces: 3, enough: 2 })
    const blocks = new Set<ArrayBufferLike>()
    let requests = 0
    let changed = 0
    world.decoratePayer = (network: Network) =>
      decorated(network, {
        request: async (peer, protocol, payload, options) => {
          const { tail } = options
          if (protocol !== PIECES_PROTOCOL || tail === undefined)
            return await network.request(peer, protocol, payload, options)
          const before = tail.slice()
          blocks.add(tail.buffer)
          requests++
          try {
            return await network.request(peer, protocol, payload, options)
          } finally {
            if (Buffer.compare(tail, before) !== 0) changed++
          }
        },
      })
    const silent = (network: Network): Network =>
      serving(network, PIECES_PROTOCOL, () => () => new Promise(() => undefined))
    for (let number = 0; number < 3; number++) await world.addSeller(number === 0 ? { decorate: silent } : {})
    await world.startPayer()
    for (let seed = 1; seed <= 3; seed++)
      await world.within(world.payer.segments.put(KEY, new SeededRandom(seed).bytes(40_000)))
    expect(requests).toBeGreaterThan(3)
    expect(changed).toBe(0)
    expect(blocks.size).toBe(1)
  })
})
