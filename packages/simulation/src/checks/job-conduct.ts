import type { JobEvent } from '@stead/compute'
import type { Address } from '@stead/core'
import { caughtIn } from '../world/job-account.ts'
import { checkedBy } from '../world/workload.ts'

/** Something that a job did and must not do. */
export interface Misconduct {
  readonly rule: 'liars-rechecked' | 'hedged-once'
  readonly what: string
  readonly nodes: readonly Address[]
}

interface TaskCourse {
  placed: number
  hedges: number
  /** The one node whose word its result is. */
  single: Address | undefined
}

/** How a job goes about its tasks, by its events. */
export class JobConduct {
  readonly #courses: Map<string, TaskCourse> = new Map()
  /** Caught while this job had nothing given up yet, and so was going on. */
  readonly #liars: Set<Address> = new Set()
  #isAdaptive = false
  #isEnding = false
  #found: Misconduct | undefined

  /** The first that was found. */
  get found(): Misconduct | undefined {
    return this.#found
  }

  /** Looks at the next event. */
  take(event: JobEvent): void {
    switch (event.type) {
      case 'submitted':
        this.#isAdaptive = checkedBy(event.name).mode === 'adaptive'
        return
      case 'placed':
        this.#place(event)
        return
      case 'agreed':
        this.#courseOf(event.task).single = event.nodes.length === 1 ? event.nodes[0] : undefined
        return
      case 'rechecked':
        this.#courseOf(event.task).single = undefined
        return
      case 'unfinished':
        this.#isEnding = true
        return
      case 'settling':
        this.#checkSingles()
        return
      default:
        this.#takeLie(event)
    }
  }

  #place({ task, node, purpose }: JobEvent & { readonly type: 'placed' }): void {
    const course = this.#courseOf(task)
    if (purpose === 'hedge') course.hedges++
    else course.placed++
    if (course.hedges <= course.placed) return
    const what = `${task} was sent ${course.placed} times, and ${course.hedges} times more because that took long`
    this.#found ??= { rule: 'hedged-once', what, nodes: [node] }
  }

  #takeLie(event: JobEvent): void {
    const lie = caughtIn(event)
    if (lie !== undefined && !this.#isEnding) this.#liars.add(lie.node)
  }

  /** In the end nothing rests on the word alone of a node that this job caught. */
  #checkSingles(): void {
    for (const [task, { single }] of this.#courses) {
      if (!this.#isAdaptive || single === undefined || !this.#liars.has(single)) continue
      const what = `the result of ${task} is the word of one node alone, which was caught lying`
      this.#found ??= { rule: 'liars-rechecked', what, nodes: [single] }
    }
  }

  #courseOf(task: string): TaskCourse {
    const course = this.#courses.get(task) ?? { placed: 0, hedges: 0, single: undefined }
    this.#courses.set(task, course)
    return course
  }
}
