import { CoreError } from '@stead/core'
import type { RootPointer, RootPointers, SegmentStore } from '@stead/storage'

/**
 * What happens at one call: it is refused before or after it did its work, or the process dies before or after it, when
 * neither this nor any later call settles.
 */
export type FaultKind = 'refuse-before' | 'refuse-after' | 'die-before' | 'die-after'

/** Counts the calls to segments and pointers, and lets one of them go wrong. */
export class FaultyPorts {
  /** Calls so far, with their names. */
  readonly calls: string[] = []
  isDead = false
  #fault: { readonly atCall: number; readonly kind: FaultKind } | undefined

  /** Lets the call of this number go wrong, counted from the first one on. */
  plan(atCall: number, kind: FaultKind): void {
    this.#fault = { atCall, kind }
  }

  segments(inner: SegmentStore): SegmentStore {
    return {
      put: (key, plaintext) => this.#call('put', () => inner.put(key, plaintext)),
      read: (reference, key, range) => this.#call('read', () => inner.read(reference, key, range)),
      release: (reference) => this.#call('release', () => inner.release(reference)),
      list: (after, limit) => this.#call('list', () => inner.list(after, limit)),
    }
  }

  pointers(inner: RootPointers): RootPointers {
    return (seed): RootPointer => {
      const pointer = inner(seed)
      return {
        read: () => this.#call('pointer read', () => pointer.read()),
        swap: (expected, value) => this.#call('swap', () => pointer.swap(expected, value)),
      }
    }
  }

  async #call<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    const number = this.calls.push(name) - 1
    if (this.isDead) return await never()
    const kind = this.#fault?.atCall === number ? this.#fault.kind : undefined
    if (kind === undefined) return await work()
    if (kind.endsWith('after')) await work()
    if (kind.startsWith('refuse')) throw new CoreError('NETWORK_TIMEOUT', `call ${number}, ${name}, was not answered`)
    this.isDead = true
    return await never()
  }
}

function never<Result>(): Promise<Result> {
  return new Promise<Result>(() => undefined)
}
