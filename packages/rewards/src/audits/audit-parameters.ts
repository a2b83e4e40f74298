import { defineSchema, type Schema, uintField } from '@stead/protocol'
import { malformed } from '../errors.ts'
import { type Ppm, ppm, ppmField } from '../units.ts'

/** How nodes that keep pieces are audited; part of program 0's policy. */
export interface AuditParameters {
  /** How many of a node's probers audit it as well, the first that were drawn, 1 .. probersPerNode. */
  readonly auditorsPerNode: number
  /** With fewer audits that count nothing is known, 1 .. auditorsPerNode. */
  readonly auditorsMin: number
  /** A proof that takes longer is late, 1 .. 60,000. */
  readonly answerMaxMs: number
  /** An older revision shows nothing: it may have been replaced by a smaller one. Seconds before the epoch, at least 1. */
  readonly revisionAgeSecondsMax: number
  /** What is left of a node's q when it is not proven, and was warned. */
  readonly unprovenWorthPpm: Ppm
}

/**
 * The genesis values. Five audits a day of five leaves find the loss of a twentieth of a node's pieces within a few days.
 * An honest node reads five blocks of 64 KiB in well under a second, from a disk that seeks, and its answer has to travel.
 * Payers sign at least once a day, so that three days leave room for one that is away over a weekend. Half of q: what such
 * a node computes may still be right, and its storage is not paid by those who ask themselves.
 */
export const defaultAuditParameters: AuditParameters = {
  auditorsPerNode: 5,
  auditorsMin: 3,
  answerMaxMs: 3000,
  revisionAgeSecondsMax: 3 * 86_400,
  unprovenWorthPpm: ppm(500_000),
}

const AUDITORS_MAX = 64
const ANSWER_MAX_MS = 60_000

/** Encodings of {@link AuditParameters}. */
export const auditParametersSchema: Schema<AuditParameters> = defineSchema<AuditParameters>('AuditParameters', 128, {
  auditorsPerNode: [1, uintField(AUDITORS_MAX)],
  auditorsMin: [2, uintField(AUDITORS_MAX)],
  answerMaxMs: [3, uintField(ANSWER_MAX_MS)],
  revisionAgeSecondsMax: [4, uintField(0xffff_ffff)],
  unprovenWorthPpm: [5, ppmField],
})

/** Checks what the schema cannot. @throws RewardsError REWARDS_MALFORMED */
export function checkAuditParameters(audits: AuditParameters, probersPerNode: number): void {
  const { auditorsPerNode, auditorsMin, answerMaxMs, revisionAgeSecondsMax } = audits
  if (auditorsPerNode < 1 || auditorsPerNode > probersPerNode)
    malformed('auditorsPerNode', `1 .. ${probersPerNode}`, auditorsPerNode)
  if (auditorsMin < 1 || auditorsMin > auditorsPerNode) malformed('auditorsMin', `1 .. ${auditorsPerNode}`, auditorsMin)
  if (answerMaxMs < 1) malformed('answerMaxMs of audits', 'at least 1', answerMaxMs)
  if (revisionAgeSecondsMax < 1) malformed('revisionAgeSecondsMax', 'at least 1', revisionAgeSecondsMax)
}
