import { type Logger, messageOf } from '@stead/core'

/** What was started, to be stopped in the opposite order; a part that fails to stop does not keep the others up. */
export class StopStack {
  readonly #logger: Logger
  readonly #stops: { readonly name: string; readonly stop: () => Promise<void> | void }[] = []

  constructor(components: { readonly logger: Logger }) {
    this.#logger = components.logger
  }

  push(name: string, stop: () => Promise<void> | void): void {
    this.#stops.push({ name, stop })
  }

  /** Stops everything; may be called twice. */
  async stopAll(): Promise<void> {
    for (let entry = this.#stops.pop(); entry !== undefined; entry = this.#stops.pop()) {
      try {
        await entry.stop()
      } catch (error) {
        this.#logger.error('part did not stop cleanly', { part: entry.name, error: messageOf(error) })
      }
    }
  }
}
