import type { TaskEntry } from './job-ledger.ts'

/** One more answer that a task needs. */
interface Repair {
  readonly task: TaskEntry
  readonly sinceMs: number
}

/** So many are looked at in one round, so that a long list of them cannot stop the rest. */
const PER_ROUND = 64

/** Tasks that need more answers than were asked for, the longest waiting first. */
export class RepairQueue {
  #repairs: Repair[] = []
  readonly #counts: Map<TaskEntry, number> = new Map()

  get isEmpty(): boolean {
    return this.#repairs.length === 0
  }

  get first(): TaskEntry | undefined {
    return this.#repairs[0]?.task
  }

  /** As many as one round looks at. */
  get oldest(): readonly Repair[] {
    return this.#repairs.slice(0, PER_ROUND)
  }

  /** Queues more answers to a task, those already queued included in the number. */
  add(task: TaskEntry, replicas: number, sinceMs: number): void {
    const queued = this.#counts.get(task) ?? 0
    for (let count = queued; count < replicas; count++) this.#repairs.push({ task, sinceMs })
    if (replicas > queued) this.#counts.set(task, replicas)
  }

  /** No more answers to this task are wanted. */
  remove(task: TaskEntry): void {
    if (!this.#counts.delete(task)) return
    this.#repairs = this.#repairs.filter((repair) => repair.task !== task)
  }

  /** Goes through the oldest; those for which `isDone` says no stay in front, the nearest to their patience's end. */
  work(isDone: (task: TaskEntry) => boolean): void {
    const kept: Repair[] = []
    for (const repair of this.#repairs.splice(0, PER_ROUND)) {
      if (isDone(repair.task)) this.#countDown(repair.task)
      else kept.push(repair)
    }
    if (kept.length > 0) this.#repairs.unshift(...kept)
  }

  #countDown(task: TaskEntry): void {
    const left = (this.#counts.get(task) ?? 1) - 1
    if (left > 0) this.#counts.set(task, left)
    else this.#counts.delete(task)
  }
}
