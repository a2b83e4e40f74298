import type { Address } from '@stead/core'
import type { BondedNode } from '../facts/chain-facts.ts'
import type { Ppm } from '../units.ts'
import type { AuditMeasures } from './audit-columns.ts'

/** What an epoch's probes say about one bonded node. */
export interface NodeQuality extends BondedNode, AuditMeasures {
  /** q; undefined when too few of the assigned probers reported. */
  readonly qualityPpm: Ppm | undefined
  /** Median over the reports; undefined as q is. */
  readonly availabilityPpm: Ppm | undefined
  /** Median over the reports that had answers, in milliseconds. */
  readonly latencyMs: number | undefined
  /** Probers drawn, and those of them whose report counts. */
  readonly assigned: number
  readonly reports: number
  /** /24 or /64 as hexadecimal digits with its family in front, when more than half of the reports agree. */
  readonly network: string | undefined
  /** What its offers say, when more than half of the reports agree. */
  readonly region: string | undefined
  /** Bit i for the i-th resource, when more than half of the reports have it. */
  readonly resources: number
  /** It was warned, and is not proven again: q is what is left of it. */
  readonly isPenalised: boolean
}

/** Why something in a log does not count. */
export type LogRefusal =
  | 'malformed'
  | 'log-signature'
  | 'wrong-epoch'
  | 'wrong-beacon'
  | 'wrong-chain'
  | 'not-bonded'
  | 'duplicate-log'
  | 'equivocation'
  | 'unknown-node'
  | 'own-operator'
  | 'not-assigned'
  | 'wrong-length'
  | 'forged-answer'
  | 'late'
  | 'not-auditor'
  | 'not-claimed'
  | 'forged-audit'

/** Counts by reason; reasons that did not occur are missing. Logs, reports, audits and (`late`) single answers. */
export type LogRefusals = Readonly<Partial<Record<LogRefusal, number>>>

/** All nodes' qualities of an epoch. */
export class QualityTable {
  /** By operator, then node. */
  readonly nodes: readonly NodeQuality[]
  readonly #byNode: ReadonlyMap<Address, NodeQuality>

  constructor(nodes: readonly NodeQuality[]) {
    this.nodes = nodes
    this.#byNode = new Map(nodes.map((quality) => [quality.node, quality]))
  }

  /** The quality of a node; undefined when it was not bonded as the epoch began. */
  of(node: Address): NodeQuality | undefined {
    return this.#byNode.get(node)
  }
}
