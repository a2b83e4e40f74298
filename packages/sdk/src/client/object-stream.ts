import { hasCode } from '@stead/core'
import type { ByteStream } from '../api/objects.ts'
import { OBJECT_HEADER } from '../api/route.ts'
import type { Wire } from '../api/scalars.ts'
import { SdkError } from '../errors.ts'

/** Which bytes are asked for, and of what only. */
interface AskedRange {
  readonly fromByte?: number
  readonly toByte?: number
  readonly ifMatch?: string
}

/** Bytes of one version of an object. */
interface VersionStream extends ByteStream {
  readonly object: { readonly etag: string }
}

/** How often, and when, a stream that broke is opened again. */
export interface Reconnecting {
  /** Waits before the next attempt. */
  pause(): Promise<void>
  /** Attempts in a row that bring no byte. */
  readonly attemptsMax: number
}

/** How a stream that broke is opened again. */
interface Reopening<Query extends AskedRange> extends Reconnecting {
  open(query: Query): Promise<ByteStream>
}

/** What the headers of an answer say of its object. @throws SdkError API_BAD_RESPONSE */
export function objectOf<View>(response: Response, wire: Wire<View>): View {
  const value = wire.safeDecode(jsonOf(response.headers.get(OBJECT_HEADER) ?? ''))
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
export function steadyObject<Query extends AskedRange, Stream extends VersionStream>(
  query: Query,
  first: Stream,
  reopening: Reopening<Query>,
): Stream {
  return { ...first, body: steadyBody(query, first, reopening) }
}

async function* steadyBody<Query extends AskedRange>(
  query: Query,
  first: VersionStream,
  { open, pause, attemptsMax }: Reopening<Query>,
): AsyncGenerator<Uint8Array, void> {
  const { lengthBytes, object } = first
  const startByte = query.fromByte ?? 0
  let stream: ByteStream | undefined = first
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
