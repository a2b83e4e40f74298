import { CoreError } from '@stead/core'

/** @throws CoreError CORE_ABORTED */
export function checkAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortedError()
}

function abortedError(): CoreError {
  return new CoreError('CORE_ABORTED', 'the operation was cancelled')
}

/** A promise, or the end by a signal; what then still comes of the promise is not heard. @throws CoreError CORE_ABORTED */
export async function abortable<Result>(promise: Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
  if (signal === undefined) return await promise
  checkAborted(signal)
  return await new Promise<Result>((resolve, reject) => {
    const onAbort = (): void => reject(abortedError())
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

/** The chunks of a body, until a signal ends it. @throws CoreError CORE_ABORTED; what the body throws */
export async function* abortableBody(
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const chunks = Symbol.asyncIterator in body ? body[Symbol.asyncIterator]() : body[Symbol.iterator]()
  let isOver = false
  try {
    for (;;) {
      const { done, value } = await abortable(Promise.resolve(chunks.next()), signal)
      isOver = done === true
      if (isOver) return
      yield value
    }
  } catch (error) {
    isOver = !(error instanceof CoreError)
    throw error
  } finally {
    // A body that hangs would not hear of its end before it goes on: nobody waits for that.
    if (!isOver) Promise.resolve(chunks.return?.()).catch(() => undefined)
  }
}
