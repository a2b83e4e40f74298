import { z } from 'zod'
import { SandboxError } from './errors.ts'

/** Settings of the executor process; the unit is the last word of a name. */
export interface ExecutorOptions {
  readonly workersMax: number
  readonly callsInFlightMax: number
  readonly bytesInFlightMax: number
  readonly modulesMax: number
  readonly moduleBytesMax: number
  readonly loadTimeoutMs: number
  readonly startTimeoutMs: number
  readonly terminateGraceMs: number
  readonly hangTimeoutMs: number
  readonly bubblewrap: 'auto' | 'off' | 'required'
}

/** What a caller may give: any part of {@link ExecutorOptions}. */
export type ExecutorOptionsInput = { readonly [Name in keyof ExecutorOptions]?: ExecutorOptions[Name] | undefined }

const MIB = 1024 * 1024
const TIMER_MS_MAX = 2 ** 31 - 1

function duration(minMs: number, normalMs: number, why: string): z.ZodDefault<z.ZodInt> {
  return z.int().min(minMs).max(TIMER_MS_MAX).default(normalMs).describe(why)
}

const schema = z.strictObject({
  workersMax: z
    .int()
    .min(0)
    .max(256)
    .default(0)
    .describe(
      'Worker threads, each running one call at a time; started when there is work for them. Default 0: one per core.',
    ),
  callsInFlightMax: z
    .int()
    .min(1)
    .max(65_536)
    .default(1024)
    .describe(
      'Calls that may wait or run; more are refused as busy. Default 1024: a tenth of a second of short calls.',
    ),
  bytesInFlightMax: z
    .int()
    .min(MIB)
    .max(4096 * MIB)
    .default(256 * MIB)
    .describe('Bytes of input of those calls. Default 256 MiB: what a machine of 2 GiB can spare.'),
  modulesMax: z
    .int()
    .min(1)
    .max(10_000)
    .default(64)
    .describe('Compiled modules kept, least recently used ones going first. Default 64: 1 to 10 MB each.'),
  moduleBytesMax: z
    .int()
    .min(MIB)
    .max(4096 * MIB)
    .default(256 * MIB)
    .describe(
      'Bytes of the original binaries of those modules. Default 256 MiB: compiled code is about as large again.',
    ),
  loadTimeoutMs: duration(
    100,
    30_000,
    'ms for checking, metering and compiling one module. Default 30 s: the largest take 3 s on a quiet machine, and 10 s on one that is shared.',
  ),
  startTimeoutMs: duration(
    500,
    20_000,
    'ms for the process to start. Default 20 s: it takes 0.2 s, and a small machine under load a hundred times that.',
  ),
  terminateGraceMs: duration(
    50,
    2000,
    'ms that a worker may take to end before the whole process is killed. Default 2 s: ending takes 10 ms.',
  ),
  hangTimeoutMs: duration(
    500,
    15_000,
    'ms without a sign of life before the process is killed. Default 15 s: longer than a laptop swaps, shorter than patience.',
  ),
  bubblewrap: z
    .enum(['auto', 'off', 'required'])
    .default('auto')
    .describe('Whether to start the process inside bubblewrap (Linux). Default auto: where it is installed and works.'),
})

/** The schema itself, for generated documentation. */
export const executorOptionsSchema: z.ZodType<ExecutorOptions, ExecutorOptionsInput> = schema

/** Checks options, fills in defaults and freezes. @throws SandboxError SANDBOX_BAD_OPTION naming each wrong field */
export function parseExecutorOptions(input: unknown): ExecutorOptions {
  const result = schema.safeParse(input)
  if (result.success) return Object.freeze(result.data)
  const faults = result.error.issues.map((issue) => `${issue.path.join('.') || 'options'}: ${issue.message}`)
  throw new SandboxError('SANDBOX_BAD_OPTION', `wrong executor options: ${faults.join('; ')}`, { details: { faults } })
}
