import { isAway, patiently } from '../patiently.ts'
import { shownName } from '../terminal/shown-name.ts'
import { CLEAR_LINE, type Terminal } from '../terminal/terminal.ts'
import { formatBytes } from './object-url.ts'

const REDRAW_MS = 200
/** Longer than a node that is away is waited for: what comes later is about another time that it is away. */
const AWAY_TOLD_MS = 60_000

/** Hears how a transfer goes. */
export interface TransferListener {
  /** Hears how many bytes more are there. */
  readonly onBytes: (bytes: number) => void
  /** Hears how many of them something that ended early left; before they are counted, and not where there are none. */
  readonly onResume: (bytes: number) => void
}

/** One of the transfers that a line of progress is about. */
export interface FollowedTransfer {
  /** For people. */
  readonly name: string
  readonly lengthBytes: number
}

/** A line that says how far a transfer is, at what rate, and how long it takes yet; nothing where nobody looks. */
export class TransferProgress {
  readonly #terminal: Terminal
  readonly #name: string
  readonly #totalBytes: number | undefined
  readonly #startMs = performance.now()
  #drawnMs = 0
  #awayToldMs = Number.NEGATIVE_INFINITY
  #bytes = 0
  #resumedBytes = 0

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

  /**
   * Makes a transfer, again when the node was away meanwhile. What an attempt counted before it failed is taken back; whoever
   * goes on where something stopped says so. @throws what the last attempt throws
   */
  async follow<Value>(
    transfer: FollowedTransfer,
    signal: AbortSignal,
    attempt: (listener: TransferListener) => Promise<Value>,
  ): Promise<Value> {
    let isBegun = false
    let toldBytes = 0
    return await patiently(async () => {
      let counted = 0
      const onBytes = (bytes: number): void => {
        isBegun = true
        counted += bytes
        this.add(bytes)
      }
      const onResume = (bytes: number): void => {
        // What was sent by an attempt before this one was moved by this command.
        if (!isBegun) this.#resumedBytes += bytes
        // While the node is away each attempt begins at the same place.
        if (bytes !== toldBytes) this.#tellResumed(transfer, bytes)
        toldBytes = bytes
      }
      try {
        return await attempt({ onBytes, onResume })
      } catch (error) {
        this.add(-counted)
        if (isAway(error) && !signal.aborted) this.#tellAway()
        throw error
      }
    }, signal)
  }

  /** Bytes that were there already, left by commands that ended early. */
  get resumedBytes(): number {
    return this.#resumedBytes
  }

  /** Ends the line and gives what came of it, without what was there already: `1.0 GiB in 12.3 s, 85.2 MiB/s`. */
  end(): string {
    this.#clear()
    const seconds = Math.max(0.001, (performance.now() - this.#startMs) / 1000)
    const moved = this.#movedBytes
    return `${formatBytes(moved)} in ${seconds.toFixed(1)} s, ${formatBytes(Math.round(moved / seconds))}/s`
  }

  get #movedBytes(): number {
    return Math.max(0, this.#bytes - this.#resumedBytes)
  }

  #tellAway(): void {
    const nowMs = performance.now()
    if (nowMs - this.#awayToldMs < AWAY_TOLD_MS) return
    this.#awayToldMs = nowMs
    this.#clear()
    this.#terminal.message('the node does not answer: it is asked again for half a minute')
  }

  #tellResumed({ name, lengthBytes }: FollowedTransfer, bytes: number): void {
    this.#clear()
    const percent = Math.floor((bytes / lengthBytes) * 100)
    const at = `${formatBytes(bytes)} of ${formatBytes(lengthBytes)} (${percent} %)`
    this.#terminal.message(`${shownName(name)}: resuming at ${at}`)
  }

  #clear(): void {
    if (this.#terminal.isInteractive && this.#drawnMs > 0) process.stderr.write(CLEAR_LINE)
  }

  #draw(): void {
    const nowMs = performance.now()
    if (!this.#terminal.isInteractive || nowMs - this.#drawnMs < REDRAW_MS) return
    this.#drawnMs = nowMs
    const rate = this.#movedBytes / ((nowMs - this.#startMs) / 1000)
    const total = this.#totalBytes
    const percent = total === undefined || total === 0 ? 100 : Math.min(100, Math.floor((this.#bytes / total) * 100))
    const share = total === undefined ? '' : ` of ${formatBytes(total)}, ${percent} %`
    const left = total === undefined || rate <= 0 ? '' : `, ${timeText(Math.max(0, total - this.#bytes) / rate)} left`
    const line = `${this.#name}: ${formatBytes(this.#bytes)}${share}, ${formatBytes(Math.round(rate))}/s${left}`
    process.stderr.write(`${CLEAR_LINE}${line.slice(0, this.#terminal.columns - 1)}`)
  }
}

/** A length of time for a person: `12 s`, `3 min 5 s`, `2 h 10 min`. */
export function timeText(seconds: number): string {
  const whole = Math.ceil(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}
