import { availableParallelism } from 'node:os'
import { silentLogger } from '@stead/core'
import type { CallInput, LoadedModule, Outcome } from '@stead/sandbox'
import { ProcessExecutor } from '@stead/sandbox/node'
import { bytesOfPart, checkJobPlan, type JobPlan, type PlannedTask, type TaskResult } from '@stead/sdk/job'

/** One task of a plan after it ran here. */
export interface LocalTask {
  readonly key: string
  readonly outcome: Outcome
  /** The same as the job's report gets it. */
  readonly result: TaskResult
}

/** A plan after it ran here. */
export interface LocalRun {
  readonly module: LoadedModule
  /** In the plan's order. */
  readonly tasks: readonly LocalTask[]
}

const NOTHING = new Uint8Array(0)
const SEED_BYTES = 32

/**
 * Checks the plan's module in the executor process that nodes use.
 * @throws SdkError as {@link checkJobPlan}, SandboxError when the sandbox refuses the module
 */
export async function checkModule(plan: JobPlan): Promise<LoadedModule> {
  checkJobPlan(plan)
  return await withExecutor((executor) => executor.load(plan.module, { floats: plan.floats ?? 'raw' }))
}

/**
 * Runs all tasks of a plan on this machine, in the executor process that nodes use, with the time and seed that a
 * network would give them.
 * @throws SdkError as {@link checkJobPlan}, SandboxError when the sandbox refuses module or call, or at `signal`
 */
export async function runLocally(plan: JobPlan, signal: AbortSignal): Promise<LocalRun> {
  checkJobPlan(plan)
  return await withExecutor(async (executor) => {
    const module = await executor.load(plan.module, { floats: plan.floats ?? 'raw' })
    const tasks: LocalTask[] = []
    const waiting = plan.tasks.entries()
    const work = async (): Promise<void> => {
      for (const [index, task] of waiting) {
        const limits = { ...plan.limits, ...(task.fuel === undefined ? {} : { fuel: task.fuel }) }
        const outcome = await executor.run(module, await callOf(plan, task), limits, { signal })
        tasks[index] = { key: task.key, outcome, result: resultOf(task.key, outcome) }
      }
    }
    await Promise.all(Array.from({ length: availableParallelism() }, work))
    return { module, tasks }
  })
}

async function withExecutor<Result>(work: (executor: ProcessExecutor) => Promise<Result>): Promise<Result> {
  const executor = new ProcessExecutor({ logger: silentLogger }, { workersMax: availableParallelism() })
  await executor.start()
  try {
    return await work(executor)
  } finally {
    await executor.stop()
  }
}

async function callOf(plan: JobPlan, { args, input, files }: PlannedTask): Promise<CallInput> {
  const parts = await Promise.all((input ?? []).map((part) => bytesOfPart(plan, part)))
  const whole = new Uint8Array(Buffer.concat(parts))
  const named = [...(files ?? [])].map(async ([path, part]) => [path, await bytesOfPart(plan, part)] as const)
  const isCommand = plan.kind === 'command'
  return {
    kind: plan.kind,
    args: args ?? [],
    stdin: isCommand ? whole : NOTHING,
    input: isCommand ? NOTHING : whole,
    files: new Map(await Promise.all(named)),
    seed: plan.seed ?? new Uint8Array(SEED_BYTES),
    declaredTimeMs: 0,
  }
}

function resultOf(key: string, outcome: Outcome): TaskResult {
  const nothing = { output: NOTHING, exitCode: 0, stderr: NOTHING, files: new Map<string, Uint8Array>() }
  switch (outcome.status) {
    case 'ok':
      return { key, ...outcome }
    case 'trap':
      return { key, ...nothing, status: 'trap', reason: outcome.reason, fuel: outcome.fuel }
    case 'limit':
      return { key, ...nothing, status: 'limit', reason: outcome.limit, fuel: outcome.fuel }
    case 'out-of-fuel':
      return { key, ...nothing, status: 'out-of-fuel', fuel: outcome.fuel }
    case 'timed-out':
    case 'node-fault':
      return { key, ...nothing, status: 'unfinished', reason: outcome.status, fuel: 0n as TaskResult['fuel'] }
  }
}
