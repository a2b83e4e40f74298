import { type Clock, hasCode, isSteadError, type Logger, messageOf, type Timer } from '@stead/core'

/** What {@link ShareTurns} stand on. */
export interface ShareTurnsComponents {
  readonly clock: Clock
  readonly logger: Logger
  /** Does what is to be done for a bucket. */
  readonly work: (bucket: string) => Promise<TurnOutcome>
}

/** What a turn came to. */
export interface TurnOutcome {
  /** Whether nothing is left of it that must be tried again. */
  readonly isDone: boolean
  /** After how many milliseconds there is more to do; undefined when nothing is known of. */
  readonly moreAfterMs: number | undefined
}

/** What could not be done is tried again after so long, twice as long with each try, and at last after so long. */
const [RETRY_MS_MIN, RETRY_MS_MAX] = [1000, 30_000]
/** The longest that a timer of any platform takes. */
const WAIT_MS_MAX = 2 ** 31 - 1

/** What is tried so often may fail for weeks: the same reason is told once, then so rarely, and each time where one debugs. */
const TELL_AGAIN_MS = 6 * 3_600_000
/** Beside others of its phrase that is no fault: those with money do it. */
const WITHOUT_MONEY =
  'no money to show in shares what changed: another machine of this phrase that has some shows it, or send dollars and ' +
  'coins for gas to the account of this one (stead status)'

interface Turn {
  timer: Timer | undefined
  dueMs: number
  /** Tries in a row that left something. */
  failures: number
  last: Promise<void>
}

/** Work for each bucket, one turn after another. */
export class ShareTurns {
  readonly #components: ShareTurnsComponents
  readonly #turns = new Map<string, Turn>()
  /** When a reason was told last, by its code. */
  readonly #toldMs = new Map<string, number>()
  #isStopped = false

  constructor(components: ShareTurnsComponents) {
    this.#components = components
  }

  /** Whether nothing begins any more by itself. */
  get isStopped(): boolean {
    return this.#isStopped
  }

  /** One turn after those that are under way; what fails is tried again by itself. @throws as the work */
  async now(bucket: string): Promise<void> {
    const turn = this.#turnOf(bucket)
    await this.between(bucket, async () => {
      try {
        const { isDone, moreAfterMs } = await this.#components.work(bucket)
        if (moreAfterMs !== undefined) this.later(bucket, moreAfterMs)
        if (isDone) turn.failures = 0
        else this.#again(bucket, turn)
      } catch (error) {
        // Nodes or the disk are away; a bucket that is not there does not come back.
        if (!hasCode(error, 'STORAGE_BUCKET_UNKNOWN')) this.#again(bucket, turn)
        throw error
      }
    })
  }

  /** Something else for a bucket, after the turns that are under way and before those that come. @throws as the work */
  async between<Result>(bucket: string, work: () => Promise<Result>): Promise<Result> {
    const turn = this.#turnOf(bucket)
    const next = turn.last.then(work)
    // What became of it is for those who began it.
    turn.last = next.then(
      () => undefined,
      () => undefined,
    )
    return await next
  }

  /** A turn after so many milliseconds, or sooner. @returns whether none was to come sooner */
  later(bucket: string, delayMs: number): boolean {
    const { clock } = this.#components
    const turn = this.#turnOf(bucket)
    const waitMs = Math.min(Math.max(delayMs, 0), WAIT_MS_MAX)
    const dueMs = clock.monotonicMs() + waitMs
    if (this.#isStopped || (turn.timer !== undefined && turn.dueMs <= dueMs)) return false
    turn.timer?.clear()
    turn.dueMs = dueMs
    turn.timer = clock.setTimer(waitMs, () => {
      turn.timer = undefined
      this.now(bucket).catch((error: unknown) => {
        if (!hasCode(error, 'STORAGE_BUCKET_UNKNOWN')) this.#tell(error)
      })
    })
    return true
  }

  /** Waits for what is under way; nothing begins any more by itself. */
  async stop(): Promise<void> {
    this.#isStopped = true
    for (const turn of this.#turns.values()) {
      turn.timer?.clear()
      await turn.last
    }
  }

  #tell(error: unknown): void {
    const { clock, logger } = this.#components
    const reason = isSteadError(error) ? error.code : ''
    const [nowMs, toldMs] = [clock.monotonicMs(), this.#toldMs.get(reason)]
    const isNews = toldMs === undefined || nowMs - toldMs >= TELL_AGAIN_MS
    if (isNews) this.#toldMs.set(reason, nowMs)
    const isPoor = hasCode(error, 'MARKET_UNFUNDED') || hasCode(error, 'CHAIN_INSUFFICIENT_FUNDS')
    const text = isPoor ? WITHOUT_MONEY : 'shares could not be brought up to date; it is tried again by itself'
    logger[isNews ? 'warn' : 'debug'](text, { error: messageOf(error) })
  }

  #again(bucket: string, turn: Turn): void {
    if (this.later(bucket, Math.min(RETRY_MS_MIN * 2 ** turn.failures, RETRY_MS_MAX))) turn.failures++
  }

  #turnOf(bucket: string): Turn {
    const known = this.#turns.get(bucket)
    if (known !== undefined) return known
    const turn: Turn = { timer: undefined, dueMs: 0, failures: 0, last: Promise.resolve() }
    this.#turns.set(bucket, turn)
    return turn
  }
}
