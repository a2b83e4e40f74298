import { defineSchema, type Field, listField, optionalField, type SchemaFields, uintField } from '@stead/protocol'
import {
  type AuditParameters,
  auditParametersSchema,
  checkAuditParameters,
  defaultAuditParameters,
} from '../audits/audit-parameters.ts'
import { malformed } from '../errors.ts'
import { PROBES_MAX } from '../probes/probe-messages.ts'
import { PPM, type Ppm, ppm, ppmField } from '../units.ts'

/** What an answer within a time is worth. */
export interface LatencyClass {
  readonly upToMs: number
  readonly scorePpm: Ppm
}

/** How probes become q; part of program 0's policy, so that changing one number makes another policy id. */
export interface QualityParameters {
  /** Probers drawn for each node, of distinct operators, 1 .. 64. */
  readonly probersPerNode: number
  /** With fewer other operators than this nobody's quality can be known, 1 .. probersPerNode. */
  readonly probersMin: number
  /** Probes of each prober to each node, 1 .. 256. */
  readonly probesPerEpoch: number
  /** A later answer is none, 1 .. 60,000. */
  readonly answerMaxMs: number
  /** Answering this share of probes or less is worth nothing. */
  readonly availabilityFloorPpm: Ppm
  /** Answering this share is worth all; between the two it grows evenly. Above the floor. */
  readonly availabilityFullPpm: Ppm
  /** By time, ascending, worth less and less; the last one holds for everything slower. 1 .. 16 of them. */
  readonly latencyClasses: readonly LatencyClass[]
  /** How what nodes keep is audited. @default it is not */
  readonly audits?: AuditParameters
}

/** The values that the first genesis policy had, before there were audits: chains that began with it still go by it. */
export const firstQualityParameters: QualityParameters = {
  probersPerNode: 10,
  probersMin: 3,
  probesPerEpoch: 10,
  answerMaxMs: 5000,
  availabilityFloorPpm: ppm(500_000),
  availabilityFullPpm: ppm(950_000),
  latencyClasses: [
    { upToMs: 100, scorePpm: PPM },
    { upToMs: 250, scorePpm: ppm(950_000) },
    { upToMs: 500, scorePpm: ppm(850_000) },
    { upToMs: 1000, scorePpm: ppm(700_000) },
    { upToMs: 5000, scorePpm: ppm(400_000) },
  ],
}

/** The values that the genesis policy has; docs/economics.md says why. */
export const defaultQualityParameters: QualityParameters = {
  ...firstQualityParameters,
  audits: defaultAuditParameters,
}

const PROBERS_MAX = 64
const ANSWER_MAX_MS = 60_000
const CLASSES_MAX = 16

const classSchema = defineSchema<LatencyClass>('LatencyClass', 64, {
  upToMs: [1, uintField(ANSWER_MAX_MS)],
  scorePpm: [2, ppmField],
})

const PROBE_FIELDS: SchemaFields<Omit<QualityParameters, 'audits'>> = {
  probersPerNode: [1, uintField(PROBERS_MAX)],
  probersMin: [2, uintField(PROBERS_MAX)],
  probesPerEpoch: [3, uintField(PROBES_MAX)],
  answerMaxMs: [4, uintField(ANSWER_MAX_MS)],
  availabilityFloorPpm: [5, ppmField],
  availabilityFullPpm: [6, ppmField],
  latencyClasses: [7, listField(classSchema.asField(), CLASSES_MAX)],
}

/** {@link QualityParameters} as a field, as they were before there were audits. */
export const firstQualityField: Field<QualityParameters> = defineSchema<Omit<QualityParameters, 'audits'>>(
  'QualityParameters',
  2048,
  PROBE_FIELDS,
).asField()

/** {@link QualityParameters} as a field. */
export const qualityField: Field<QualityParameters> = defineSchema<QualityParameters>('QualityParameters', 2048, {
  ...PROBE_FIELDS,
  audits: [8, optionalField(auditParametersSchema.asField())],
}).asField()

/** Checks what the schema cannot. @throws RewardsError REWARDS_MALFORMED */
export function checkQualityParameters(parameters: QualityParameters): QualityParameters {
  const { probersPerNode, probersMin, probesPerEpoch, answerMaxMs, latencyClasses } = parameters
  if (probersPerNode < 1) malformed('probersPerNode', 'at least 1', probersPerNode)
  if (probersMin < 1 || probersMin > probersPerNode) malformed('probersMin', `1 .. ${probersPerNode}`, probersMin)
  if (probesPerEpoch < 1) malformed('probesPerEpoch', 'at least 1', probesPerEpoch)
  if (answerMaxMs < 1) malformed('answerMaxMs', 'at least 1', answerMaxMs)
  if (parameters.availabilityFullPpm <= parameters.availabilityFloorPpm) {
    malformed('availabilityFullPpm', `above ${parameters.availabilityFloorPpm}`, parameters.availabilityFullPpm)
  }
  if (latencyClasses.length === 0) malformed('latencyClasses', 'at least 1', 0)
  for (const [index, { upToMs, scorePpm }] of latencyClasses.entries()) {
    const before = latencyClasses[index - 1]
    if (before === undefined) continue
    if (upToMs <= before.upToMs) malformed('latencyClasses', `a time above ${before.upToMs}`, upToMs)
    if (scorePpm > before.scorePpm) malformed('latencyClasses', `a score of at most ${before.scorePpm}`, scorePpm)
  }
  if (parameters.audits !== undefined) checkAuditParameters(parameters.audits, probersPerNode)
  return parameters
}
