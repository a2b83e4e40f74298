import type { Address, Hash, Signer } from '@stead/core'
import {
  addressField,
  addressWord,
  bytesField,
  checkStatement,
  defineSchema,
  fixedBytesField,
  hashField,
  hashWord,
  listField,
  optionalField,
  payloadOf,
  RESOURCES,
  type Resource,
  type Schema,
  type Secp256k1,
  type Statement,
  signStatement,
  slotOf,
  textField,
  uintField,
  uintWord,
  versionField,
} from '@stead/protocol'
import { AUDIT_REPORTS_MAX, type AuditReport, auditReportSchema } from '../audits/audit-report.ts'
import { checkAscending } from '../errors.ts'
import { type EpochNumber, epochField } from '../units.ts'
import type { ProbePair } from './answer-chain.ts'
import { PROBES_MAX } from './probe-messages.ts'
import type { ProbeRecord } from './probe-session.ts'

/** What one prober says about one node. */
export interface ProbeReport extends ProbeRecord {
  readonly node: Address
  /** Where the node was reached: 4 and a /24 (3 bytes), or 6 and a /64 (8 bytes); empty when it is not known. */
  readonly network: Uint8Array
  /** The place that the node's offers name; `-` for none. */
  readonly region: string
  /** What its offers sell: bit i for the i-th of {@link RESOURCES}. */
  readonly resources: number
}

/** All that one prober reports of one epoch; published when the epoch has ended. */
export interface ProbeLog {
  readonly version: 1
  readonly chainId: number
  readonly escrow: Address
  readonly epoch: EpochNumber
  readonly beacon: Hash
  readonly prober: Address
  /** 32 bytes that all nonces come from. */
  readonly seed: Uint8Array
  /** By node, each once. */
  readonly reports: readonly ProbeReport[]
  /** What it found of the pieces that nodes keep; missing where the policy has no audits. */
  readonly audits?: AuditReports
}

/** The audits of a log. */
export interface AuditReports {
  /** By node, each once. */
  readonly reports: readonly AuditReport[]
}

/** A log as it was signed. */
export interface SignedProbeLog {
  /** DAG-CBOR of a {@link ProbeLog}. */
  readonly document: Uint8Array
  /** 65 bytes. */
  readonly signature: Uint8Array
}

/** Most nodes in one log; beyond it, which takes very few operators with very many nodes, the rest is not reported. */
export const PROBE_LOG_REPORTS_MAX = 4096
/** Largest log in bytes. */
export const PROBE_LOG_BYTES_MAX: number = 1024 * 1024

const reportSchema = defineSchema<ProbeReport>('ProbeReport', 1024, {
  node: [1, addressField],
  latencies: [2, bytesField(2 * PROBES_MAX)],
  signature: [3, optionalField(fixedBytesField(65))],
  network: [4, bytesField(9)],
  region: [5, textField(32)],
  resources: [6, uintField(2 ** RESOURCES.length - 1)],
})

const auditsSchema = defineSchema<AuditReports>('AuditReports', 480 * 1024, {
  reports: [1, listField(auditReportSchema.asField(), AUDIT_REPORTS_MAX)],
})

/** Encodings of {@link ProbeLog}; read one with {@link openProbeLog}. */
export const probeLogSchema: Schema<ProbeLog> = defineSchema<ProbeLog>('ProbeLog', PROBE_LOG_BYTES_MAX, {
  version: [1, versionField(1)],
  chainId: [2, uintField()],
  escrow: [3, addressField],
  epoch: [4, epochField],
  beacon: [5, hashField],
  prober: [6, addressField],
  seed: [7, fixedBytesField(32)],
  reports: [8, listField(reportSchema.asField(), PROBE_LOG_REPORTS_MAX)],
  audits: [9, optionalField(auditsSchema.asField())],
})

/** Encodings of {@link SignedProbeLog}. */
export const signedProbeLogSchema: Schema<SignedProbeLog> = defineSchema<SignedProbeLog>(
  'SignedProbeLog',
  PROBE_LOG_BYTES_MAX + 128,
  { document: [1, bytesField(PROBE_LOG_BYTES_MAX)], signature: [2, fixedBytesField(65)] },
)

/** The slot in which a prober says its log of an epoch: two different logs are equivocation and cost it its bond. */
export function probeLogSlot(log: Omit<ProbePair, 'node'>): Hash {
  return slotOf('stead/probe-log', [
    uintWord(log.chainId),
    addressWord(log.escrow),
    uintWord(log.epoch),
    hashWord(log.beacon),
    addressWord(log.prober),
  ])
}

/**
 * Signs a log; the bytes are what is published and named by content id. The caller journals that it has signed first.
 * @throws RangeError when the signer is not the log's prober; RewardsError REWARDS_MALFORMED when a node comes twice
 */
export function signProbeLog(signer: Signer, log: ProbeLog): Uint8Array {
  if (signer.address !== log.prober) throw new RangeError(`log of ${log.prober} signed by ${signer.address}`)
  const reports = log.reports.toSorted(byNode)
  const audits = log.audits === undefined ? {} : { audits: { reports: log.audits.reports.toSorted(byNode) } }
  const ordered = { ...log, reports, ...audits }
  checkReports(ordered)
  const document = probeLogSchema.encodeDocument(ordered)
  const { signature } = signStatement(signer, probeLogSlot(log), payloadOf(document))
  return signedProbeLogSchema.encodeDocument({ document, signature })
}

/**
 * Decodes a published log and checks that its prober signed it; whether the prober was assigned is not looked at here.
 * @throws ProtocolError PROTOCOL_MALFORMED, PROTOCOL_TOO_LARGE, PROTOCOL_VERSION, PROTOCOL_SIGNATURE; RewardsError
 * REWARDS_MALFORMED; nothing else, whatever the bytes
 */
export function openProbeLog(
  secp256k1: Secp256k1,
  bytes: Uint8Array,
): { readonly log: ProbeLog; readonly statement: Statement } {
  const { document, signature } = signedProbeLogSchema.decodeDocument(bytes)
  const log = probeLogSchema.decodeDocument(document)
  checkReports(log)
  const statement = { slot: probeLogSlot(log), payload: payloadOf(document), signature }
  checkStatement(secp256k1, log.prober, statement)
  return { log, statement }
}

function checkReports({ reports, audits }: ProbeLog): void {
  checkAscending(
    'reports',
    reports.map(({ node }) => node),
  )
  checkAscending(
    'audits',
    (audits?.reports ?? []).map(({ node }) => node),
  )
}

function byNode(left: { readonly node: Address }, right: { readonly node: Address }): number {
  return left.node < right.node ? -1 : 1
}

/** The set of resources as a report spells it. */
export function resourceBits(resources: Iterable<Resource>): number {
  let bits = 0
  for (const resource of resources) bits |= 1 << RESOURCES.indexOf(resource)
  return bits
}
