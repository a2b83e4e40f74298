import type { AuditParameters } from '../audits/audit-parameters.ts'
import { AUDIT_OUTCOMES, type AuditOutcome } from '../audits/audit-report.ts'
import type { Assignment } from '../probes/assignment.ts'
import { PPM, type Ppm, ppm } from '../units.ts'
import { lowerMedian } from './score.ts'

/** How many auditors of a node came to what; outcomes that did not occur are missing. */
export type AuditCounts = Readonly<Partial<Record<AuditOutcome, number>>>

/** What a node's audits come to. */
export interface AuditMeasures {
  /** What the median auditor found: all of it or nothing; undefined when too few audits count. */
  readonly provenPpm: Ppm | undefined
  readonly auditCounts: AuditCounts
}

/** The audits that count, one place for each (node, auditor), in a column of bytes. */
export class AuditColumns {
  readonly #assignment: Assignment
  readonly #parameters: AuditParameters
  /** Outcome + 1; 0 for none. */
  readonly #outcomes: Uint8Array
  readonly #silenced: Set<number> = new Set()

  constructor(assignment: Assignment, parameters: AuditParameters) {
    this.#assignment = assignment
    this.#parameters = parameters
    this.#outcomes = new Uint8Array(assignment.nodes.length * parameters.auditorsPerNode)
  }

  /** Enters what a node's auditor number `position` found. */
  put(target: number, position: number, outcome: AuditOutcome): void {
    this.#outcomes[target * this.#parameters.auditorsPerNode + position] = AUDIT_OUTCOMES.indexOf(outcome) + 1
  }

  /** Lets nothing of an auditor count, neither what was entered nor what comes later. */
  silence(prober: number): void {
    this.#silenced.add(prober)
  }

  /**
   * What the audits of a node come to. More than half of its auditors, and `auditorsMin`, must have found that there is
   * something to prove: one that slanders alone moves nothing, and one that praises neither.
   */
  measuresOf(target: number): AuditMeasures {
    const { auditorsPerNode, auditorsMin } = this.#parameters
    const auditors = this.#assignment.probersOf(target).slice(0, auditorsPerNode)
    const counts: Partial<Record<AuditOutcome, number>> = {}
    const found: number[] = []
    for (const [position, auditor] of auditors.entries()) {
      const outcome = this.#silenced.has(auditor) ? undefined : this.#outcomeAt(target, position)
      if (outcome === undefined) continue
      counts[outcome] = (counts[outcome] ?? 0) + 1
      if (outcome !== 'none') found.push(outcome === 'proven' ? PPM : 0)
    }
    const isKnown = found.length >= auditorsMin && 2 * found.length > auditors.length
    return { provenPpm: isKnown ? ppm(lowerMedian(found) ?? 0) : undefined, auditCounts: counts }
  }

  #outcomeAt(target: number, position: number): AuditOutcome | undefined {
    return AUDIT_OUTCOMES[(this.#outcomes[target * this.#parameters.auditorsPerNode + position] ?? 0) - 1]
  }
}

/** What is known of the audits of a node where there are none. */
export const NO_AUDITS: AuditMeasures = { provenPpm: undefined, auditCounts: {} }
