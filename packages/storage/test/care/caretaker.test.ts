import { type Address, microUsd } from '@stead/core'
import { pieceNameOf } from '@stead/storage'
import { SeededRandom } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import { decodeReference } from '../../src/placement/segment-reference.ts'
import { NetworkWorld, type RunningCaretaker, type SellingNode } from '../support/network-world.ts'

const KEY = new Uint8Array(32).fill(9)
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const WISH = { budgetMicroUsd: microUsd(100_000n), perDayMicroUsd: microUsd(2000n) }

interface CaredFor {
  readonly world: NetworkWorld
  readonly care: RunningCaretaker
  readonly reference: Uint8Array
  readonly plaintext: Uint8Array
}

async function caredFor(nodes: number): Promise<CaredFor> {
  const world = await NetworkWorld.of(nodes)
  const care = await world.startCaretaker()
  const plaintext = new SeededRandom(1).bytes(700_000)
  const reference = await world.within(world.payer.segments.put(KEY, plaintext))
  await world.within(world.payer.consumer.care.appoint(WISH))
  return { world, care, reference, plaintext }
}

/** Lets days pass in which the caretaker looks and works. */
async function days(world: NetworkWorld, { caretaker }: RunningCaretaker, count: number): Promise<void> {
  for (let part = 0; part < 6 * count; part++) {
    await world.clock.advance(DAY_MS / 6 - 2 * HOUR_MS)
    await world.within(caretaker.look())
    await world.clock.advance(2 * HOUR_MS)
    await world.within(caretaker.round())
  }
}

/** Nodes that live and have a piece of a segment in an agreement, of whomever. */
async function holders(world: NetworkWorld, dead: ReadonlySet<Address>, reference: Uint8Array): Promise<number> {
  const { segment, pieces } = decodeReference(reference)
  const names = new Set(Array.from({ length: pieces }, (_, number) => pieceNameOf(segment, number)))
  const held = new Set<string>()
  for (const { node, store } of world.sellers) {
    if (dead.has(node)) continue
    for (const { value } of await store.scan('storage-slots')) {
      const text = Buffer.from(value).toString('hex')
      for (const name of names) if (text.includes(name.slice(2))) held.add(name)
    }
  }
  return held.size
}

describe('a caretaker', () => {
  it('brings redundancy back after 30 % of the nodes died while the payer is away, and readers find it', async () => {
    const { world, care, reference, plaintext } = await caredFor(18)
    expect(care.caretaker.status()).toMatchObject([{ segments: 1, pieces: 0, budgetMicroUsd: WISH.budgetMicroUsd }])
    await world.closePayer()
    const dead = new Set<Address>()
    const victims: readonly SellingNode[] = world.sellers.slice(0, 6)
    for (const seller of victims) {
      world.kill(seller)
      dead.add(seller.node)
    }
    const left = await holders(world, dead, reference)
    expect(left).toBeLessThan(12)
    await days(world, care, 3)
    expect(await holders(world, dead, reference)).toBe(12)
    expect(care.caretaker.status()).toMatchObject([{ segments: 1 }])
    expect(care.caretaker.status()[0]?.pieces).toBeGreaterThanOrEqual(12 - left)
  }, 120_000)
})
