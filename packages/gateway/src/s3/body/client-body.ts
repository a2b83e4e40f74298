import type { IncomingMessage } from 'node:http'
import { CoreError } from '@stead/core'
import type { PaceGuard } from './pace-guard.ts'

/**
 * The bytes of a request as they come, with back-pressure; leaves the connection as it is when reading ends early.
 * @param begin called before the first byte is asked for: clients that wait for a word to go on get it
 * @throws S3Error RequestTimeout; CoreError CORE_ABORTED when the client goes away
 */
export async function* readClientBody(
  message: IncomingMessage,
  pace: PaceGuard,
  begin: () => void,
): AsyncGenerator<Uint8Array> {
  begin()
  const chunks = message.iterator({ destroyOnReturn: false })[Symbol.asyncIterator]()
  try {
    for (;;) {
      const next = await pace.wait(nextOf(chunks))
      if (next.done === true) return
      pace.moved(next.value.length)
      yield next.value
    }
  } finally {
    // Lets go of the message, so that what is left can be thrown away. Not awaited: it ends only when the next bytes come.
    void chunks.return?.()
  }
}

async function nextOf(chunks: AsyncIterator<Uint8Array>): Promise<IteratorResult<Uint8Array>> {
  try {
    return await chunks.next()
  } catch (cause) {
    throw new CoreError('CORE_ABORTED', 'the client went away', { cause })
  }
}
