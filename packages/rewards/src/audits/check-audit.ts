import { type Address, isSteadError } from '@stead/core'
import type { Secp256k1 } from '@stead/protocol'
import { type Agreement, decodePossession, openAgreement, verifyPossession } from '@stead/storage'
import type { ChainFacts } from '../facts/chain-facts.ts'
import type { AuditParameters } from './audit-parameters.ts'
import { type AuditEvidence, type AuditOutcome, type AuditReport, auditEvidenceSchema } from './audit-report.ts'

/** What an audit has to be about. */
export interface AuditQuestion {
  readonly node: Address
  /** Who was drawn. */
  readonly payer: Address
  /** Which leaves, 32 bytes. */
  readonly leaves: Uint8Array
}

/** What evidence is checked against: of these facts, where an epoch's whole facts are not known yet. */
export interface AuditRules {
  readonly secp256k1: Secp256k1
  readonly facts: Pick<ChainFacts, 'chainId' | 'escrow' | 'beginsAtSeconds' | 'endsAtSeconds'>
  readonly parameters: AuditParameters
}

/**
 * What a report comes to, as far as a stranger can check it: that a node keeps something for this payer needs a revision
 * that both signed lately, and that it showed it needs the leaves. How long it took, and that nothing came, is the
 * auditor's word. Undefined for a report that claims what it does not show.
 */
export function checkAudit(rules: AuditRules, question: AuditQuestion, report: AuditReport): AuditOutcome | undefined {
  const { outcome, tookMs, evidence } = report
  if (outcome === 'none') return 'none'
  const shown = evidence === undefined ? undefined : readEvidence(evidence)
  const agreement = shown === undefined ? undefined : agreementIn(rules, question, shown)
  if (shown === undefined || agreement === undefined) return undefined
  if (outcome !== 'proven') return outcome
  if (!isProven(agreement, question.leaves, shown.proof)) return undefined
  return tookMs <= rules.parameters.answerMaxMs ? 'proven' : 'late'
}

/**
 * The revision in evidence, when it is one of this node and payer, about pieces, new enough, and signed by both.
 * Undefined for any other; nothing that it holds can throw.
 */
export function agreementIn(
  { secp256k1, facts, parameters }: AuditRules,
  { node, payer }: Pick<AuditQuestion, 'node' | 'payer'>,
  { agreement: signed }: Pick<AuditEvidence, 'agreement'>,
): Agreement | undefined {
  const agreement = readable(() => openAgreement(secp256k1, signed))
  if (agreement === undefined) return undefined
  const isTheirs = agreement.node === node && agreement.payer === payer
  const isHere = agreement.chainId === facts.chainId && agreement.escrow === facts.escrow
  const { atSecond, leaves } = agreement
  const isFresh =
    atSecond >= facts.beginsAtSeconds - parameters.revisionAgeSecondsMax && atSecond <= facts.endsAtSeconds
  return isTheirs && isHere && isFresh && leaves > 0 ? agreement : undefined
}

/** Whether a proof shows the leaves that a seed draws. Never throws. */
export function isProven(agreement: Agreement, leaves: Uint8Array, proof: Uint8Array | undefined): boolean {
  const opened = proof === undefined ? undefined : readable(() => decodePossession(proof))
  return opened !== undefined && verifyPossession(agreement, leaves, opened)
}

function readEvidence(bytes: Uint8Array): AuditEvidence | undefined {
  return readable(() => auditEvidenceSchema.decodeDocument(bytes))
}

/** Undefined for bytes that do not say what they should. */
function readable<Value>(read: () => Value): Value | undefined {
  try {
    return read()
  } catch (error) {
    if (isSteadError(error)) return undefined
    throw error
  }
}
