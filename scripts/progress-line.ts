import { clearLine, cursorTo } from 'node:readline'
import type { WriteStream } from 'node:tty'

const COLUMNS = 80

/** A line on a terminal that the next one takes the place of; nothing where the stream is no terminal. */
export class ProgressLine {
  readonly #stream: WriteStream
  #isShown = false

  constructor(stream: WriteStream) {
    this.#stream = stream
  }

  show(line: string): void {
    if (!this.#stream.isTTY) return
    this.clear()
    // A line that goes on in a second row could not be taken away.
    this.#stream.write(line.slice(0, (this.#stream.columns || COLUMNS) - 1))
    this.#isShown = true
  }

  /** Takes the line away: before anything else is printed. */
  clear(): void {
    if (!this.#isShown) return
    this.#isShown = false
    cursorTo(this.#stream, 0)
    clearLine(this.#stream, 0)
  }
}
