import type { Clock } from '@stead/core'
import type { S3GatewayOptions } from '../../options.ts'
import { S3Error } from '../s3-error.ts'

/** Keeps a client from holding a connection by sending or taking next to nothing; only waiting for it counts. */
export class PaceGuard {
  readonly #clock: Clock
  readonly #idleMs: number
  readonly #bytesMin: number
  #waitedMs = 0
  #movedBytes = 0

  constructor(clock: Clock, options: Pick<S3GatewayOptions, 'bodyIdleMs' | 'bodyBytesPerIdleMin'>) {
    this.#clock = clock
    this.#idleMs = options.bodyIdleMs
    this.#bytesMin = options.bodyBytesPerIdleMin
  }

  /** Waits for the client. @throws S3Error RequestTimeout when it has taken too long for too little */
  async wait<Value>(step: Promise<Value>): Promise<Value> {
    const startedMs = this.#clock.monotonicMs()
    const { promise: late, reject } = Promise.withResolvers<never>()
    const timer = this.#clock.setTimer(Math.max(1, this.#idleMs - this.#waitedMs), () => {
      reject(new S3Error('RequestTimeout'))
    })
    try {
      return await Promise.race([step, late])
    } finally {
      timer.clear()
      this.#waitedMs += this.#clock.monotonicMs() - startedMs
    }
  }

  /** So many bytes went to or came from the client. */
  moved(bytes: number): void {
    this.#movedBytes += bytes
    if (this.#movedBytes < this.#bytesMin) return
    this.#movedBytes = 0
    this.#waitedMs = 0
  }
}
