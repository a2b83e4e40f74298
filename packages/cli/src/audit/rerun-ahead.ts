import { outcomeOfTask } from '@stead/compute'
import type { ContentId } from '@stead/core'
import { checkContent, type Task } from '@stead/protocol'
import type { Executor, Outcome } from '@stead/sandbox'

/** What running tasks again needs. */
export interface RerunComponents {
  readonly executor: Executor
  /** Module and inputs by content id, from anybody: they are checked. */
  readonly fetchBlob: (id: ContentId) => Promise<Uint8Array>
}

/** A task to run again. */
export interface RerunTask {
  readonly id: ContentId
  readonly task: Task
}

/** Blobs that are kept for the next task; a job's module and shared inputs are among them. */
const BLOBS_BYTES_MAX = 64 * 1024 * 1024
/** A task that was in time on its provider must not fail here because this machine is slower. */
const TIME_FACTOR = 20
const TIME_MS_MAX = 86_400_000

/**
 * Runs tasks again in the order in which they will be asked for, some of them ahead, so that all workers are busy while
 * the bill is read one entry after the other.
 */
export class RerunAhead {
  readonly #components: RerunComponents
  readonly #order: readonly RerunTask[]
  readonly #aheadMax: number
  readonly #runs: Map<ContentId, Promise<Outcome>> = new Map()
  readonly #blobs: Map<ContentId, Promise<Uint8Array>> = new Map()
  #blobBytes = 0
  #next = 0

  constructor(
    components: RerunComponents,
    options: { readonly order: readonly RerunTask[]; readonly aheadMax: number },
  ) {
    this.#components = components
    this.#order = options.order
    this.#aheadMax = options.aheadMax
  }

  /** The outcome of a task; each is given once. */
  run(id: ContentId, task: Task): Promise<Outcome> {
    const running = this.#runs.get(id) ?? this.#begin({ id, task })
    this.#runs.delete(id)
    this.#fill()
    return running
  }

  #fill(): void {
    while (this.#runs.size < this.#aheadMax) {
      const next = this.#order[this.#next]
      if (next === undefined) return
      this.#next += 1
      const running = this.#begin(next)
      // Looked at when it is asked for.
      running.catch(() => undefined)
      this.#runs.set(next.id, running)
    }
  }

  #begin({ task }: RerunTask): Promise<Outcome> {
    const { executor } = this.#components
    const timeMs = Math.min(TIME_MS_MAX, task.limits.timeMs * TIME_FACTOR)
    return outcomeOfTask({ ...task, limits: { ...task.limits, timeMs } }, { executor, blobs: (id) => this.#blob(id) })
  }

  #blob(id: ContentId): Promise<Uint8Array> {
    const known = this.#blobs.get(id)
    if (known !== undefined) return known
    const fetched = this.#components.fetchBlob(id).then((bytes) => {
      checkContent(id, bytes)
      this.#blobBytes += bytes.length
      if (this.#blobBytes > BLOBS_BYTES_MAX) this.#forget()
      return bytes
    })
    this.#blobs.set(id, fetched)
    fetched.catch(() => this.#blobs.delete(id))
    return fetched
  }

  #forget(): void {
    this.#blobs.clear()
    this.#blobBytes = 0
  }
}
