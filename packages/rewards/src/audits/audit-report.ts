import type { Address } from '@stead/core'
import {
  addressField,
  bytesField,
  defineSchema,
  optionalField,
  type Schema,
  uintField,
  wordField,
} from '@stead/protocol'
import { type SignedAgreement, signedAgreementSchema } from '@stead/storage'

/**
 * What an auditor found of the pieces that a node keeps for one payer. `proven`: it showed the leaves in time; `late`: it
 * showed them later; `offline`: it did not answer; `lost`: it said that a piece is gone; `lied`: it showed something else,
 * or denied what it signed; `none`: nothing shows that it keeps anything for this payer.
 */
export const AUDIT_OUTCOMES = ['proven', 'late', 'offline', 'lost', 'lied', 'none'] as const
export type AuditOutcome = (typeof AUDIT_OUTCOMES)[number]

/** What one auditor says about one node. Which payer, and which leaves, follows from the seed of its log. */
export interface AuditReport {
  readonly node: Address
  readonly outcome: AuditOutcome
  /** Milliseconds to the answer, 0 for none. */
  readonly tookMs: number
  /** An {@link AuditEvidence}; missing when the outcome is `none`. */
  readonly evidence?: Uint8Array
}

/** What an outcome stands on: without a revision that both sides signed there is nothing that a node could have lost. */
export interface AuditEvidence {
  readonly agreement: SignedAgreement
  /** DAG-CBOR of a PossessionProof; of `proven` alone. */
  readonly proof?: Uint8Array
}

/** Most audits in one log; the rest is not reported. */
export const AUDIT_REPORTS_MAX = 32
/** Largest evidence in bytes: a revision, and five leaves with their paths. */
const AUDIT_EVIDENCE_BYTES_MAX: number = 14 * 1024
/** A longer time is reported as this. */
export const AUDIT_TOOK_MS_MAX = 0xffff

/** Encodings of {@link AuditEvidence}. */
export const auditEvidenceSchema: Schema<AuditEvidence> = defineSchema<AuditEvidence>(
  'AuditEvidence',
  AUDIT_EVIDENCE_BYTES_MAX,
  {
    agreement: [1, signedAgreementSchema.asField()],
    proof: [2, optionalField(bytesField(AUDIT_EVIDENCE_BYTES_MAX))],
  },
)

/** Encodings of {@link AuditReport}. */
export const auditReportSchema: Schema<AuditReport> = defineSchema<AuditReport>(
  'AuditReport',
  AUDIT_EVIDENCE_BYTES_MAX + 256,
  {
    node: [1, addressField],
    outcome: [2, wordField(AUDIT_OUTCOMES)],
    tookMs: [3, uintField(AUDIT_TOOK_MS_MAX)],
    evidence: [4, optionalField(bytesField(AUDIT_EVIDENCE_BYTES_MAX))],
  },
)
