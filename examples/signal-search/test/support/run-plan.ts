import { join } from 'node:path'
import { type Fuel, fuel } from '@stead/core'
import { type CallInput, InlineExecutor, type LoadedModule, type Outcome } from '@stead/sandbox'
import {
  bytesOfPart,
  checkJobPlan,
  inputOf,
  type JobPackage,
  type JobPlan,
  type JobReport,
  parseJobOptions,
  type TaskResult,
} from '@stead/sdk/job'
import { buildAssemblyScript } from '@stead/toolchain'
import { job } from '../../stead.job.ts'

const NOTHING = new Uint8Array(0)

/** The module as the job sends it. */
export function searchModule(): Promise<Uint8Array> {
  return buildAssemblyScript(join(import.meta.dirname, '..', '..'), 'signal-search')
}

/** The search module in the real sandbox. */
export class ModuleRunner {
  readonly #executor: InlineExecutor = new InlineExecutor()
  #module: LoadedModule | undefined

  async start(): Promise<void> {
    await this.#executor.start()
    this.#module = await this.#executor.load(await searchModule())
  }

  stop(): Promise<void> {
    return this.#executor.stop()
  }

  async run(input: Uint8Array, limit: Fuel = fuel(10n ** 12n)): Promise<Outcome> {
    if (this.#module === undefined) throw new TypeError('not started')
    const call: CallInput = {
      kind: 'function',
      args: [],
      stdin: NOTHING,
      files: new Map(),
      input,
      seed: new Uint8Array(32),
      declaredTimeMs: 0,
    }
    return await this.#executor.run(this.#module, call, {
      fuel: limit,
      memoryPages: 400,
      outputBytes: 4096,
      timeMs: 60_000,
    })
  }

  /** Runs tasks of a plan as a node would, under their own limits. */
  async runPlan(plan: JobPlan, keys?: ReadonlySet<string>): Promise<TaskResult[]> {
    const results: TaskResult[] = []
    for (const task of plan.tasks) {
      if (keys !== undefined && !keys.has(task.key)) continue
      const parts = await Promise.all((task.input ?? []).map((part) => bytesOfPart(plan, part)))
      const outcome = await this.run(Buffer.concat(parts), task.fuel)
      const output = outcome.status === 'ok' ? outcome.output : NOTHING
      if (outcome.status === 'timed-out' || outcome.status === 'node-fault') throw new TypeError(outcome.status)
      results.push({
        key: task.key,
        status: outcome.status,
        output,
        exitCode: 0,
        stderr: NOTHING,
        files: new Map(),
        fuel: outcome.fuel,
      })
    }
    return results
  }
}

/** Plans the job as `stead run` does. */
export async function planOf(
  files: Readonly<Record<string, string | Uint8Array>>,
  options: Readonly<Record<string, string>> = {},
): Promise<JobPlan> {
  const inputs = Object.entries(files).map(([name, content]) =>
    inputOf(name, typeof content === 'string' ? new TextEncoder().encode(content) : content),
  )
  const plan = await job.plan({
    inputs,
    options: parseJobOptions(job.options, options),
    readAsset: (path) => Promise.reject(new TypeError(`asks for ${path}`)),
  })
  checkJobPlan(plan)
  return plan
}

/** The report as it is made after a crash: from JSON of the context alone. */
export function reportOf(plan: JobPlan, results: readonly TaskResult[], of: JobPackage = job): JobReport {
  return of.report(results, JSON.parse(JSON.stringify(plan.context)))
}
