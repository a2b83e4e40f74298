import { setTimeout as sleepFor } from 'node:timers/promises'

/** A comment line now and then keeps proxies and idle timers from cutting a quiet stream. */
const KEEP_ALIVE_MS = 15_000

/** Values as NDJSON, one a line. */
export async function* encodeLines(
  values: AsyncIterable<unknown>,
  wire: (value: unknown) => unknown,
): AsyncGenerator<string> {
  for await (const value of values) yield `${JSON.stringify(wire(value))}\n`
}

/** Values with a `number` as server-sent events; ends with the values, or when `signal` aborts. */
export async function* encodeEvents(
  values: AsyncIterable<unknown>,
  wire: (value: unknown) => unknown,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const iterator = values[Symbol.asyncIterator]()
  let next = iterator.next()
  try {
    // The head goes out at once, so that the client knows that it is connected before anything happens.
    yield ': connected\n\n'
    for (;;) {
      const quiet = new AbortController()
      const pause = sleepFor(KEEP_ALIVE_MS, undefined, {
        signal: AbortSignal.any([signal, quiet.signal]),
        ref: false,
      }).then(
        () => 'quiet' as const,
        () => 'ended' as const,
      )
      const result = await Promise.race([next, pause])
      quiet.abort()
      if (result === 'quiet') yield ': quiet\n\n'
      else if (result === 'ended') return
      else if (result.done === true) return
      else {
        yield encodeEvent(result.value, wire)
        next = iterator.next()
      }
    }
  } finally {
    next.catch(() => undefined)
    void iterator.return?.()
  }
}

function encodeEvent(value: unknown, wire: (value: unknown) => unknown): string {
  const { number } = value as { readonly number: number }
  return `id: ${number}\ndata: ${JSON.stringify(wire(value))}\n\n`
}
