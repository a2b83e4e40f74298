import { type EventLoopUtilization, performance } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Clock, Timer } from '@stead/core'

const MB = 1_000_000
/** How often it is looked at: reading a process's use takes microseconds. */
const LOOK_EVERY_MS = 10_000
/** At least this long between two collections: one takes about 50 ms. */
const REST_MS = 30_000
/** A node is idle below this share of a core; its heartbeats take less than a hundredth. */
const IDLE_SHARE = 0.1
/** What must have come together since the last collection to be worth another. */
const WORTHWHILE_BYTES = 6 * MB

/** A full collection that returns pages to the operating system. */
type Collect = (options: { type: 'major'; flavor: 'last-resort'; execution: 'sync' }) => void

/**
 * Returns memory that an idle node does not use. V8 collects when it allocates; a node that came up, or that finished
 * a job, allocates next to nothing and would keep its garbage for hours. Never acts while there is work, but for once, when
 * the node has come up.
 */
export class IdleMemory {
  readonly #clock: Clock
  #timer: Timer | undefined
  #collect: Collect | undefined
  #cpu: NodeJS.CpuUsage = process.cpuUsage()
  #loop: EventLoopUtilization = performance.eventLoopUtilization()
  #lookedAtMs = 0
  #collectedAtMs = Number.NEGATIVE_INFINITY
  #bytesAfter = 0

  constructor(components: { readonly clock: Clock }) {
    this.#clock = components.clock
  }

  /** Begins with the garbage of the start, which would else lie below all that comes: work may come before it is idle. */
  start(): void {
    this.#release()
    this.#cpu = process.cpuUsage()
    this.#loop = performance.eventLoopUtilization()
    this.#lookedAtMs = this.#clock.monotonicMs()
    this.#timer = this.#clock.setTimer(LOOK_EVERY_MS, () => this.#look())
  }

  stop(): void {
    this.#timer?.clear()
  }

  #look(): void {
    const share = this.#busyShare()
    const nowMs = this.#clock.monotonicMs()
    const isRested = nowMs - this.#collectedAtMs >= REST_MS
    const grewBytes = process.memoryUsage.rss() - this.#bytesAfter
    if (share < IDLE_SHARE && isRested && grewBytes > WORTHWHILE_BYTES) this.#release()
    this.#timer = this.#clock.setTimer(LOOK_EVERY_MS, () => this.#look())
  }

  /**
   * Since the last look: of one core for all threads, or of the time in which this one was not waiting for events. On a
   * machine that others keep busy it does little in much of its time, and a collection then is in the way of work.
   */
  #busyShare(): number {
    const nowMs = this.#clock.monotonicMs()
    const { user, system } = process.cpuUsage(this.#cpu)
    const { active } = performance.eventLoopUtilization(this.#loop)
    const share = Math.max((user + system) / 1000, active) / Math.max(1, nowMs - this.#lookedAtMs)
    this.#cpu = process.cpuUsage()
    this.#loop = performance.eventLoopUtilization()
    this.#lookedAtMs = nowMs
    return share
  }

  #release(): void {
    this.#collect ??= exposeCollector()
    this.#collect({ type: 'major', flavor: 'last-resort', execution: 'sync' })
    this.#collectedAtMs = this.#clock.monotonicMs()
    this.#bytesAfter = process.memoryUsage.rss()
  }
}

/** V8's own collector for a fresh context only; no code of the node sees a new global. */
function exposeCollector(): Collect {
  setFlagsFromString('--expose-gc')
  const collect: Collect = runInNewContext('gc')
  setFlagsFromString('--no-expose-gc')
  return collect
}
