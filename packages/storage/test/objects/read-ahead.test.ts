import type { SegmentStore } from '@stead/storage'
import { describe, expect, it } from 'vitest'
import { readAhead } from '../../src/objects/read-ahead.ts'
import { bytesFrom, bytesOf, Workplace } from './workplace.ts'

const MIB = 1024 * 1024
const SEGMENT_BYTES = 1_310_400

/** Lets everything go on that waits for nothing else. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** Reads that end when they are told to, or when nobody wants them any more. */
class SlowReads {
  readonly asked: { readonly signal: AbortSignal | undefined; readonly go: () => void }[] = []

  async wait(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.asked.push({ signal, go: resolve })
    await promise
  }

  /** Lets all go on that have begun. @returns how many there were until now */
  go(): number {
    for (const { go } of this.asked) go()
    return this.asked.length
  }
}

describe('bytes that are read ahead', () => {
  const range = { fromByte: 0, toByte: 64 * MIB }

  it('are given up, and no more begun, when whoever took them stops', async () => {
    const slow = new SlowReads()
    const chunks = readAhead(range, async ({ fromByte, toByte }, signal) => {
      await slow.wait(signal)
      return new Uint8Array(toByte - fromByte)
    })
    const first = chunks.next()
    await settled()
    slow.go()
    await first
    await settled()
    const begun = slow.asked.length
    await chunks.return(undefined)
    slow.go()
    await settled()
    expect(slow.asked.length).toBe(begun)
    expect(slow.asked.every(({ signal }) => signal?.aborted === true)).toBe(true)
  })

  it('are given up by a signal while the next ones are waited for', async () => {
    const slow = new SlowReads()
    const abort = new AbortController()
    const chunks = readAhead(
      range,
      async ({ fromByte, toByte }, signal) => {
        await slow.wait(signal)
        return new Uint8Array(toByte - fromByte)
      },
      abort.signal,
    )
    const first = chunks.next().catch(() => undefined)
    await settled()
    const begun = slow.asked.length
    abort.abort()
    slow.go()
    await first
    await settled()
    expect([slow.asked.length, slow.asked.every(({ signal }) => signal?.aborted === true)]).toEqual([begun, true])
  })
})

describe('an object whose reader goes away', () => {
  async function reading(
    place: Workplace,
  ): Promise<{ readonly slow: SlowReads; readonly store: ReturnType<Workplace['open']> }> {
    const writer = place.open({ segmentBytes: SEGMENT_BYTES })
    await writer.createBucket('bucket')
    await writer.put('bucket', 'large', [bytesOf(8 * SEGMENT_BYTES)])
    await writer.stop()
    const slow = new SlowReads()
    const inner = place.segments
    let isSlow = false
    const segments: SegmentStore = {
      put: (key, plaintext) => inner.put(key, plaintext),
      read: async (reference, key, range, signal) => {
        if (isSlow) await slow.wait(signal)
        return await inner.read(reference, key, range)
      },
      release: (reference) => inner.release(reference),
      list: (after, limit) => inner.list(after, limit),
    }
    const store = place.open({ segmentBytes: SEGMENT_BYTES }, { segments })
    // What is known of the object is no matter here.
    await bytesFrom((await store.get('bucket', 'large')).body)
    isSlow = true
    return { slow, store }
  }

  it('by a signal, is read no further', async () => {
    const { slow, store } = await reading(new Workplace())
    const abort = new AbortController()
    const { body } = await store.get('bucket', 'large', { signal: abort.signal })
    const chunks = body[Symbol.asyncIterator]()
    const first = chunks.next()
    await settled()
    // The early frame; what is read ahead comes after it.
    slow.go()
    await first
    const second = chunks.next().catch(({ code }) => code)
    await settled()
    const begun = slow.asked.length
    expect(begun).toBeGreaterThan(2)
    abort.abort()
    expect(await second).toBe('CORE_ABORTED')
    for (let turn = 0; turn < 5; turn++) {
      slow.go()
      await settled()
    }
    expect(slow.asked.length).toBe(begun)
    expect(slow.asked.at(-1)?.signal?.aborted).toBe(true)
  })

  it('by ending its loop, is read no further', async () => {
    const { slow, store } = await reading(new Workplace())
    const { body } = await store.get('bucket', 'large')
    const taken = (async () => {
      for await (const chunk of body) return chunk.length
      return 0
    })()
    for (let turn = 0; turn < 3; turn++) {
      await settled()
      slow.go()
    }
    expect(await taken).toBeGreaterThan(0)
    await settled()
    const begun = slow.asked.length
    for (let turn = 0; turn < 5; turn++) {
      slow.go()
      await settled()
    }
    expect(slow.asked.length).toBe(begun)
  })

  it('and a list is not gone on with, however much it steps over', async () => {
    const place = new Workplace()
    const store = place.open()
    await store.createBucket('bucket')
    await store.put('bucket', 'a', [])
    const signal = AbortSignal.abort()
    await expect(store.list('bucket', { limit: 10, signal })).rejects.toMatchObject({ code: 'CORE_ABORTED' })
  })
})
