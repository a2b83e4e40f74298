/** What no code of a world caught and the process was told of. A daemon would have ended there. */
export class ProcessFaults {
  #caught: string[] = []
  readonly #onRejection = (reason: unknown): void => this.#add('a promise was rejected and nobody listened', reason)
  readonly #onException = (error: unknown): void => this.#add('an error was thrown and nobody caught it', error)

  start(): void {
    process.on('unhandledRejection', this.#onRejection)
    process.on('uncaughtException', this.#onException)
  }

  stop(): void {
    process.off('unhandledRejection', this.#onRejection)
    process.off('uncaughtException', this.#onException)
  }

  /** What was caught since the last time. */
  take(): readonly string[] {
    const caught = this.#caught
    this.#caught = []
    return caught
  }

  #add(what: string, error: unknown): void {
    this.#caught.push(`${what}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  }
}
