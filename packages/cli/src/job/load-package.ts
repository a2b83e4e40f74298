import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { isAbsolute, join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isSteadError, messageOf } from '@stead/core'
import {
  type JobContext,
  type JobInput,
  type JobPackage,
  type JobPlan,
  jobOfModule,
  parseJobOptions,
  SdkError,
} from '@stead/sdk/job'
import { CliError } from '../errors.ts'
import { offerOwnPackages } from './resolve-fallback.ts'

/** The file that makes a folder a job package. */
const JOB_FILE_NAME = 'stead.job.ts'

/** A job package and where it is. */
export interface LoadedPackage {
  readonly directory: string
  readonly job: JobPackage
}

/**
 * Loads the job package of a folder; its code runs with the rights of the person who asked for it.
 * @throws CliError CLI_JOB_DIRECTORY, SdkError JOB_PACKAGE_INVALID
 */
export async function loadPackage(directory: string): Promise<LoadedPackage> {
  const root = resolve(directory)
  const file = join(root, JOB_FILE_NAME)
  if (!existsSync(file)) {
    const what = existsSync(root) ? `${directory} has no ${JOB_FILE_NAME}` : `there is no folder ${directory}`
    throw new CliError('CLI_JOB_DIRECTORY', what, { details: { directory: root } })
  }
  offerOwnPackages()
  let exports: unknown
  try {
    exports = await import(pathToFileURL(file).href)
  } catch (cause) {
    if (isSteadError(cause)) throw cause
    throw new CliError('CLI_JOB_DIRECTORY', `${file} cannot be loaded: ${messageOf(cause)}`, { cause })
  }
  return { directory: root, job: withNamedFaults(directory, jobOfModule(exports)) }
}

/** The same job, but what its own code throws says whose fault it is and where to mend it. */
function withNamedFaults(directory: string, job: JobPackage): JobPackage {
  const faultOf = (code: 'JOB_PLAN_FAILED' | 'JOB_REPORT_FAILED', cause: unknown): unknown => {
    if (isSteadError(cause)) return cause
    const [what = ''] = messageOf(cause).split('\n')
    const part = code === 'JOB_PLAN_FAILED' ? 'plan' : 'report'
    return new SdkError(code, `the ${part} of ${job.name} failed: ${what}`, {
      details: { directory },
      next: `Correct ${join(directory, JOB_FILE_NAME)}`,
      cause,
    })
  }
  return {
    ...job,
    plan: async (context) => {
      try {
        return await job.plan(context)
      } catch (cause) {
        throw faultOf('JOB_PLAN_FAILED', cause)
      }
    },
    report: (results, context) => {
      try {
        return job.report(results, context)
      } catch (cause) {
        throw faultOf('JOB_REPORT_FAILED', cause)
      }
    },
  }
}

/** What the person gave to a job. */
export interface PlanRequest {
  readonly inputs: readonly JobInput[]
  /** Options of the job by name, as the command line had them. */
  readonly options: Readonly<Record<string, string | boolean | undefined>>
}

/** Lets the package read its inputs and cut the work. @throws CliError CLI_INPUT_UNREADABLE, SdkError JOB_…; what an object cannot be read for */
export async function planJob({ directory, job }: LoadedPackage, request: PlanRequest): Promise<JobPlan> {
  const context: JobContext = {
    inputs: request.inputs,
    options: parseJobOptions(job.options, request.options),
    readAsset: (path) => readAsset(directory, path),
  }
  return await job.plan(context)
}

async function readAsset(directory: string, path: string): Promise<Uint8Array> {
  const file = resolve(directory, path)
  const inside = relative(directory, file)
  if (inside.startsWith('..') || isAbsolute(inside)) {
    throw new CliError('CLI_JOB_DIRECTORY', `the job asks for ${path}, which is outside of its folder`)
  }
  try {
    return plainBytes(await readFile(file))
  } catch (cause) {
    throw new CliError('CLI_JOB_DIRECTORY', `the job's file ${path} cannot be read: ${messageOf(cause)}`, { cause })
  }
}

function plainBytes(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
}
