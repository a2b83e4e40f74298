import { type Clock, isSteadError } from '@stead/core'

const ATTEMPTS_MAX = 4
const FIRST_PAUSE_MS = 200

/** Asks the chain again, after pauses of 0.2, 0.4 and 0.8 s, when it fails for a reason that may pass. */
export async function withRetries<Value>(clock: Clock, ask: () => Promise<Value>): Promise<Value> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask()
    } catch (error) {
      const mayPass = isSteadError(error) && error.retryable && error.code.startsWith('CHAIN_')
      if (!mayPass || attempt >= ATTEMPTS_MAX) throw error
      await clock.sleep(FIRST_PAUSE_MS * 2 ** (attempt - 1))
    }
  }
}

/** Applies `work` to each of a list, so many at a time, in order. */
export async function mapBounded<Item, Value>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<Value>,
): Promise<readonly Value[]> {
  const values: Value[] = []
  for (let first = 0; first < items.length; first += atOnce) {
    values.push(...(await Promise.all(items.slice(first, first + atOnce).map(work))))
  }
  return values
}
