import { type Address, type Hash, hasCode, isSteadError, messageOf } from '@stead/core'
import {
  AUDIT_TOOK_MS_MAX,
  type AuditEvidence,
  type AuditQuestion,
  type AuditReport,
  type AuditRules,
  agreementIn,
  auditEvidenceSchema,
  isProven,
} from '@stead/rewards'
import {
  AGREEMENTS_PROTOCOL,
  agreementIdOf,
  agreementNumber,
  remoteCodeOf,
  type SignedAgreement,
  STORAGE_PROTOCOL,
  type StorageReply,
  shownAskSchema,
  shownReplySchema,
  storageReplySchema,
  storageRequestSchema,
} from '@stead/storage'
import type { NodeDirectory } from './node-directory.ts'
import type { EpochPorts } from './ports.ts'

const CONNECT_TIMEOUT_MS = 5000
/** How much longer than the deadline an answer is waited for: late is not gone. */
const LATE_PARTS = 4
const PAYER_TIMEOUT_MS = 5000
/** Agreements of one payer with a node that may have ended before the one that is asked for. */
const ENDED_MAX = 8

/** What was found; without evidence it counts only once the payer has shown what both signed. */
export type AuditFinding = Omit<AuditReport, 'node'>

/** Who audits. */
export type StorageAuditorParts = Pick<EpochPorts, 'network' | 'clock' | 'logger'> & {
  readonly directory: Pick<NodeDirectory, 'peerOf'>
}

/** Asks nodes for leaves of what they keep, and payers for what was agreed, where the node does not say. */
export class StorageAuditor {
  readonly #parts: StorageAuditorParts
  readonly #rules: AuditRules

  constructor(parts: StorageAuditorParts, rules: AuditRules) {
    this.#parts = parts
    this.#rules = rules
  }

  /** What a node shows of its first agreement with the payer, or of the one after those that have ended. */
  async audit(question: AuditQuestion, signal: AbortSignal): Promise<AuditFinding> {
    const { chainId, escrow } = this.#rules.facts
    const { node, payer } = question
    for (let ordinal = 0; ordinal < ENDED_MAX; ordinal++) {
      const agreement = agreementIdOf({ chainId, escrow, payer, node, number: agreementNumber(ordinal) })
      const finding = await this.#askNode(question, agreement, signal)
      if (finding !== 'ended') return finding
    }
    return DENIED
  }

  /**
   * The same with the payer's word that there is something to show; undefined when it has none, or is not there. A node
   * that denied is asked again, for exactly what the payer shows: a payer that numbers its agreements in its own way must
   * not make a liar of a node that was asked for the wrong one.
   */
  async attest(question: AuditQuestion, finding: AuditFinding, signal: AbortSignal): Promise<AuditFinding | undefined> {
    const agreement = await this.#askPayer(question, signal)
    const agreed = agreement === undefined ? undefined : agreementIn(this.#rules, question, { agreement })
    if (agreement === undefined || agreed === undefined) return undefined
    if (finding.outcome !== 'lied') return withEvidence(finding, { agreement })
    const again = await this.#askNode(question, agreementIdOf(agreed), signal)
    if (again === 'ended') return withEvidence(finding, { agreement })
    return again.evidence === undefined ? withEvidence(again, { agreement }) : again
  }

  async #askPayer({ node, payer }: AuditQuestion, signal: AbortSignal): Promise<SignedAgreement | undefined> {
    const { directory, network, logger } = this.#parts
    try {
      const peer = await directory.peerOf(payer)
      if (peer === undefined) return undefined
      await network.connect(peer, CONNECT_TIMEOUT_MS)
      const ask = shownAskSchema.encodeMessage({ node })
      const answer = await network.request(peer, AGREEMENTS_PROTOCOL, ask, { timeoutMs: PAYER_TIMEOUT_MS, signal })
      return shownReplySchema.decodeMessage(answer).agreement
    } catch (error) {
      if (!isSteadError(error)) throw error
      logger.debug('a payer did not show its agreement', { node, payer, error: messageOf(error) })
      return undefined
    }
  }

  /** Whatever goes wrong on the way is a node that did not answer. */
  async #askNode(question: AuditQuestion, agreement: Hash, signal: AbortSignal): Promise<AuditFinding | 'ended'> {
    const { directory, network, clock } = this.#parts
    try {
      const peer = await directory.peerOf(question.node)
      if (peer === undefined) return { outcome: 'offline', tookMs: 0 }
      // Connecting is not the node's answer: it is made before the time is taken.
      await network.connect(peer, CONNECT_TIMEOUT_MS)
      const ask = storageRequestSchema.encodeMessage({ audit: { agreement, seed: question.leaves } })
      const timeoutMs = LATE_PARTS * this.#rules.parameters.answerMaxMs
      const askedAtMs = clock.monotonicMs()
      const answer = await network.request(peer, STORAGE_PROTOCOL, ask, { timeoutMs, signal })
      const latencyMs = clock.monotonicMs() - askedAtMs
      return this.#judge(question, storageReplySchema.decodeMessage(answer), latencyMs)
    } catch (error) {
      if (!isSteadError(error)) throw error
      return this.#unanswered(question, error)
    }
  }

  #judge(question: AuditQuestion, { agreement, proof }: StorageReply, latencyMs: number): AuditFinding {
    const known = agreementIn(this.#rules, question, { agreement })
    // Of nothing, of long ago, or of somebody else: the payer may know better.
    if (known === undefined) return DENIED
    const tookMs = Math.min(AUDIT_TOOK_MS_MAX, Math.max(1, Math.ceil(latencyMs)))
    if (!isProven(known, question.leaves, proof)) return withEvidence({ outcome: 'lied', tookMs }, { agreement })
    const outcome = tookMs <= this.#rules.parameters.answerMaxMs ? 'proven' : 'late'
    return withEvidence(
      { outcome, tookMs },
      outcome === 'late' || proof === undefined ? { agreement } : { agreement, proof },
    )
  }

  #unanswered({ node }: AuditQuestion, error: unknown): AuditFinding | 'ended' {
    this.#parts.logger.debug('a node did not show what it keeps', { node, error: messageOf(error) })
    const code = remoteCodeOf(error)
    if (code === 'STORAGE_AGREEMENT_ENDED') return 'ended'
    if (code === 'STORAGE_PIECE_UNKNOWN' || code === 'STORAGE_PIECE_DAMAGED') return { outcome: 'lost', tookMs: 0 }
    if (code === 'STORAGE_AGREEMENT_UNKNOWN' || hasCode(error, 'PROTOCOL_MALFORMED')) return DENIED
    return { outcome: 'offline', tookMs: 0 }
  }
}

/** It says that it keeps nothing for this payer: a lie, if the payer can show what it signed. */
const DENIED: AuditFinding = { outcome: 'lied', tookMs: 0 }

function withEvidence({ outcome, tookMs }: AuditFinding, evidence: AuditEvidence): AuditFinding {
  return { outcome, tookMs, evidence: auditEvidenceSchema.encodeDocument(evidence) }
}

/** A finding as a log says it: what nobody attested is no fault of anybody. */
export function reportOf(node: Address, { outcome, tookMs, evidence }: AuditFinding): AuditReport {
  return evidence === undefined ? { node, outcome: 'none', tookMs } : { node, outcome, tookMs, evidence }
}
