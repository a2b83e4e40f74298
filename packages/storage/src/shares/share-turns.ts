import { type Clock, hasCode, type Logger, messageOf, type Timer } from '@stead/core'

/** What {@link ShareTurns} stand on. */
export interface ShareTurnsComponents {
  readonly clock: Clock
  readonly logger: Logger
  /** Does what is to be done for a bucket. @returns after how many milliseconds there is more to do */
  readonly work: (bucket: string) => Promise<number | undefined>
}

/** What could not be done is tried again after so long. */
const RETRY_MS = 30_000
/** The longest that a timer of any platform takes. */
const WAIT_MS_MAX = 2 ** 31 - 1

interface Turn {
  timer: Timer | undefined
  dueMs: number
  last: Promise<void>
}

/** Work for each bucket, one turn after another. */
export class ShareTurns {
  readonly #components: ShareTurnsComponents
  readonly #turns = new Map<string, Turn>()
  #isStopped = false

  constructor(components: ShareTurnsComponents) {
    this.#components = components
  }

  /** One turn after those that are under way; what fails is tried again by itself. @throws as the work */
  async now(bucket: string): Promise<void> {
    const turn = this.#turnOf(bucket)
    const next = turn.last
      .catch(() => undefined)
      .then(async () => {
        try {
          const moreAfterMs = await this.#components.work(bucket)
          if (moreAfterMs !== undefined) this.later(bucket, moreAfterMs)
        } catch (error) {
          // Nodes or the disk are away; a bucket that is not there does not come back.
          if (!hasCode(error, 'STORAGE_BUCKET_UNKNOWN')) this.later(bucket, RETRY_MS)
          throw error
        }
      })
    turn.last = next
    await next
  }

  /** A turn after so many milliseconds, or sooner. */
  later(bucket: string, delayMs: number): void {
    const { clock, logger } = this.#components
    const turn = this.#turnOf(bucket)
    const waitMs = Math.min(Math.max(delayMs, 0), WAIT_MS_MAX)
    const dueMs = clock.monotonicMs() + waitMs
    if (this.#isStopped || (turn.timer !== undefined && turn.dueMs <= dueMs)) return
    turn.timer?.clear()
    turn.dueMs = dueMs
    turn.timer = clock.setTimer(waitMs, () => {
      turn.timer = undefined
      this.now(bucket).catch((error: unknown) => {
        if (!hasCode(error, 'STORAGE_BUCKET_UNKNOWN'))
          logger.warn('shares could not be brought up to date', { error: messageOf(error) })
      })
    })
  }

  /** Waits for what is under way; nothing begins any more by itself. */
  async stop(): Promise<void> {
    this.#isStopped = true
    for (const turn of this.#turns.values()) {
      turn.timer?.clear()
      // What became of it is for those who began it.
      await turn.last.catch(() => undefined)
    }
  }

  #turnOf(bucket: string): Turn {
    const known = this.#turns.get(bucket)
    if (known !== undefined) return known
    const turn: Turn = { timer: undefined, dueMs: 0, last: Promise.resolve() }
    this.#turns.set(bucket, turn)
    return turn
  }
}
