import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { afterEach, expect, test } from 'vitest'
import { PaceGuard } from '../src/s3/body/pace-guard.ts'
import { sendAnswer } from '../src/s3/http/answer.ts'
import { ShiftedClock } from './system-ports.ts'

const LARGE_BYTES = 1024 * 1024
const PACE = { bodyIdleMs: 60_000, bodyBytesPerIdleMin: 1 }

let server: Server | undefined
afterEach(() => server?.close())

/** Serves chunks once. @returns what the client is sent them over, and when the server is done with them */
async function serve(chunks: readonly Uint8Array[]) {
  const sent = Promise.withResolvers<void>()
  async function* body(): AsyncGenerator<Uint8Array> {
    yield* chunks
  }
  const length = chunks.reduce((sum, bytes) => sum + bytes.length, 0)
  server = createServer((_message, response) => {
    const answer = { status: 200, headers: { 'content-length': String(length) }, body: body() }
    response.on('close', () => sent.resolve())
    sendAnswer(response, answer, new PaceGuard(new ShiftedClock(), PACE)).catch(sent.reject)
  })
  const listening = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', listening.resolve)
  await listening.promise
  const { port } = server.address() as AddressInfo
  return { sent: sent.promise, asking: request({ host: '127.0.0.1', port }) }
}

test('the memory of a chunk goes back when it is sent, and not before', async () => {
  const own = Array.from({ length: 5 }, (_, at) => new Uint8Array(LARGE_BYTES).fill(at + 1))
  const middling = Array.from({ length: 5 }, (_, at) => new Uint8Array(40_000).fill(at + 11))
  const shared = new Uint8Array(LARGE_BYTES).fill(21)
  const chunks = [...own, ...middling, shared.subarray(1)]
  const whole = Buffer.concat(chunks)
  const { sent, asking } = await serve(chunks)
  const answered = Promise.withResolvers<Buffer>()
  asking.on('response', (answer) => {
    // Slow at first: what is sent waits on its way.
    setImmediate(() => void buffer(answer).then(answered.resolve, answered.reject))
  })
  asking.on('error', answered.reject)
  asking.end()
  expect(Buffer.compare(await answered.promise, whole)).toBe(0)
  await sent
  expect([...own, ...middling].map(({ length }) => length)).toEqual(Array.from({ length: 10 }, () => 0))
  expect(shared.length).toBe(LARGE_BYTES)
})

test('a client that leaves while a chunk is on its way is no harm', async () => {
  const own = Array.from({ length: 8 }, () => new Uint8Array(LARGE_BYTES))
  const { sent, asking } = await serve(own)
  asking.on('error', () => undefined)
  asking.on('response', (answer) => answer.once('data', () => answer.destroy()))
  asking.end()
  await expect(sent).resolves.toBeUndefined()
})
