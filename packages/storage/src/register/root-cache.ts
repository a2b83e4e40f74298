import type { Hash, Store } from '@stead/core'
import { bytesField, defineSchema, optionalField, type Schema, type Secp256k1, versionField } from '@stead/protocol'
import { KEEPER_BYTES, KEEPERS_BYTES_MAX } from './quorum.ts'
import {
  type OpenedRecord,
  RECORD_BYTES_MAX,
  RegisterVerifier,
  type SignedWord,
  signedWordSchema,
} from './register-record.ts'

/** What a machine knows of a pointer of its own. */
export interface RootCacheRow {
  readonly version: 1
  /** The register's public key. */
  readonly key: Uint8Array
  /** Who decides the first step, where this machine chose them. */
  readonly keepers?: Uint8Array
  /** The newest step that was seen decided. */
  readonly decided?: SignedWord
}

const rowSchema: Schema<RootCacheRow> = defineSchema<RootCacheRow>('RootCacheRow', RECORD_BYTES_MAX + 2048, {
  version: [1, versionField(1)],
  key: [2, bytesField(KEEPER_BYTES, KEEPER_BYTES)],
  keepers: [3, optionalField(bytesField(KEEPERS_BYTES_MAX, KEEPER_BYTES))],
  decided: [4, optionalField(signedWordSchema.asField())],
})

/** register -> RootCacheRow */
const ROOTS_TABLE = 'storage-roots'

/** A machine's own copy of its pointers: to read faster, to read while nodes are away, and never to take an older root. */
export class RootCache {
  readonly #store: Store
  readonly #secp256k1: Secp256k1

  constructor(store: Store, secp256k1: Secp256k1) {
    this.#store = store
    this.#secp256k1 = secp256k1
  }

  /** @throws CoreError STORE_FAILED, STORE_CORRUPT; StorageError STORAGE_NOT_AUTHENTIC for a damaged row */
  async get(id: Hash): Promise<RootCacheRow & { readonly known?: OpenedRecord }> {
    const value = await this.#store.get(ROOTS_TABLE, id.slice(2))
    if (value === undefined) return { version: 1, key: new Uint8Array(KEEPER_BYTES) }
    const row = rowSchema.decodeMessage(value)
    if (row.decided === undefined) return row
    return { ...row, known: new RegisterVerifier(this.#secp256k1, row.key).record(row.decided) }
  }

  /** Keeps a row. @param isForGood waits for the disk: what is lost may not be chosen a second time */
  async put(id: Hash, row: RootCacheRow, isForGood: boolean): Promise<void> {
    const value = rowSchema.encodeMessage(row)
    const operation = { kind: 'put', table: ROOTS_TABLE, key: id.slice(2), value } as const
    await this.#store.write([operation], isForGood ? 'power' : 'process')
  }
}
