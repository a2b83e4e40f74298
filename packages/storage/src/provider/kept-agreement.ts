import type { Hash, PeerId } from '@stead/core'
import { type Agreement, agreementIdOf, agreementSchema } from '../agreement/agreement.ts'
import { PieceSet } from '../agreement/piece-set.ts'
import type { AgreementRow } from './agreement-rows.ts'

/** One agreement in a node's memory. */
export class KeptAgreement {
  readonly id: Hash
  readonly peer: PeerId
  readonly set: PieceSet
  /** Pieces that were found rotten, by the payer's names. */
  readonly damaged: Set<Hash> = new Set()
  /**
   * Whether what the last revision bills is in the market's books: `unknown` after a restart, when the market knows; `missing`
   * from the revision until its delivery is on disk.
   */
  billing: 'booked' | 'missing' | 'unknown' = 'unknown'
  #row: AgreementRow
  #agreement: Agreement

  constructor(row: AgreementRow, set: PieceSet = new PieceSet()) {
    this.#row = row
    this.#agreement = agreementSchema.decodeDocument(row.signed.document)
    this.id = agreementIdOf(this.#agreement)
    this.peer = row.peer
    this.set = set
  }

  get row(): AgreementRow {
    return this.#row
  }

  /** The newest revision. */
  get agreement(): Agreement {
    return this.#agreement
  }

  /** Goes on to a revision that is on disk. */
  advance(row: AgreementRow): void {
    this.#row = row
    this.#agreement = agreementSchema.decodeDocument(row.signed.document)
    this.billing = 'missing'
  }
}
