import { type Clock, type Hash, hasCode, type Logger, type Store, type StoreOperation } from '@stead/core'
import type { MarketPayer } from '@stead/market'
import type { JobEvent, JobEventBody } from './job-event.ts'
import { LOG_TABLE, numberKey } from './job-store.ts'
import { decodeRow, encodeRow } from './json-row.ts'

/** Events in one row: about half a megabyte. */
const EVENTS_PER_ROW = 1024
/** Recent events that are kept in memory for those who follow along. */
const RECENT_MAX = 8192
/**
 * How long events are gathered before they are written. Nothing waits for the write but readers and payments, and tasks
 * leave without it: what a kill takes from these last events, the market's books of the channel bring in order.
 */
const GATHER_MS = 1
/** Pause before a refused write is tried again. */
const RETRY_MS = 1000
/** Rows that are read at once for those who begin earlier. */
const ROWS_PER_PAGE = 16

interface LogRow {
  readonly events: readonly JobEvent[]
}

/** What a job's log stands on. */
export interface JobLogComponents {
  /** Read from; written to only through the market, which puts payments into the same batches. */
  readonly store: Store
  readonly market: Pick<MarketPayer, 'journal'>
  readonly clock: Clock
  readonly logger: Logger
}

/** What goes with an event. */
export interface EventCompanions {
  /** Rows that are written in the same batch. */
  readonly operations?: readonly StoreOperation[]
  /** Accepts or rejects on a channel; what that journals is in the same batch. */
  readonly effect?: () => void
}

/**
 * The journal of one job: its events in order. Events of a millisecond share a write, and the next write gathers what
 * came meanwhile, so that a fast job costs few writes. Readers see an event once it outlives a kill.
 */
export class JobLog {
  readonly #store: Store
  readonly #market: JobLogComponents['market']
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #job: Hash
  #pending: JobEvent[] = []
  #operations: StoreOperation[] = []
  #effects: (() => void)[] = []
  #last: number
  /** Events up to this number are on disk. */
  #flushed: number
  #recent: JobEvent[] = []
  #writing: Promise<void> | undefined
  #isStuck = false
  #isClosed = false
  #waiters: (() => void)[] = []

  /** @param last the number of the last event on disk */
  constructor(components: JobLogComponents, job: Hash, last: number) {
    this.#store = components.store
    this.#market = components.market
    this.#clock = components.clock
    this.#logger = components.logger
    this.#job = job
    this.#last = last
    this.#flushed = last
  }

  /** The number of the last event. */
  get last(): number {
    return this.#last
  }

  /** Events in memory, with the most that are kept there while the disk takes what comes. */
  get size(): { readonly have: number; readonly max: number } {
    return { have: this.#recent.length, max: 2 * RECENT_MAX }
  }

  /** True while the store refuses to write; nothing new should be begun then. */
  get isStuck(): boolean {
    return this.#isStuck
  }

  /** Adds an event; it is written within a millisecond, or right after the write that is under way. */
  append(body: JobEventBody, companions: EventCompanions = {}): JobEvent {
    this.#last++
    const event: JobEvent = { number: this.#last, at: this.#clock.now(), ...body }
    this.#pending.push(event)
    if (companions.operations !== undefined) this.#operations.push(...companions.operations)
    if (companions.effect !== undefined) this.#effects.push(companions.effect)
    this.#writing ??= this.#writeAll()
    return event
  }

  /** Resolves when everything that was appended is on disk. */
  async flush(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing
  }

  /** Ends the log: readers end after its last event. Call it after {@link flush}. */
  close(): void {
    this.#isClosed = true
    this.#wake()
  }

  /** All events on disk, oldest first. @throws ComputeError COMPUTE_JOURNAL */
  async *stored(from: number): AsyncGenerator<JobEvent> {
    const { store, job } = { store: this.#store, job: this.#job }
    const start = { prefix: `${job}/`, before: numberKey(job, from + 1), reverse: true, limit: 1 }
    const [first] = await store.scan(LOG_TABLE, start)
    if (first === undefined) return
    let rows = [first]
    while (rows.length > 0) {
      for (const { value } of rows)
        for (const event of decodeRow<LogRow>(value).events) if (event.number >= from) yield event
      const after = rows.at(-1)?.key ?? ''
      rows = [...(await store.scan(LOG_TABLE, { prefix: `${job}/`, after, limit: ROWS_PER_PAGE }))]
    }
  }

  /** Events from number `from` on, those to come included, until the log is closed. */
  async *events(from: number): AsyncGenerator<JobEvent> {
    let next = Math.max(1, from)
    for (;;) {
      const oldest = this.#recent[0]?.number ?? this.#flushed + 1
      if (next < oldest) {
        for await (const event of this.stored(next)) {
          if (event.number >= oldest) break
          yield event
          next = event.number + 1
        }
        // The rows end before what is in memory only if some are missing; go on with what there is.
        next = Math.max(next, oldest)
        continue
      }
      const event = this.#recent[next - oldest]
      if (event !== undefined) {
        yield event
        next++
      } else if (this.#isClosed) return
      else await new Promise<void>((resolve) => this.#waiters.push(resolve))
    }
  }

  async #writeAll(): Promise<void> {
    await this.#clock.sleep(GATHER_MS)
    while (this.#pending.length > 0 || this.#operations.length > 0) {
      const events = this.#pending
      const operations = [...this.#operations, ...rowsOf(this.#job, events)]
      const effects = this.#effects
      this.#pending = []
      this.#operations = []
      this.#effects = []
      let write = this.#market.journal(operations)
      // In the same turn, so that what is accepted is in the same batch as the agreement that it rests on.
      for (const effect of effects) effect()
      for (;;) {
        const failure = await write.then(
          () => undefined,
          (error: unknown) => ({ error }),
        )
        // A closed store means that this process ends; what is not written will be done again after the next start.
        if (failure === undefined || hasCode(failure.error, 'CORE_STOPPED')) break
        this.#noteFailure(failure.error)
        await this.#clock.sleep(RETRY_MS)
        write = this.#market.journal(operations)
      }
      this.#isStuck = false
      this.#publish(events)
    }
    this.#writing = undefined
  }

  #noteFailure(error: unknown): void {
    if (!this.#isStuck)
      this.#logger.error('a job waits because its journal cannot be written', { job: this.#job, error })
    this.#isStuck = true
  }

  #publish(events: readonly JobEvent[]): void {
    const lastEvent = events.at(-1)
    if (lastEvent === undefined) return
    this.#flushed = lastEvent.number
    this.#recent.push(...events)
    if (this.#recent.length > 2 * RECENT_MAX) this.#recent = this.#recent.slice(-RECENT_MAX)
    this.#wake()
  }

  #wake(): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const resolve of waiters) resolve()
  }
}

function rowsOf(job: Hash, events: readonly JobEvent[]): StoreOperation[] {
  const operations: StoreOperation[] = []
  for (let start = 0; start < events.length; start += EVENTS_PER_ROW) {
    const part = events.slice(start, start + EVENTS_PER_ROW)
    const key = numberKey(job, part[0]?.number ?? 0)
    operations.push({ kind: 'put', table: LOG_TABLE, key, value: encodeRow({ events: part }) })
  }
  return operations
}
