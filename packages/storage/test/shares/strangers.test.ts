import type { Address } from '@stead/core'
import { SeededRandom } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import { NetworkWorld } from '../support/network-world.ts'

const KEY = new Uint8Array(32).fill(9)

describe('a stranger who knows a segment', () => {
  it('reads it from its nodes, and when all of these were replaced from those that its owner names', async () => {
    const world = await NetworkWorld.of(24)
    const { segments } = world.payer
    const plaintext = new SeededRandom(1).bytes(300_000)
    const reference = await world.within(segments.put(KEY, plaintext))
    const stranger = await world.addStranger(segments)
    const all = { fromByte: 0, toByte: plaintext.length }
    expect(await world.within(stranger.segments.read(reference, KEY, all))).toEqual(plaintext)
    const wrong = stranger.segments.read(reference, new Uint8Array(32), all)
    await expect(world.within(wrong)).rejects.toMatchObject({ code: 'STORAGE_NOT_AUTHENTIC' })
    const firstNodes = new Set((await Array.fromAsync(segments.all()))[0]?.placed.map(({ node }) => node))
    const gone = new Set<Address>()
    // Three of the first nodes stay, one too few.
    for (const seller of world.sellers.filter(({ node }) => firstNodes.has(node)).slice(0, -3)) {
      world.kill(seller)
      gone.add(seller.node)
      if (gone.size % 4 === 0) await world.within(segments.repair(reference, { isLost: ({ node }) => gone.has(node) }))
    }
    await world.within(segments.repair(reference, { isLost: ({ node }) => gone.has(node) }))
    expect(await world.within(stranger.segments.read(reference, KEY, all))).toEqual(plaintext)
    await segments.release(reference)
    await expect(world.within(stranger.segments.read(reference, KEY, all))).rejects.toMatchObject({
      code: 'STORAGE_SEGMENT_UNKNOWN',
    })
  })
})
