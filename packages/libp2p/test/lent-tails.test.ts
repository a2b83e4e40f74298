import { setImmediate } from 'node:timers/promises'
import type { PeerId } from '@stead/core'
import { ManualClock } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import type { ByteStream, ByteStreamEvents } from '../src/byte-stream.ts'
import { encodeRefusal, FRAME_KIND, type FrameKind, FrameReader } from '../src/frame.ts'
import { Requester } from '../src/requester.ts'

const TAIL_BYTES = 500_000
const TIMEOUT_MS = 1000
const PEER = '16Uiu2HAm5hPxT7s3TA2f4b4YjAPzS7yLRSgdj87ysDZ6NAXMiRuY' as PeerId

/** A way to a peer that takes one chunk at a time, when it is told to. */
class SlowStream implements ByteStream {
  readonly isOpen = true
  readonly taken: Uint8Array[] = []
  /** The chunk that is on its way: read when it is taken, as a socket does that still has it. */
  #waiting: Uint8Array | undefined
  #events: ByteStreamEvents | undefined

  listen(events: ByteStreamEvents): void {
    this.#events = events
  }

  send(bytes: Uint8Array): boolean {
    expect(this.#waiting).toBeUndefined()
    this.#waiting = bytes
    return false
  }

  readonly pause = (): void => undefined
  readonly resume = (): void => undefined
  readonly abort = (): void => undefined

  /** The peer takes what waits; false when nothing does. */
  take(): boolean {
    if (this.#waiting === undefined) return false
    this.taken.push(Uint8Array.from(this.#waiting))
    this.#waiting = undefined
    this.#events?.onDrain()
    return true
  }

  answer(frame: Uint8Array): void {
    this.#events?.onBytes(frame)
  }

  /** The connection is lost. */
  end(): void {
    this.#events?.onEnd(new Error('cut'))
  }

  /** Everything that was sent, as the peer reads it. */
  frames(): readonly { readonly kind: FrameKind; readonly id: number; readonly body: Uint8Array }[] {
    while (this.take());
    const frames: { readonly kind: FrameKind; readonly id: number; readonly body: Uint8Array }[] = []
    const reader = new FrameReader(
      {
        bodyBytesMax: () => 2 * TAIL_BYTES,
        onFrame: (kind, id, body) => frames.push({ kind, id, body: Uint8Array.from(body) }),
        onOversized: () => expect.fail('no frame is so large'),
      },
      0,
    )
    for (const bytes of this.taken) reader.push(bytes)
    expect(reader.missingBytes).toBe(0)
    return frames
  }
}

/** A requester whose stream is open, and what its requests said. */
async function openRequester() {
  const clock = new ManualClock()
  const stream = new SlowStream()
  const requester = new Requester(
    {
      clock,
      peer: PEER,
      protocol: '/stead/test/1',
      openStream: async () => stream,
      mayOpenBetter: () => false,
      onBadPeer: (error) => expect.fail(error.message),
      onSilent: () => undefined,
      onIdle: () => undefined,
    },
    {
      payloadBytesMax: 2 * TAIL_BYTES,
      inFlightMax: 16,
      inFlightBytesMax: 16 * TAIL_BYTES,
      idleCloseMs: undefined,
      stallTimeoutMs: 60_000,
      queuedBytesMax: 16 * TAIL_BYTES,
      frameTimeoutMs: 10_000,
      bodyReserveBytesMax: 0,
    },
  )
  /** Asks with a tail of one byte over and over, which is overwritten and given back as soon as the request has settled. */
  const ask = async (byte: number, signal?: AbortSignal): Promise<string> => {
    const tail = new Uint8Array(TAIL_BYTES).fill(byte)
    const options = { timeoutMs: TIMEOUT_MS, tail, ...(signal === undefined ? {} : { signal }) }
    try {
      await requester.request(Uint8Array.of(byte), options)
      return 'answered'
    } catch (error) {
      return (error as { readonly code: string }).code
    } finally {
      tail.fill(255)
      tail.buffer.transfer(0)
    }
  }
  const settle = (): Promise<void> => setImmediate()
  return { clock, stream, requester, ask, settle }
}

/** What a request's frame is to have: its payload and its tail, all of one byte. */
function expectWhole(frame: { readonly body: Uint8Array } | undefined, byte: number): void {
  const content = frame?.body.subarray(4) ?? new Uint8Array(0)
  expect(content.length).toBe(TAIL_BYTES + 1)
  expect(content.every((each) => each === byte)).toBe(true)
}

describe('a lent tail', () => {
  it('is sent whole while nobody takes it back', async () => {
    const { stream, ask, settle } = await openRequester()
    const asked = [ask(1), ask(2)]
    await settle()
    const frames = stream.frames()
    expect(frames).toHaveLength(2)
    for (const [at, frame] of frames.entries()) expectWhole(frame, at + 1)
    for (const { id } of frames) stream.answer(encodeRefusal(id, 'busy'))
    expect(await Promise.all(asked)).toEqual(['NETWORK_BUSY', 'NETWORK_BUSY'])
  })

  it.each([0, 1, 2, 5])('arrives as it was when its request is cancelled after %i chunks', async (chunks) => {
    const { stream, ask, settle } = await openRequester()
    const abort = new AbortController()
    const asked = ask(1, abort.signal)
    await settle()
    for (let taken = 0; taken < chunks; taken++) stream.take()
    abort.abort()
    expect(await asked).toBe('CORE_ABORTED')
    const [request, cancel] = stream.frames()
    expectWhole(request, 1)
    expect([cancel?.kind, cancel?.id]).toEqual([FRAME_KIND.cancel, request?.id])
  })

  it('arrives as it was when the time of its request is over half-way', async () => {
    const { clock, stream, ask, settle } = await openRequester()
    const asked = ask(1)
    await settle()
    stream.take()
    await clock.advance(TIMEOUT_MS)
    expect(await asked).toBe('NETWORK_TIMEOUT')
    expectWhole(stream.frames()[0], 1)
  })

  it('arrives as it was when its request is refused before all of it was sent', async () => {
    const { stream, ask, settle } = await openRequester()
    const asked = ask(1)
    await settle()
    stream.take()
    stream.answer(encodeRefusal(1, 'too-large'))
    expect(await asked).toBe('NETWORK_TOO_LARGE')
    const frames = stream.frames()
    expect(frames).toHaveLength(1)
    expectWhole(frames[0], 1)
  })

  it('is not sent at all when its request is cancelled while another one is on its way', async () => {
    const { stream, ask, settle } = await openRequester()
    const abort = new AbortController()
    const asked = [ask(1), ask(2, abort.signal), ask(3), ask(4, abort.signal)]
    await settle()
    stream.take()
    abort.abort()
    expect(await Promise.all([asked[1], asked[3]])).toEqual(['CORE_ABORTED', 'CORE_ABORTED'])
    const frames = stream.frames()
    expect(frames.map(({ kind, id }) => [kind, id])).toEqual([
      [FRAME_KIND.request, 1],
      [FRAME_KIND.request, 3],
    ])
    expectWhole(frames[0], 1)
    expectWhole(frames[1], 3)
  })

  it('is not sent when its request is cancelled before there is a stream', async () => {
    const { stream, ask, settle } = await openRequester()
    const abort = new AbortController()
    const asked = ask(1, abort.signal)
    abort.abort()
    expect(await asked).toBe('CORE_ABORTED')
    await settle()
    expect(stream.frames()).toEqual([])
  })

  it('is the asker’s again when the connection is lost, or the requester stops', async () => {
    const lost = await openRequester()
    const asked = lost.ask(1)
    await lost.settle()
    lost.stream.take()
    lost.stream.end()
    expect(await asked).toBe('NETWORK_UNREACHABLE')
    expect(() => lost.stream.take()).not.toThrow()
  })
})
