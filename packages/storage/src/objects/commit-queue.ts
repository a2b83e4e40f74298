import type { ObjectStoreOptions } from '../options.ts'
import { SEGMENT_PLAIN_BYTES } from '../segment/segment-layout.ts'
import { type Commit, type CommitComponents, Committer } from './committer.ts'
import type { Stored } from './stored.ts'
import type { Transaction } from './transaction.ts'

interface Waiting {
  readonly commit: Commit
  readonly sinceMs: number
}

/** Gathers writes for some milliseconds, and commits them together; one batch at a time. */
export class CommitQueue {
  readonly #clock: CommitComponents['clock']
  readonly #committer: Committer
  readonly #options: ObjectStoreOptions
  readonly #waiting: Waiting[] = []
  #packedBytes = 0
  #running: Promise<void> | undefined
  /** Ends the gathering early. */
  #onFull: (() => void) | undefined

  constructor(components: CommitComponents, options: ObjectStoreOptions) {
    this.#clock = components.clock
    this.#committer = new Committer(components, options)
    this.#options = options
  }

  /** Waits until nothing is under way. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  /** Commits a change together with others. @throws as the tree's `write` */
  add<Result>(
    change: (rows: Transaction, packed: Stored | undefined) => Promise<Result>,
    packed: Uint8Array | undefined,
  ): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      const commit: Commit = {
        packed,
        run: async (rows, place) => {
          const result = await change(rows, place)
          return () => resolve(result)
        },
        reject,
      }
      this.#waiting.push({ commit, sinceMs: this.#clock.monotonicMs() })
      this.#packedBytes += packed?.length ?? 0
      if (this.#isFull) this.#onFull?.()
      this.#running ??= this.#run()
    })
  }

  get #isFull(): boolean {
    return this.#waiting.length >= this.#options.batchWritesMax || this.#packedBytes >= SEGMENT_PLAIN_BYTES / 2
  }

  async #run(): Promise<void> {
    for (let [first] = this.#waiting; first !== undefined; [first] = this.#waiting) {
      await this.#gather(first.sinceMs)
      const batch = this.#take()
      try {
        await this.#committer.commit(batch)
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    // In the same turn as the look at what waits: a write that came in between would wait for good.
    this.#running = undefined
  }

  async #gather(sinceMs: number): Promise<void> {
    const restMs = sinceMs + this.#options.gatherMs - this.#clock.monotonicMs()
    if (restMs <= 0 || this.#isFull) return
    await new Promise<void>((resolve) => {
      const timer = this.#clock.setTimer(restMs, resolve)
      this.#onFull = () => {
        timer.clear()
        resolve()
      }
    })
    this.#onFull = undefined
  }

  /** As many of the oldest as go together. */
  #take(): readonly Commit[] {
    const batch: Commit[] = []
    let packedBytes = 0
    for (const { commit } of this.#waiting) {
      packedBytes += commit.packed?.length ?? 0
      if (batch.length > 0 && (batch.length === this.#options.batchWritesMax || packedBytes > SEGMENT_PLAIN_BYTES))
        break
      batch.push(commit)
    }
    this.#waiting.splice(0, batch.length)
    this.#packedBytes = this.#waiting.reduce((sum, { commit }) => sum + (commit.packed?.length ?? 0), 0)
    return batch
  }
}
