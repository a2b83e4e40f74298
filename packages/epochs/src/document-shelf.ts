import type { ContentId, Store, StoreOperation } from '@stead/core'
import { contentIdOf } from '@stead/protocol'
import { bytesText, EPOCH_TABLES, epochKey, put, textBytes } from './epoch-tables.ts'

/** The documents of epochs that this node keeps, by content id. */
export class DocumentShelf {
  readonly #store: Store

  constructor(components: { readonly store: Store }) {
    this.#store = components.store
  }

  get(id: ContentId): Promise<Uint8Array | undefined> {
    return this.#store.get(EPOCH_TABLES.documents, id)
  }

  /** Keeps a document for an epoch; returns its id. @throws CoreError STORE_FULL, STORE_FAILED */
  async put(bytes: Uint8Array, epoch: number): Promise<ContentId> {
    const id = contentIdOf('dag-cbor', bytes)
    const last = await this.#lastEpoch(id)
    if (last === undefined || last < epoch) {
      const rows: StoreOperation[] = [put(EPOCH_TABLES.documentEpochs, id, textBytes(epochKey(epoch)))]
      if (last === undefined) rows.push(put(EPOCH_TABLES.documents, id, bytes))
      await this.#store.write(rows, 'process')
    }
    return id
  }

  /** Keeps a document that is here for a later epoch, too: the sheet of a lot that is not sold yet. */
  async keepFor(id: ContentId, epoch: number): Promise<void> {
    const last = await this.#lastEpoch(id)
    if (last === undefined || last >= epoch) return
    await this.#store.write([put(EPOCH_TABLES.documentEpochs, id, textBytes(epochKey(epoch)))], 'process')
  }

  /** Deletes documents that only epochs before this one need. */
  async deleteBefore(epoch: number): Promise<void> {
    const rows = await this.#store.scan(EPOCH_TABLES.documentEpochs)
    const old = rows.filter(({ value }) => bytesText(value) < epochKey(epoch))
    if (old.length === 0) return
    await this.#store.write(
      old.flatMap(({ key }): StoreOperation[] => [
        { kind: 'delete', table: EPOCH_TABLES.documents, key },
        { kind: 'delete', table: EPOCH_TABLES.documentEpochs, key },
      ]),
      'process',
    )
  }

  async #lastEpoch(id: ContentId): Promise<number | undefined> {
    const row = await this.#store.get(EPOCH_TABLES.documentEpochs, id)
    return row === undefined ? undefined : Number.parseInt(bytesText(row), 16)
  }
}
