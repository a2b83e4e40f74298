/** Lets callers hold at most so many bytes at once, in the order in which they asked; one caller alone may hold any number. */
export class ByteGate {
  readonly #limitBytes: number
  #heldBytes = 0
  readonly #waiting: { readonly bytes: number; readonly enter: () => void }[] = []

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  /** Resolves when `bytes` may be held; call the result once to let go of them. Rejects with the signal's reason. */
  async enter(bytes: number, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted()
    if (this.#waiting.length > 0 || !this.#fits(bytes)) await this.#wait(bytes, signal)
    else this.#heldBytes += bytes
    return () => {
      this.#heldBytes -= bytes
      this.#advance()
    }
  }

  #fits(bytes: number): boolean {
    return this.#heldBytes === 0 || this.#heldBytes + bytes <= this.#limitBytes
  }

  #wait(bytes: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        const index = this.#waiting.indexOf(entry)
        if (index >= 0) this.#waiting.splice(index, 1)
        reject(signal.reason)
        this.#advance()
      }
      const enter = (): void => {
        signal.removeEventListener('abort', abort)
        this.#heldBytes += bytes
        resolve()
      }
      const entry = { bytes, enter }
      this.#waiting.push(entry)
      signal.addEventListener('abort', abort, { once: true })
    })
  }

  #advance(): void {
    for (;;) {
      const next = this.#waiting[0]
      if (next === undefined || !this.#fits(next.bytes)) return
      this.#waiting.shift()
      next.enter()
    }
  }
}
