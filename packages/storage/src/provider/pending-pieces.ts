import { type Clock, type Hash, hash, type PeerId, type Size, type Store, type StoreOperation } from '@stead/core'
import { defineSchema, type Schema, textField, uintField, versionField } from '@stead/protocol'
import { StorageError } from '../errors.ts'

/** Bounds of what was sent and is not agreed. */
export interface PendingLimits {
  readonly pendingBytesMax: number
  readonly pendingBytesPerPayerMax: number
  readonly pendingMs: number
}

interface PendingPiece {
  readonly peer: PeerId
  readonly bytes: number
  readonly dueMs: number
}

interface PendingRow {
  readonly version: 1
  readonly peer: string
  readonly bytes: number
}

const rowSchema: Schema<PendingRow> = defineSchema<PendingRow>('PendingRow', 256, {
  version: [1, versionField(1)],
  peer: [2, textField(128)],
  bytes: [3, uintField()],
})

/** name in the logs -> PendingRow */
const PENDING_TABLE = 'storage-pending'
const PAGE_ROWS = 512

/** Pieces that were sent, that no revision names yet, and that go when none does in time; a restart gives them that time again. */
export class PendingPieces {
  readonly #clock: Clock
  readonly #store: Store
  readonly #limits: PendingLimits
  /** By the name in the logs, oldest first. */
  readonly #pieces: Map<Hash, PendingPiece> = new Map()
  /** Being deleted, and being agreed on: never both. */
  readonly #going: Set<Hash> = new Set()
  readonly #held: Map<Hash, number> = new Map()
  readonly #bytesOf: Map<PeerId, number> = new Map()
  #bytes = 0

  constructor({ clock, store }: { readonly clock: Clock; readonly store: Store }, limits: PendingLimits) {
    this.#clock = clock
    this.#store = store
    this.#limits = limits
  }

  /** Finds what the process before this one was sent. @throws CoreError STORE_FAILED, STORE_CORRUPT */
  async load(): Promise<void> {
    for (let after = ''; ; ) {
      const rows = await this.#store.scan(PENDING_TABLE, { after, limit: PAGE_ROWS })
      for (const { key, value } of rows) {
        const { peer, bytes } = rowSchema.decodeMessage(value)
        this.#count(hash(key), peer as PeerId, bytes)
      }
      const last = rows.at(-1)
      if (last === undefined || rows.length < PAGE_ROWS) return
      after = last.key
    }
  }

  sizes(): readonly Size[] {
    const fullest = Math.max(0, ...this.#bytesOf.values())
    return [
      { what: 'bytes of pieces that are not agreed', have: this.#bytes, max: this.#limits.pendingBytesMax },
      { what: 'bytes of one payer that are not agreed', have: fullest, max: this.#limits.pendingBytesPerPayerMax },
    ]
  }

  /** Takes room for a piece before it is written. @throws StorageError STORAGE_BUSY; CoreError STORE_FULL, STORE_FAILED */
  async add(name: Hash, peer: PeerId, bytes: number): Promise<void> {
    this.forget(name)
    const { pendingBytesMax, pendingBytesPerPayerMax } = this.#limits
    refuseOver((this.#bytesOf.get(peer) ?? 0) + bytes, pendingBytesPerPayerMax)
    refuseOver(this.#bytes + bytes, pendingBytesMax)
    this.#count(name, peer, bytes)
    const value = rowSchema.encodeMessage({ version: 1, peer, bytes })
    try {
      await this.#store.write([{ kind: 'put', table: PENDING_TABLE, key: name, value }], 'process')
    } catch (error) {
      this.forget(name)
      throw error
    }
  }

  /** What is to be written when a piece is agreed on; {@link forget} it when that is on disk. */
  agreed(name: Hash): StoreOperation {
    return { kind: 'delete', table: PENDING_TABLE, key: name }
  }

  /** What is to be written when a piece is agreed on no more; {@link give} it up when that is on disk. */
  given(name: Hash, peer: PeerId): StoreOperation {
    return {
      kind: 'put',
      table: PENDING_TABLE,
      key: name,
      value: rowSchema.encodeMessage({ version: 1, peer, bytes: 0 }),
    }
  }

  /** It is deleted with the next sweep, unless it is before. */
  give(name: Hash, peer: PeerId): void {
    if (!this.#pieces.has(name)) this.#count(name, peer, 0)
  }

  /** Whether it is being deleted now. */
  isGoing(name: Hash): boolean {
    return this.#going.has(name)
  }

  /** Keeps pieces from being deleted while somebody agrees on them. @returns ends that */
  hold(names: readonly Hash[]): () => void {
    for (const name of names) this.#held.set(name, (this.#held.get(name) ?? 0) + 1)
    return () => {
      for (const name of names) {
        const left = (this.#held.get(name) ?? 0) - 1
        if (left > 0) this.#held.set(name, left)
        else this.#held.delete(name)
      }
    }
  }

  /** Deletes a piece, unless somebody agrees on it now. @throws as `work`; CoreError STORE_FULL, STORE_FAILED */
  async remove(name: Hash, work: () => Promise<void>): Promise<void> {
    if (this.#held.has(name) || this.#going.has(name)) return
    this.#going.add(name)
    try {
      await work()
      await this.#store.write([this.agreed(name)], 'process')
      this.forget(name)
    } finally {
      this.#going.delete(name)
    }
  }

  #count(name: Hash, peer: PeerId, bytes: number): void {
    this.#pieces.set(name, { peer, bytes, dueMs: this.#clock.monotonicMs() + this.#limits.pendingMs })
    this.#bytesOf.set(peer, (this.#bytesOf.get(peer) ?? 0) + bytes)
    this.#bytes += bytes
  }

  /** Counts it no longer. */
  forget(name: Hash): void {
    const piece = this.#pieces.get(name)
    if (piece === undefined) return
    this.#pieces.delete(name)
    this.#bytes -= piece.bytes
    const own = (this.#bytesOf.get(piece.peer) ?? 0) - piece.bytes
    if (own > 0) this.#bytesOf.set(piece.peer, own)
    else this.#bytesOf.delete(piece.peer)
  }

  /** Those whose time is over. */
  over(): readonly Hash[] {
    const nowMs = this.#clock.monotonicMs()
    const over: Hash[] = []
    for (const [name, { dueMs }] of this.#pieces) {
      if (dueMs > nowMs) break
      over.push(name)
    }
    return over
  }
}

function refuseOver(needBytes: number, haveBytes: number): void {
  if (needBytes <= haveBytes) return
  throw new StorageError('STORAGE_BUSY', `${needBytes} bytes wait to be agreed, at most ${haveBytes} may`, {
    details: { needBytes, haveBytes },
  })
}
