import type { ContentId, Fuel, MicroUsd } from '@stead/core'
import {
  contentIdField,
  defineSchema,
  fuelField,
  microUsdField,
  type Schema,
  type Task,
  uintField,
  versionField,
} from '@stead/protocol'

/** Prices and limits of compute; the `terms` of an offer and, locked, of a quote. */
export interface ComputeTerms {
  readonly version: 1
  /** Price of 10^9 units of fuel. */
  readonly priceMicroUsdPerGigafuel: MicroUsd
  /** A task costs at least this. */
  readonly minimumMicroUsdPerTask: MicroUsd
  /** Most fuel of one task. */
  readonly fuelMax: Fuel
  /** Most memory of one task, in pages of 64 KiB. */
  readonly memoryPagesMax: number
  /** Most output of one task: stdout, stderr and files together. */
  readonly outputBytesMax: number
  /** Longest wall time of one task. */
  readonly timeMsMax: number
  readonly moduleBytesMax: number
  /** Input and files of one task together. */
  readonly inputBytesMax: number
  /** Tasks that run at once on the node, for all payers. */
  readonly concurrency: number
  /** The version of the cost table that counts the fuel. */
  readonly meterVersion: number
}

/** Encodings of {@link ComputeTerms}. */
export const computeTermsSchema: Schema<ComputeTerms> = defineSchema<ComputeTerms>('ComputeTerms', 512, {
  version: [1, versionField(1)],
  priceMicroUsdPerGigafuel: [2, microUsdField],
  minimumMicroUsdPerTask: [3, microUsdField],
  fuelMax: [4, fuelField],
  memoryPagesMax: [5, uintField(65_536)],
  outputBytesMax: [6, uintField()],
  timeMsMax: [7, uintField()],
  moduleBytesMax: [8, uintField()],
  inputBytesMax: [9, uintField()],
  concurrency: [10, uintField(65_535)],
  meterVersion: [11, uintField(65_535)],
})

/** What a job's largest tasks need; the `need` of a request for a quote. */
export interface ComputeNeed {
  readonly version: 1
  /** A module that the job uses, to learn whether it is loaded already. */
  readonly module: ContentId
  readonly meterVersion: number
  readonly fuel: Fuel
  readonly memoryPages: number
  readonly outputBytes: number
  readonly timeMs: number
  readonly moduleBytes: number
  readonly inputBytes: number
}

/** Encodings of {@link ComputeNeed}. */
export const computeNeedSchema: Schema<ComputeNeed> = defineSchema<ComputeNeed>('ComputeNeed', 512, {
  version: [1, versionField(1)],
  module: [2, contentIdField],
  meterVersion: [3, uintField(65_535)],
  fuel: [4, fuelField],
  memoryPages: [5, uintField(65_536)],
  outputBytes: [6, uintField()],
  timeMs: [7, uintField()],
  moduleBytes: [8, uintField()],
  inputBytes: [9, uintField()],
})

/** Names of the limits that terms and needs are compared by; also the reasons for an exclusion. */
export type TermsLimit =
  | 'meter-version'
  | 'fuel-limit'
  | 'memory-limit'
  | 'output-limit'
  | 'time-limit'
  | 'module-size'
  | 'input-size'

/** A need that terms do not meet. */
export interface TermsMismatch {
  readonly limit: TermsLimit
  readonly need: bigint | number
  readonly have: bigint | number
}

/** The first respect in which `terms` do not meet `need`; undefined when they do. */
export function termsMismatch(
  terms: ComputeTerms,
  need: Omit<ComputeNeed, 'version' | 'module'>,
): TermsMismatch | undefined {
  if (need.meterVersion !== terms.meterVersion)
    return { limit: 'meter-version', need: need.meterVersion, have: terms.meterVersion }
  const pairs: readonly (readonly [TermsLimit, bigint | number, bigint | number])[] = [
    ['fuel-limit', need.fuel, terms.fuelMax],
    ['memory-limit', need.memoryPages, terms.memoryPagesMax],
    ['output-limit', need.outputBytes, terms.outputBytesMax],
    ['time-limit', need.timeMs, terms.timeMsMax],
    ['module-size', need.moduleBytes, terms.moduleBytesMax],
    ['input-size', need.inputBytes, terms.inputBytesMax],
  ]
  for (const [limit, needed, have] of pairs) if (needed > have) return { limit, need: needed, have }
  return undefined
}

/** What one task needs of terms, its blobs' sizes aside. */
export function needOfTask(task: Task): Omit<ComputeNeed, 'version' | 'module' | 'moduleBytes' | 'inputBytes'> {
  return {
    meterVersion: task.meterVersion,
    fuel: task.limits.fuel,
    memoryPages: task.limits.memoryPages,
    outputBytes: task.limits.outputBytes,
    timeMs: task.limits.timeMs,
  }
}
