import { address } from '@stead/core'
import { bytesToHex } from '@stead/protocol'
import { MemoryStore } from '@stead/testkit'
import { expect, test } from 'vitest'
import { type HandedPart, type HandedPlaces, Handover } from '../../src/care/handover.ts'
import { encodeReference } from '../../src/placement/segment-reference.ts'

const SEGMENT = new Uint8Array(16).fill(7)
const handed: HandedPlaces = {
  reference: encodeReference({
    version: 1,
    segment: SEGMENT,
    plainBytes: 1000,
    dataPieces: 1,
    pieces: 2,
    roots: new Uint8Array(64).fill(1),
    nodes: new Uint8Array(66),
    payer: address(`0x${'aa'.repeat(20)}`),
  }),
  places: [],
}

function handoverOf(store: MemoryStore, kept: readonly HandedPlaces[]): Handover {
  return new Handover({
    store,
    async *segments() {
      yield* kept
    },
  })
}

async function told(handover: Handover): Promise<readonly HandedPart[]> {
  const parts: HandedPart[] = []
  await handover.run(async (part) => void parts.push(part))
  return parts
}

test('what was said just before the power failed is taken back when it is kept no more', async () => {
  const store = new MemoryStore()
  const heard = Promise.withResolvers<HandedPart>()
  void handoverOf(store, [handed]).run(async (part) => {
    store.crash()
    heard.resolve(part)
  })
  expect((await heard.promise).put).toHaveLength(1)
  const next = handoverOf(store.reopen('power'), [])
  const parts = await told(next)
  expect(parts.flatMap(({ drop }) => drop.map(bytesToHex))).toEqual([bytesToHex(SEGMENT)])
  expect(await told(next)).toEqual([{ put: [], drop: [], isComplete: true }])
})

test('what may have been heard is said again, and once only when it was taken', async () => {
  const store = new MemoryStore()
  const failing = handoverOf(store, [handed])
  await expect(failing.run(() => Promise.reject(new Error('away')))).rejects.toThrow('away')
  const handover = handoverOf(store, [handed])
  expect((await told(handover)).flatMap(({ put }) => put)).toHaveLength(1)
  expect((await told(handover)).flatMap(({ put }) => put)).toEqual([])
  expect(await Array.fromAsync(handover.told())).toEqual([handed.reference])
})
