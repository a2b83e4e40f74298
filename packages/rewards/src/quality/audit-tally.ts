import type { Address } from '@stead/core'
import type { Secp256k1 } from '@stead/protocol'
import { auditSeed, drawClaimant } from '../audits/audit-draw.ts'
import type { AuditParameters } from '../audits/audit-parameters.ts'
import type { AuditReport } from '../audits/audit-report.ts'
import { type AuditRules, checkAudit } from '../audits/check-audit.ts'
import type { ChainFacts } from '../facts/chain-facts.ts'
import type { Claimant } from '../facts/claimants.ts'
import type { Assignment } from '../probes/assignment.ts'
import type { ProbeLog } from '../probes/probe-log.ts'
import { AuditColumns, type AuditMeasures } from './audit-columns.ts'
import type { LogRefusal } from './node-quality.ts'

/** Takes in the audits of an epoch's logs, each checked as far as a stranger can. */
export class AuditTally {
  readonly #assignment: Assignment
  readonly #rules: AuditRules
  readonly #columns: AuditColumns
  readonly #claimants: ReadonlyMap<Address, readonly Claimant[]>

  constructor(
    secp256k1: Secp256k1,
    {
      facts,
      parameters,
      assignment,
    }: {
      readonly facts: ChainFacts
      readonly parameters: AuditParameters
      readonly assignment: Assignment
    },
  ) {
    this.#assignment = assignment
    this.#rules = { secp256k1, facts, parameters }
    this.#columns = new AuditColumns(assignment, parameters)
    this.#claimants = Map.groupBy(facts.audits?.claimants ?? [], ({ node }) => node)
  }

  /** Takes in what a log says of audits; returns why each of those that do not count does not. */
  add(log: ProbeLog, auditor: number): readonly LogRefusal[] {
    return (log.audits?.reports ?? []).flatMap((report) => this.#take(log, auditor, report) ?? [])
  }

  silence(auditor: number): void {
    this.#columns.silence(auditor)
  }

  measuresOf(target: number): AuditMeasures {
    return this.#columns.measuresOf(target)
  }

  #take({ seed }: ProbeLog, auditor: number, report: AuditReport): LogRefusal | undefined {
    const { node } = report
    const target = this.#assignment.indexOf(node)
    if (target === undefined) return 'unknown-node'
    const position = this.#assignment.positionOf(target, auditor)
    if (position < 0 || position >= this.#rules.parameters.auditorsPerNode) return 'not-auditor'
    const claimant = drawClaimant(seed, node, this.#claimants.get(node) ?? [])
    if (claimant === undefined) return 'not-claimed'
    const question = { node, payer: claimant.payer, leaves: auditSeed(seed, node) }
    const outcome = checkAudit(this.#rules, question, report)
    if (outcome === undefined) return 'forged-audit'
    this.#columns.put(target, position, outcome)
    return undefined
  }
}
