import { type Clock, type Logger, messageOf, type Timer } from '@stead/core'
import type { TreeObjectStore } from '@stead/storage'
import { COLLECT_MS } from './storage-terms.ts'

/** A payer's daily sweep, once a minute: lets go of what no object needs any more. */
export class ObjectSweep {
  readonly #objects: TreeObjectStore
  readonly #clock: Clock
  readonly #logger: Logger
  #timer: Timer | undefined
  #working: Promise<void> = Promise.resolve()
  #isStopped = false

  constructor(objects: TreeObjectStore, { clock, logger }: { readonly clock: Clock; readonly logger: Logger }) {
    this.#objects = objects
    this.#clock = clock
    this.#logger = logger
  }

  start(): void {
    this.#timer = this.#clock.setTimer(COLLECT_MS, () => {
      this.#working = this.#run().finally(() => {
        if (!this.#isStopped) this.start()
      })
    })
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#timer?.clear()
    await this.#working
  }

  async #run(): Promise<void> {
    try {
      await this.#objects.collect()
    } catch (error) {
      this.#logger.warn('objects could not be swept', { error: messageOf(error) })
    }
  }
}
