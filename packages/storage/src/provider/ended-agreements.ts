import type { Hash, Store } from '@stead/core'
import { slotKey } from '../agreement/set-rows.ts'
import type { PieceLog } from '../pieces/piece-log.ts'
import { AGREEMENTS_TABLE, ENDED_TABLE, encodeEndedRow, SLOTS_TABLE } from './agreement-rows.ts'
import type { KeptAgreement } from './kept-agreement.ts'
import { logNameOf } from './log-name.ts'

/** What {@link EndedAgreements} stand on. */
export interface EndedAgreementsComponents {
  readonly store: Store
  readonly pieces: PieceLog
}

/** A node's agreements that have ended: known for good, and held here while some of their pieces are still to be deleted. */
export class EndedAgreements {
  readonly #components: EndedAgreementsComponents
  readonly #held: Map<Hash, KeptAgreement> = new Map()

  constructor(components: EndedAgreementsComponents) {
    this.#components = components
  }

  /** Whether an agreement of this name has ever ended. */
  async has(id: Hash): Promise<boolean> {
    return (await this.#components.store.get(ENDED_TABLE, id.slice(2))) !== undefined
  }

  /** Those of which pieces are still to be deleted. */
  all(): Iterable<KeptAgreement> {
    return this.#held.values()
  }

  /** Holds one that was found ended, with its row still there. */
  note(kept: KeptAgreement): void {
    this.#held.set(kept.id, kept)
  }

  /** Says for good that it has ended: a first revision of the same name would be a second one of its number. */
  async end(kept: KeptAgreement): Promise<void> {
    const value = encodeEndedRow({ version: 1, revision: kept.agreement.revision })
    await this.#components.store.write([{ kind: 'put', table: ENDED_TABLE, key: kept.id.slice(2), value }], 'power')
    this.note(kept)
  }

  /** Its row goes last: what a crash or a full disk leaves is deleted with the next sweep. */
  async deletePieces(kept: KeptAgreement): Promise<void> {
    const { store, pieces } = this.#components
    for (const [slot, { piece }] of kept.set.entries()) {
      await pieces.remove(logNameOf(kept.id, piece))
      await store.write([{ kind: 'delete', table: SLOTS_TABLE, key: slotKey(kept.id, slot) }], 'process')
    }
    await store.write([{ kind: 'delete', table: AGREEMENTS_TABLE, key: kept.id.slice(2) }], 'process')
    this.#held.delete(kept.id)
  }
}
