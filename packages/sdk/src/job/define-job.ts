import { SdkError } from '../errors.ts'
import { isInputRange, rangeFault } from './job-input.ts'
import type { JobPackage, JobPlan, PlannedBytes } from './job-package.ts'

/** Most tasks in one job. */
export const JOB_TASKS_MAX = 100_000
/** Largest context of a job, as characters of JSON. */
export const JOB_CONTEXT_LENGTH_MAX = 1_048_576

const NAME_PATTERN = /^[a-z0-9][a-z0-9-]{0,63}$/
const KEY_LENGTH_MAX = 128

/**
 * Declares a job package; `stead.job.ts` exports what this returns as `job`.
 * @throws SdkError JOB_PACKAGE_INVALID when a name is not as it must be or an option is declared twice
 */
export function defineJob(job: JobPackage): JobPackage {
  if (!NAME_PATTERN.test(job.name))
    throw invalid(`a job's name must be a-z, 0-9 and -, not ${JSON.stringify(job.name)}`)
  const names = new Set<string>()
  for (const { name } of job.options) {
    if (!NAME_PATTERN.test(name) || names.has(name))
      throw invalid(`option ${JSON.stringify(name)} is declared twice or wrong`)
    names.add(name)
  }
  return Object.freeze({ ...job })
}

/**
 * The job in what a stead.job.ts exports.
 * @throws SdkError JOB_PACKAGE_INVALID when there is no `job`, or it was not made with {@link defineJob}
 */
export function jobOfModule(exports: unknown): JobPackage {
  const job = typeof exports === 'object' && exports !== null && 'job' in exports ? exports.job : undefined
  if (typeof job !== 'object' || job === null) throw invalid('stead.job.ts does not export `job`')
  const { name, options, plan, report } = job as Partial<JobPackage>
  const whole = typeof name === 'string' && Array.isArray(options) && typeof plan === 'function'
  if (!whole || typeof report !== 'function') throw invalid('the exported `job` was not made with defineJob')
  return job as JobPackage
}

/**
 * Checks what a plan must hold before it is sent anywhere, so that a mistake is named with its task.
 * @throws SdkError JOB_INPUT_EMPTY without tasks; JOB_TOO_LARGE; JOB_PACKAGE_INVALID for all else
 */
export function checkJobPlan(plan: JobPlan): void {
  if (plan.module.length === 0) throw invalid('the plan has no module')
  if (plan.tasks.length === 0)
    throw new SdkError('JOB_INPUT_EMPTY', 'the job has no tasks: its inputs hold nothing to do')
  if (plan.tasks.length > JOB_TASKS_MAX) {
    throw new SdkError(
      'JOB_TOO_LARGE',
      `the job has ${plan.tasks.length} tasks, at most ${JOB_TASKS_MAX} are allowed`,
      {
        details: { needTasks: plan.tasks.length, limitTasks: JOB_TASKS_MAX },
      },
    )
  }
  const keys = new Set<string>()
  for (const { key, input, files } of plan.tasks) {
    if (key.length === 0 || key.length > KEY_LENGTH_MAX)
      throw invalid(`task key ${JSON.stringify(key)} must have 1 .. 128 characters`)
    if (keys.has(key)) throw invalid(`two tasks have the key ${JSON.stringify(key)}`)
    keys.add(key)
    for (const part of [...(input ?? []), ...(files?.values() ?? [])]) {
      const fault = partFault(plan, part)
      if (fault !== undefined) throw invalid(`task ${JSON.stringify(key)} ${fault}`)
    }
  }
  const contextLength = JSON.stringify(plan.context)?.length ?? 0
  if (contextLength > JOB_CONTEXT_LENGTH_MAX) {
    throw new SdkError(
      'JOB_TOO_LARGE',
      `the context has ${contextLength} characters, at most ${JOB_CONTEXT_LENGTH_MAX} are allowed`,
      {
        details: { need: contextLength, limit: JOB_CONTEXT_LENGTH_MAX },
      },
    )
  }
}

function partFault(plan: JobPlan, part: PlannedBytes): string | undefined {
  if (part instanceof Uint8Array) return undefined
  if (isInputRange(part)) return rangeFault(part)
  if (plan.blobs?.has(part.blob) === true) return undefined
  return `names the blob ${JSON.stringify(part.blob)}, which the plan does not have`
}

function invalid(message: string): SdkError {
  return new SdkError('JOB_PACKAGE_INVALID', message)
}
