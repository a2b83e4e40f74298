import type { ContentId, Hash } from '@stead/core'
import {
  bytesField,
  contentIdField,
  contentIdOfDigest,
  defineSchema,
  digestOfContentId,
  hashFromBytes,
  hexToBytes,
  listField,
  optionalField,
  type Schema,
  versionField,
} from '@stead/protocol'
import { checkAscending } from '../errors.ts'
import { FACT_PROGRAMS_MAX } from '../facts/chain-facts.ts'
import { POLICY_BYTES_MAX, policyId } from '../programs/program.ts'
import { type EpochNumber, epochField } from '../units.ts'

/** Everything that an epoch's result follows from, by content id; the chain holds the digest of this document's. */
export interface EpochEvidence {
  readonly version: 1
  readonly epoch: EpochNumber
  /** The chain facts. */
  readonly facts: ContentId
  /** The result of the epoch before; missing in epoch 0 alone. */
  readonly previous?: ContentId
  /** Policies of all enabled programs, by id. */
  readonly policies: readonly Uint8Array[]
  /** Published probe logs, ascending. */
  readonly logs: readonly ContentId[]
}

/** Most logs of one epoch: one of each node that may be bonded. */
export const EVIDENCE_LOGS_MAX = 65_536
/** Largest evidence document in bytes. */
export const EVIDENCE_BYTES_MAX: number = 4 * 1024 * 1024

const evidenceSchema: Schema<EpochEvidence> = defineSchema<EpochEvidence>('EpochEvidence', EVIDENCE_BYTES_MAX, {
  version: [1, versionField(1)],
  epoch: [2, epochField],
  facts: [3, contentIdField],
  previous: [4, optionalField(contentIdField)],
  policies: [5, listField(bytesField(POLICY_BYTES_MAX), FACT_PROGRAMS_MAX + 1)],
  logs: [6, listField(contentIdField, EVIDENCE_LOGS_MAX)],
})

/** DAG-CBOR of evidence, its lists put in order and repetitions dropped: the same for any order of gathering. */
export function encodeEvidence(evidence: EpochEvidence): Uint8Array {
  const policies = new Map(evidence.policies.map((policy) => [policyId(policy), policy]))
  const inOrder = [...policies].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, policy]) => policy)
  const logs = [...new Set(evidence.logs)].sort()
  return evidenceSchema.encodeDocument({ ...evidence, policies: inOrder, logs })
}

/** Decodes evidence and checks its order. @throws RewardsError REWARDS_MALFORMED; ProtocolError for other bytes */
export function openEvidence(bytes: Uint8Array): EpochEvidence {
  const evidence = evidenceSchema.decodeDocument(bytes)
  checkAscending('logs', evidence.logs)
  checkAscending('policies', evidence.policies.map(policyId))
  return evidence
}

/** The word (bytes32) by which the chain names evidence: the digest in its content id. */
export function evidenceDigest(id: ContentId): Hash {
  return hashFromBytes(digestOfContentId(id))
}

/** The content id of the evidence that the chain names. */
export function evidenceIdOf(digest: Hash): ContentId {
  return contentIdOfDigest('dag-cbor', hexToBytes(digest))
}
