import type { Address, Logger, UnixMs } from '@stead/core'
import {
  type AuditCounts,
  type ComputedEpoch,
  type EpochCalendar,
  type EpochNumber,
  epochNumber,
  epochSpan,
  type Ppm,
} from '@stead/rewards'

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
  /** End of the next epoch, whose audits decide. */
  readonly decidedAt: UnixMs
}

/** Tells a node's operator what auditors found of it: a warning before each penalty, while there is time to mend it. */
export class OwnAuditsBook {
  readonly #node: Address
  readonly #logger: Logger
  readonly #calendar: EpochCalendar
  #newest: OwnAudits | undefined

  constructor({
    signer,
    logger,
    calendar,
  }: {
    readonly signer: { readonly address: Address }
    readonly logger: Logger
    readonly calendar: EpochCalendar
  }) {
    this.#node = signer.address
    this.#logger = logger
    this.#calendar = calendar
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
    if (this.#newest !== undefined && !isNews(this.#newest, { epoch: result.epoch, isWarned })) return
    const { provenPpm, auditCounts: counts, isPenalised } = own
    const { endsAtSeconds } = epochSpan(this.#calendar, epochNumber(result.epoch + 1))
    const decidedAt = (endsAtSeconds * 1000) as UnixMs
    this.#newest = { epoch: result.epoch, provenPpm, counts, isWarned, isPenalised, decidedAt }
    if (provenPpm !== 0) return
    const found = { epoch: result.epoch, decidedAt: new Date(decidedAt).toISOString(), ...counts }
    if (isPenalised)
      this.#logger.warn('auditors do not find again what this node is paid to keep: it costs quality', found)
    else this.#logger.warn('auditors do not find what this node is paid to keep; the next time costs quality', found)
  }
}

/** Of two results of one epoch the one that warns counts: whoever proposes a root chooses which logs it stands on. */
function isNews(known: OwnAudits, { epoch, isWarned }: Pick<OwnAudits, 'epoch' | 'isWarned'>): boolean {
  return epoch > known.epoch || (epoch === known.epoch && isWarned && !known.isWarned)
}
