import { hasCode } from '@stead/core'
import { type GetObjectQuery, type ObjectStream, type ObjectView, objectViewWire } from '../api/objects.ts'
import { OBJECT_HEADER } from '../api/route.ts'
import { SdkError } from '../errors.ts'

/** How a stream that broke is opened again. */
export interface Reopening {
  open(query: GetObjectQuery): Promise<ObjectStream>
  /** Waits before the next attempt. */
  pause(): Promise<void>
  /** Attempts in a row that bring no byte. */
  readonly attemptsMax: number
}

/** What the headers of an answer say of its object. @throws SdkError API_BAD_RESPONSE */
export function objectOf(response: Response): ObjectView {
  const value = objectViewWire.safeDecode(jsonOf(response.headers.get(OBJECT_HEADER) ?? ''))
  if (value.success) return value.data
  throw new SdkError('API_BAD_RESPONSE', 'the node does not say which object it sends')
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(decodeURIComponent(text))
  } catch {
    return undefined
  }
}

/**
 * The same stream, which goes on where it broke: of the same version only, because the same etag is asked for.
 * @throws SdkError API_NO_DAEMON, API_INTERRUPTED after the last attempt; what the daemon says when it cannot go on
 */
export function steadyObject(query: GetObjectQuery, first: ObjectStream, reopening: Reopening): ObjectStream {
  return { ...first, body: steadyBody(query, first, reopening) }
}

async function* steadyBody(
  query: GetObjectQuery,
  first: ObjectStream,
  { open, pause, attemptsMax }: Reopening,
): AsyncGenerator<Uint8Array, void> {
  const { lengthBytes, object } = first
  const startByte = query.fromByte ?? 0
  let stream: ObjectStream | undefined = first
  for (let [sent, attempts] = [0, 0]; ; attempts++) {
    try {
      stream ??= await open({
        ...query,
        fromByte: startByte + sent,
        toByte: startByte + lengthBytes,
        ifMatch: object.etag,
      })
      for await (const bytes of stream.body) {
        sent += bytes.length
        attempts = 0
        yield bytes
      }
      if (sent === lengthBytes) return
      throw new SdkError('API_INTERRUPTED', `the node sent ${sent} of ${lengthBytes} bytes`)
    } catch (error) {
      if (!isTransient(error) || attempts >= attemptsMax || sent > lengthBytes) throw error
    }
    stream = undefined
    await pause()
  }
}

/** Whether the same question may be answered a moment later. */
export function isTransient(error: unknown): boolean {
  return hasCode(error, 'API_NO_DAEMON') || hasCode(error, 'API_INTERRUPTED')
}
