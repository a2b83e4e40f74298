import type { SegmentStore } from '@stead/storage'
import { describe, expect, it } from 'vitest'
import { bytesFrom, bytesOf, Workplace } from './workplace.ts'

const SEGMENT_BYTES = 1_310_400
const SEGMENTS = 5

/** A network that keeps what was sent only when it is told to. */
class SlowSegments {
  readonly #inner: SegmentStore
  readonly waiting: PromiseWithResolvers<void>[] = []
  sent = 0

  constructor(inner: SegmentStore) {
    this.#inner = inner
  }

  get store(): SegmentStore {
    const inner = this.#inner
    return {
      put: async (key, plaintext) => {
        const kept = inner.put(key, plaintext)
        this.sent++
        const told = Promise.withResolvers<void>()
        this.waiting.push(told)
        await told.promise
        return await kept
      },
      read: (reference, key, range) => inner.read(reference, key, range),
      release: (reference) => inner.release(reference),
      list: (after, limit) => inner.list(after, limit),
    }
  }

  /** Lets the oldest be kept, or fail. */
  tell(error?: Error): void {
    const oldest = this.waiting.shift()
    if (error === undefined) oldest?.resolve()
    else oldest?.reject(error)
  }
}

async function started(segmentBytes = SEGMENT_BYTES): Promise<{
  place: Workplace
  slow: SlowSegments
  put: (signal?: AbortSignal) => Promise<unknown>
}> {
  const place = new Workplace()
  await place.open().createBucket('bucket')
  const slow = new SlowSegments(place.segments)
  const store = place.open({ segmentBytes }, { segments: slow.store })
  const put = (signal?: AbortSignal): Promise<unknown> =>
    store.put('bucket', 'large', [bytesOf(SEGMENTS * segmentBytes)], signal === undefined ? {} : { signal })
  return { place, slow, put }
}

/** Lets everything go on that waits for nothing else. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
}

async function keptSegments(place: Workplace): Promise<number> {
  return (await place.segments.list(undefined, 100)).length
}

/** Lets everything through until some work is done. */
async function tellUntil(work: Promise<unknown>, slow: { tell(): void }): Promise<void> {
  let isDone = false
  const end = work.then(() => {
    isDone = true
  })
  while (!isDone) {
    slow.tell()
    await settled()
  }
  await end
}

describe('an object of many segments', () => {
  it('is sent while its next segment is made, two at once and no more', async () => {
    const { place, slow, put } = await started()
    const done = put()
    await settled()
    expect(slow.sent).toBe(2)
    for (let sent = 3; sent <= SEGMENTS; sent++) {
      slow.tell()
      await settled()
      expect([slow.sent, slow.waiting.length]).toEqual([sent, 2])
    }
    // What is left, and the pages of the bucket.
    await tellUntil(done, slow)
    const { body } = await place.open().get('bucket', 'large')
    expect(Buffer.compare(await bytesFrom(body), bytesOf(SEGMENTS * SEGMENT_BYTES))).toBe(0)
  })

  it('is sent one segment after another where two are too much memory', async () => {
    const { slow, put } = await started(5 * 1024 * 1024)
    const done = put()
    for (let sent = 1; sent <= SEGMENTS; sent++) {
      await settled()
      expect([slow.sent, slow.waiting.length]).toEqual([sent, 1])
      slow.tell()
    }
    await tellUntil(done, slow)
  })

  it('leaves nothing behind when one of its segments is not kept, whatever becomes of the one after', async () => {
    const { place, slow, put } = await started()
    const before = await keptSegments(place)
    const done = put()
    await settled()
    slow.tell(new Error('too few nodes'))
    await expect(done).rejects.toThrow('too few nodes')
    slow.tell()
    await settled()
    // The first one was kept by the store beneath, which the failure hides: one stays for the sweep.
    expect(await keptSegments(place)).toBe(before + 1)
  })

  it('leaves nothing behind when it is given up in the middle', async () => {
    const { place, slow, put } = await started()
    const before = await keptSegments(place)
    const abort = new AbortController()
    const done = put(abort.signal)
    await settled()
    abort.abort()
    await expect(done).rejects.toMatchObject({ code: 'CORE_ABORTED' })
    slow.tell()
    slow.tell()
    await settled()
    expect(await keptSegments(place)).toBe(before)
  })
})
