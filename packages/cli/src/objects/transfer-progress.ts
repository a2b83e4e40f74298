import { shownName } from '../terminal/shown-name.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { formatBytes } from './object-url.ts'

const REDRAW_MS = 200

/** A line that says how far a transfer is, at what rate, and how long it takes yet; nothing where nobody looks. */
export class TransferProgress {
  readonly #terminal: Terminal
  readonly #name: string
  readonly #totalBytes: number | undefined
  readonly #startMs = performance.now()
  #drawnMs = 0
  #bytes = 0

  /** @param totalBytes undefined where nobody knows */
  constructor(terminal: Terminal, name: string, totalBytes: number | undefined) {
    this.#terminal = terminal
    this.#name = shownName(name)
    this.#totalBytes = totalBytes
  }

  /** Passes bytes on and counts them. */
  async *count(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
    for await (const bytes of body) {
      yield bytes
      this.add(bytes.length)
    }
  }

  /** Counts bytes that were moved. */
  add(bytes: number): void {
    this.#bytes += bytes
    this.#draw()
  }

  /** Does work whose bytes count when it ends well; what it counted before it failed is taken back. */
  async counting<Value>(work: (onBytes: (bytes: number) => void) => Promise<Value>): Promise<Value> {
    let counted = 0
    try {
      return await work((bytes) => {
        counted += bytes
        this.add(bytes)
      })
    } catch (error) {
      this.add(-counted)
      throw error
    }
  }

  /** Ends the line and gives what came of it: `1.0 GiB in 12.3 s, 85.2 MiB/s`. */
  end(): string {
    if (this.#terminal.isInteractive && this.#drawnMs > 0) process.stderr.write('\r\u001b[2K')
    const seconds = Math.max(0.001, (performance.now() - this.#startMs) / 1000)
    return `${formatBytes(this.#bytes)} in ${seconds.toFixed(1)} s, ${formatBytes(Math.round(this.#bytes / seconds))}/s`
  }

  #draw(): void {
    const nowMs = performance.now()
    if (!this.#terminal.isInteractive || nowMs - this.#drawnMs < REDRAW_MS) return
    this.#drawnMs = nowMs
    const rate = this.#bytes / ((nowMs - this.#startMs) / 1000)
    const total = this.#totalBytes
    const percent = total === undefined || total === 0 ? 100 : Math.min(100, Math.floor((this.#bytes / total) * 100))
    const share = total === undefined ? '' : ` of ${formatBytes(total)}, ${percent} %`
    const left = total === undefined || rate <= 0 ? '' : `, ${timeText(Math.max(0, total - this.#bytes) / rate)} left`
    const line = `${this.#name}: ${formatBytes(this.#bytes)}${share}, ${formatBytes(Math.round(rate))}/s${left}`
    process.stderr.write(`\r\u001b[2K${line.slice(0, this.#terminal.columns - 1)}`)
  }
}

/** A length of time for a person: `12 s`, `3 min 5 s`, `2 h 10 min`. */
export function timeText(seconds: number): string {
  const whole = Math.ceil(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}
