import type { Terminal } from './terminal.ts'

const REDRAW_MS = 100
const PLAIN_MS = 2000
const BAR_WIDTH = 24

/** Progress of something with an end: one line that is redrawn on a terminal, now and then a plain line elsewhere. */
export class ProgressView {
  readonly #terminal: Terminal
  #drawnAtMs = Number.NEGATIVE_INFINITY
  #drawn = false
  #last = ''

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  /** Shows the state, unless it was shown a moment ago. `share` is 0 .. 1. */
  update(share: number, text: string, isFinal = false): void {
    const now = performance.now()
    const pauseMs = this.#terminal.isInteractive ? REDRAW_MS : PLAIN_MS
    if (!isFinal && now - this.#drawnAtMs < pauseMs) return
    this.#drawnAtMs = now
    if (!this.#terminal.isInteractive) {
      if (text !== this.#last) this.#terminal.message(text)
      this.#last = text
      return
    }
    const filled = Math.round(Math.min(1, Math.max(0, share)) * BAR_WIDTH)
    const bar = `${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)}`
    process.stderr.write(`\r\u001b[K${`${bar} ${text}`.slice(0, this.#terminal.columns - 1)}`)
    this.#drawn = true
  }

  /** Prints a line above the progress. */
  notice(text: string): void {
    this.#clear()
    this.#terminal.message(text)
    this.#drawnAtMs = Number.NEGATIVE_INFINITY
  }

  /** Leaves the last state on the screen. */
  end(): void {
    if (this.#drawn) process.stderr.write('\n')
    this.#drawn = false
  }

  #clear(): void {
    if (this.#drawn) process.stderr.write('\r\u001b[K')
    this.#drawn = false
  }
}
