import type { Address, Logger } from '@stead/core'
import type { AuditCounts, ComputedEpoch, EpochNumber, Ppm } from '@stead/rewards'

/** What an epoch's auditors found of this node. */
export interface OwnAudits {
  readonly epoch: EpochNumber
  /** Undefined when too few audits count. */
  readonly provenPpm: Ppm | undefined
  /** How many auditors came to what. */
  readonly counts: AuditCounts
  /** The next epoch in which it is not proven costs a part of its quality. */
  readonly isWarned: boolean
  /** This one did. */
  readonly isPenalised: boolean
}

/** Tells a node's operator what auditors found of it: a warning before each penalty, while there is time to mend it. */
export class OwnAuditsBook {
  readonly #node: Address
  readonly #logger: Logger
  #newest: OwnAudits | undefined

  constructor({ signer, logger }: { readonly signer: { readonly address: Address }; readonly logger: Logger }) {
    this.#node = signer.address
    this.#logger = logger
  }

  /** The newest epoch in which this node was audited; undefined before the first. */
  get newest(): OwnAudits | undefined {
    return this.#newest
  }

  /** Takes down what an epoch came to, and warns once of each. */
  note({ result, findings }: Pick<ComputedEpoch, 'result' | 'findings'>): void {
    const own = findings.quality.of(this.#node)
    const isWarned = result.audits?.unproven.includes(this.#node) === true
    if (own === undefined || (Object.keys(own.auditCounts).length === 0 && !isWarned)) return
    if (this.#newest !== undefined && result.epoch <= this.#newest.epoch) return
    const { provenPpm, auditCounts: counts, isPenalised } = own
    this.#newest = { epoch: result.epoch, provenPpm, counts, isWarned, isPenalised }
    if (provenPpm !== 0) return
    const found = { epoch: result.epoch, ...counts }
    if (isPenalised)
      this.#logger.warn('auditors do not find again what this node is paid to keep: it costs quality', found)
    else this.#logger.warn('auditors do not find what this node is paid to keep; the next time costs quality', found)
  }
}
