import type { Hash, Signer, StoreOperation } from '@stead/core'
import type { MarketPayer } from '@stead/market'
import { addressOfPeerId, equalBytes, type Secp256k1 } from '@stead/protocol'
import {
  type Agreement,
  agreementSchema,
  checkAgreementSignature,
  type SignedAgreement,
  signAgreement,
} from '../agreement/agreement.ts'
import type { PieceSet, SetChange } from '../agreement/piece-set.ts'
import { setPieceSchema, slotKey } from '../agreement/set-rows.ts'
import { slotMessageOf } from '../agreement/slot-message.ts'
import { StorageError } from '../errors.ts'
import {
  BOUGHT_SLOTS_TABLE,
  BOUGHT_TABLE,
  type BoughtRow,
  boughtOperation,
  type PendingRevision,
} from './bought-rows.ts'

/** What a {@link BoughtAgreement} is written with. */
export interface BoughtAgreementParts {
  readonly market: Pick<MarketPayer, 'journal'>
  readonly signer: Signer
  readonly secp256k1: Secp256k1
}

/** One agreement in a payer's memory and on its disk: the newest revision that both signed, and one that may follow. */
export class BoughtAgreement {
  readonly id: Hash
  readonly set: PieceSet
  readonly #parts: BoughtAgreementParts
  #row: BoughtRow
  #agreement: Agreement | undefined

  /** @param of `set`: what the row's agreement is about */
  constructor(
    parts: BoughtAgreementParts,
    { id, row, set }: { readonly id: Hash; readonly row: BoughtRow; readonly set: PieceSet },
  ) {
    this.#parts = parts
    this.id = id
    this.set = set
    this.#row = row
    this.#agreement = row.signed === undefined ? undefined : agreementSchema.decodeDocument(row.signed.document)
  }

  /** The newest revision that both sides signed; undefined before the node's first answer. */
  get agreement(): Agreement | undefined {
    return this.#agreement
  }

  /** That revision as both sides keep it. */
  get signed(): SignedAgreement | undefined {
    return this.#row.signed
  }

  /** A revision that was signed here, and of which it is not known whether the node signed it too. */
  get pending(): PendingRevision | undefined {
    return this.#row.pending
  }

  requireSigned(): SignedAgreement {
    const { signed } = this.#row
    if (signed === undefined) throw new RangeError('what nobody signed is not billed')
    return signed
  }

  require(): Agreement {
    if (this.#agreement !== undefined) return this.#agreement
    throw new StorageError('STORAGE_AGREEMENT_UNKNOWN', 'the node has not signed this agreement yet', {
      details: { agreement: this.id },
    })
  }

  /** Signs what may follow; on disk before it leaves. @throws CoreError as Store.write */
  async sign(
    channel: Hash,
    next: Agreement,
    { changes, isBilled }: { readonly changes: readonly SetChange[]; readonly isBilled: boolean },
  ): Promise<PendingRevision> {
    const document = agreementSchema.encodeDocument(next)
    const payerSignature = signAgreement(this.#parts.signer, next, document)
    const pending = { document, payerSignature, changes: changes.map(slotMessageOf), isBilled }
    await this.#write({ ...this.#row, channel, pending })
    return pending
  }

  /** Takes down a revision of which the note was lost here. @throws CoreError as Store.write */
  async note(pending: PendingRevision): Promise<void> {
    await this.#write({ ...this.#row, pending })
  }

  /** The node has not signed what is pending, and never will. @throws CoreError as Store.write */
  async withdraw(): Promise<void> {
    const { pending: _refused, ...row } = this.#row
    await this.#write(row)
  }

  /**
   * The revision with both signatures: the payer's is its own, not the one that the node answers.
   * @throws StorageError STORAGE_AGREEMENT_DIFFERS; ProtocolError for another's signature
   */
  bothSigned(
    next: Agreement,
    { document, payerSignature }: PendingRevision,
    { document: answered, nodeSignature }: SignedAgreement,
  ): SignedAgreement {
    if (!equalBytes(document, answered))
      throw new StorageError('STORAGE_AGREEMENT_DIFFERS', `the node answers another revision than ${next.revision}`)
    const signed = { document, signature: nodeSignature }
    checkAgreementSignature(this.#parts.secp256k1, addressOfPeerId(this.#row.peer), next, signed)
    return { document, payerSignature, nodeSignature }
  }

  /** Goes on to a revision that both signed. @param rows written with it, together or not at all @throws CoreError as Store.write; it has gone on then */
  async adopt(
    next: Agreement,
    signed: SignedAgreement,
    changes: readonly SetChange[],
    rows: readonly StoreOperation[] = [],
  ): Promise<void> {
    const { pending: _done, ...rest } = this.#row
    const row = { ...rest, signed }
    const slots = changes.map(({ slot, piece }): StoreOperation => {
      const place = { table: BOUGHT_SLOTS_TABLE, key: slotKey(this.id, slot) }
      if (piece === undefined) return { kind: 'delete', ...place }
      return { kind: 'put', ...place, value: setPieceSchema.encodeMessage(piece) }
    })
    try {
      await this.#journal([boughtOperation(this.id, row), ...slots, ...rows])
    } finally {
      // Also when the disk refuses it: the node goes on from there, what is accepted is paid, and both are on disk together.
      this.set.growTo(next.slots)
      this.set.apply(changes)
      this.#agreement = next
      this.#row = row
    }
  }

  /** Nothing of it stays on the disk. @throws CoreError as Store.write */
  async forget(): Promise<void> {
    const slots = Array.from(this.set.entries(), ([slot]): StoreOperation => {
      return { kind: 'delete', table: BOUGHT_SLOTS_TABLE, key: slotKey(this.id, slot) }
    })
    const row: StoreOperation = { kind: 'delete', table: BOUGHT_TABLE, key: this.id.slice(2) }
    await this.#journal([...slots, row])
  }

  async #write(row: BoughtRow): Promise<void> {
    await this.#journal([boughtOperation(this.id, row)])
    this.#row = row
  }

  /** By the market's journal alone: what it holds back for a disk that refuses must not come over what is newer. */
  async #journal(operations: readonly StoreOperation[]): Promise<void> {
    await this.#parts.market.journal(operations)
  }
}
