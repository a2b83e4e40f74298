import type { JobHandle, JobRequest, Verification } from '@stead/compute'
import { type ContentId, type Fuel, isSteadError, type MicroUsd, microUsd, type UnixMs } from '@stead/core'
import type { Task } from '@stead/protocol'
import { ECHO_MODULE } from '@stead/sandbox'
import { METER_VERSION } from '@stead/sandbox/facts'
import type { SeededRandom } from '@stead/testkit'
import { unlessRefused } from '../engine/refusals.ts'
import type { Scheduler } from '../engine/scheduler.ts'
import type { Trace } from '../engine/trace.ts'
import type { LivePayer, SimNode } from './sim-node.ts'

/** How much is asked for. */
export interface WorkloadOptions {
  /** Mean time between two jobs of one payer, where many pay. */
  readonly betweenJobsMs: number
  readonly tasksMax: number
}

const INPUT_BYTES_MAX = 400
const MAX_COST: MicroUsd = 1_000_000n as MicroUsd
/** Jobs whose cap is within what they may cost. */
const TIGHT_SHARE = 0.15
const TIGHT_COST_MAX = 200
/** Jobs that come with another one, so that two of a payer use the same nodes at once. */
const TWIN_SHARE = 0.25
/** Times at which a payer takes back what its purses hold, for each time that it submits something. */
const TAKEN_BACK_SHARE = 0.05
const PROBE_TASKS = 4
/** Operators that a probe needs. */
export const PROBE_REPLICAS = 2
/** Where fewer pay, each submits as often as together so many would: faults of a small world are to hit work. */
const BUSY_PAYERS = 3
const LIMITS: Task['limits'] = { fuel: 1_000_000n as Fuel, memoryPages: 4, outputBytes: 4096, timeMs: 20_000 }

/** What a job was asked to be checked by, as its name says. */
export interface CheckedBy {
  readonly mode: Verification['mode']
  /** Equal answers without which there is no result; for `adaptive` those for a node without a record. */
  readonly answersMin: number
}

/** Reads the name that the workload gave to a job. */
export function checkedBy(name: string): CheckedBy {
  const [mode, replicas] = name.split('=')
  if (mode === 'quorum') return { mode, answersMin: Number(replicas) }
  return mode === 'adaptive' ? { mode, answersMin: 2 } : { mode: 'trust', answersMin: 1 }
}

function nameOf(verification: Verification): string {
  return verification.mode === 'quorum' ? `quorum=${verification.replicas}` : verification.mode
}

/** Payers that submit jobs, at moments and of sizes that the seed decides. */
export class Workload {
  readonly #scheduler: Scheduler
  readonly #trace: Trace
  readonly #random: SeededRandom
  readonly #options: WorkloadOptions
  #submitted = 0
  #refused = 0
  #betweenMs = 0
  #isOn = false

  constructor(
    components: { readonly scheduler: Scheduler; readonly trace: Trace; readonly random: SeededRandom },
    options: WorkloadOptions,
  ) {
    this.#scheduler = components.scheduler
    this.#trace = components.trace
    this.#random = components.random
    this.#options = options
  }

  /** Jobs that were admitted, and those that the payer's node could not take at that moment. */
  get counts(): { readonly submitted: number; readonly refused: number } {
    return { submitted: this.#submitted, refused: this.#refused }
  }

  /** One job more, small and checked by a quorum: whether the world serves. */
  async probe(node: SimNode, payer: LivePayer): Promise<void> {
    const job = await this.#job(payer, { mode: 'quorum', replicas: PROBE_REPLICAS })
    await payer.compute.submit({ ...job, tasks: job.tasks.slice(0, PROBE_TASKS), maxCostMicroUsd: MAX_COST })
    this.#trace.tell(this.#scheduler.nowMs, node.plan.name, 'submitted a probe')
  }

  start(payers: readonly SimNode[]): void {
    this.#isOn = true
    // Each time one or two come.
    const jobs = (1 + TWIN_SHARE) * Math.min(1, payers.length / BUSY_PAYERS)
    this.#betweenMs = this.#options.betweenJobsMs * jobs
    for (const payer of payers) this.#next(payer)
  }

  stop(): void {
    this.#isOn = false
  }

  #next(node: SimNode): void {
    const waitMs = -Math.log(1 - this.#random.fraction()) * this.#betweenMs
    this.#scheduler.at(this.#scheduler.nowMs + waitMs, () => {
      if (!this.#isOn) return
      const { payer } = node
      if (payer !== undefined && this.#random.fraction() < TAKEN_BACK_SHARE) void this.#takeBack(node, payer)
      const jobs = this.#random.fraction() < TWIN_SHARE ? 2 : 1
      for (let job = 0; job < jobs && payer !== undefined; job++) void this.#submit(node, payer)
      this.#next(node)
    })
  }

  /** What the payer's purses still hold is taken back; the jobs to come lock money anew. */
  async #takeBack(node: SimNode, { market }: LivePayer): Promise<void> {
    this.#trace.tell(this.#scheduler.nowMs, node.plan.name, 'takes its money back')
    for (const { purse, stage } of await market.purses())
      if (stage === 'funded') await unlessRefused(market.thaw(purse))
  }

  async #submit(node: SimNode, payer: LivePayer): Promise<void> {
    try {
      const handle: JobHandle = await payer.compute.submit(await this.#job(payer, this.#verification()))
      this.#submitted++
      this.#trace.tell(this.#scheduler.nowMs, node.plan.name, `submitted ${handle.id.slice(0, 10)}`)
    } catch (error) {
      if (!isSteadError(error)) throw error
      this.#refused++
      this.#trace.tell(this.#scheduler.nowMs, node.plan.name, `could not submit: ${error.code}`)
    }
  }

  async #job({ blobs }: LivePayer, verification: Verification): Promise<JobRequest> {
    const random = this.#random
    const count = 1 + Math.floor(random.fraction() * this.#options.tasksMax)
    const module = await blobs.cache.put(ECHO_MODULE)
    const tasks: JobRequest['tasks'][number][] = []
    for (let index = 0; index < count; index++) {
      const input = await blobs.cache.put(random.bytes(1 + Math.floor(random.fraction() * INPUT_BYTES_MAX)))
      tasks.push({ key: `task ${index}`, task: taskOf(module, input) })
    }
    const isTight = random.fraction() < TIGHT_SHARE
    const maxCostMicroUsd = isTight ? microUsd(1n + BigInt(Math.floor(random.fraction() * TIGHT_COST_MAX))) : MAX_COST
    // The name says how the job is checked, for the rules that look at it in the end.
    return { name: nameOf(verification), tasks, verification, maxCostMicroUsd, deadlineMs: 600_000 }
  }

  #verification(): Verification {
    const choice = this.#random.fraction()
    if (choice < 0.4) return { mode: 'trust' }
    return choice < 0.6 ? { mode: 'quorum', replicas: choice < 0.54 ? 2 : 3 } : { mode: 'adaptive' }
  }
}

function taskOf(module: ContentId, input: ContentId): Task {
  return {
    version: 1,
    kind: 'function',
    module,
    meterVersion: METER_VERSION,
    args: [],
    input: [input],
    files: [],
    limits: LIMITS,
    seed: new Uint8Array(32),
    declaredTime: 0 as UnixMs,
  }
}
