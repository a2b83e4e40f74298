import { SandboxError } from '../errors.ts'

/** Settings of a page's executor; the unit is the last word of a name. */
export interface WorkerExecutorOptions {
  /** Web workers, each running one call at a time, started when there is work for them; 0 .. 64. @default 0: one per core */
  readonly workersMax: number
  /** Calls and loads that may wait or run, 1 .. 65536; more are refused as busy. @default 1024: a tenth of a second of short calls */
  readonly callsInFlightMax: number
  /** Bytes of input of those calls, 1 MiB .. 4 GiB. @default 64 MiB: they are held twice, and a page has less than a node */
  readonly bytesInFlightMax: number
  /** Compiled modules kept, in the page and in each worker, 1 .. 10000. @default 64: 1 to 10 MB each */
  readonly modulesMax: number
  /** ms for checking, metering and compiling one module, 100 .. 2^31-1. @default 10000: the largest take 3 s on a slow machine */
  readonly loadTimeoutMs: number
  /** ms for a worker to start, 100 .. 2^31-1. @default 20000: its code may come over a slow network */
  readonly startTimeoutMs: number
}

const MIB = 1024 * 1024
const TIMER_MS_MAX = 2 ** 31 - 1

interface Range {
  readonly least: number
  readonly most: number
  readonly normal: number
}

// Plain checks, not a zod schema: with the validator the page's part of this package would be five times as large.
const ranges: Readonly<Record<keyof WorkerExecutorOptions, Range>> = {
  workersMax: { least: 0, most: 64, normal: 0 },
  callsInFlightMax: { least: 1, most: 65_536, normal: 1024 },
  bytesInFlightMax: { least: MIB, most: 4096 * MIB, normal: 64 * MIB },
  modulesMax: { least: 1, most: 10_000, normal: 64 },
  loadTimeoutMs: { least: 100, most: TIMER_MS_MAX, normal: 10_000 },
  startTimeoutMs: { least: 100, most: TIMER_MS_MAX, normal: 20_000 },
}

function isOption(name: string): name is keyof WorkerExecutorOptions {
  return Object.hasOwn(ranges, name)
}

/** Checks options, fills in defaults and freezes. @throws SandboxError SANDBOX_BAD_OPTION naming each wrong field */
export function parseWorkerExecutorOptions(input: Partial<WorkerExecutorOptions>): WorkerExecutorOptions {
  const faults = Object.keys(input)
    .filter((name) => !isOption(name))
    .map((name) => `${name}: there is no such option`)
  const pick = (name: keyof WorkerExecutorOptions): number => {
    const { least, most, normal } = ranges[name]
    const value = input[name] ?? normal
    if (!Number.isInteger(value) || value < least || value > most)
      faults.push(`${name}: must be an integer of ${least} .. ${most}, not ${value}`)
    return value
  }
  const options: WorkerExecutorOptions = {
    workersMax: pick('workersMax'),
    callsInFlightMax: pick('callsInFlightMax'),
    bytesInFlightMax: pick('bytesInFlightMax'),
    modulesMax: pick('modulesMax'),
    loadTimeoutMs: pick('loadTimeoutMs'),
    startTimeoutMs: pick('startTimeoutMs'),
  }
  if (faults.length > 0)
    throw new SandboxError('SANDBOX_BAD_OPTION', `wrong executor options: ${faults.join('; ')}`, {
      details: { faults },
    })
  return Object.freeze(options)
}
