import type { ServerResponse } from 'node:http'
import { freeMemory } from '@stead/core'
import type { PaceGuard } from '../body/pace-guard.ts'
import { firstOf } from './first-of.ts'

/** What a request is answered with. */
export interface S3Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** XML, or bytes whose length is in the headers; the memory of each chunk goes back when it is sent. */
  readonly body?: string | AsyncIterable<Uint8Array>
}

/** An answer of one XML document. */
export function xmlAnswer(document: string, status = 200): S3Answer {
  return { status, headers: { 'content-type': 'application/xml' }, body: document }
}

/**
 * Sends an answer, as fast as the client takes it. The first bytes are had before the head is sent, so that what cannot
 * be read is an error and not a broken answer.
 * @throws S3Error RequestTimeout when the client takes too little; what the body throws
 */
export async function sendAnswer(response: ServerResponse, answer: S3Answer, pace: PaceGuard): Promise<void> {
  const { status, headers = {}, body = '' } = answer
  if (typeof body === 'string') {
    const bytes = Buffer.from(body)
    const length = status === 204 || status === 304 ? {} : { 'content-length': String(bytes.length) }
    response.writeHead(status, { ...length, ...headers })
    response.end(bytes)
    return
  }
  const chunks = body[Symbol.asyncIterator]()
  try {
    let next = await chunks.next()
    response.writeHead(status, headers)
    while (next.done !== true) {
      const bytes = next.value
      const sentBytes = bytes.length
      if (!response.write(bytes, () => freeMemory(bytes))) {
        if (response.destroyed) return
        await pace.wait(firstOf([response, 'drain'], [response, 'close']))
      }
      if (response.destroyed) return
      pace.moved(sentBytes)
      next = await chunks.next()
    }
    response.end()
  } finally {
    await chunks.return?.()
  }
}
