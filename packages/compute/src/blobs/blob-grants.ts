import type { ContentId, PeerId } from '@stead/core'

/** Most grants of answers' blobs that a node remembers; the oldest go, and their payers get nothing for what they did not pull. */
const LASTING_GRANTS_MAX = 4096

/**
 * Who may pull which blob. Bytes leave a node only for a peer that has work with them: a provider while it has a task
 * that names them, a payer after a task of its own made them.
 */
export class BlobGrants {
  readonly #counts: Map<PeerId, Map<ContentId, number>> = new Map()
  /** Grants without an end, oldest first. */
  readonly #lasting: Map<string, { readonly peer: PeerId; readonly id: ContentId }> = new Map()
  readonly #dropped: (id: ContentId) => void

  /** @param dropped is told of each lasting grant that ends because there are too many */
  constructor(dropped: (id: ContentId) => void) {
    this.#dropped = dropped
  }

  /** Grants of answers' blobs, with the most that are kept. */
  get size(): { readonly have: number; readonly max: number } {
    return { have: this.#lasting.size, max: LASTING_GRANTS_MAX }
  }

  /** True when `peer` may pull `id` now. */
  allows(peer: PeerId, id: ContentId): boolean {
    return this.#counts.get(peer)?.has(id) === true
  }

  /** Allows `peer` to pull `id` until {@link revoke} was called as often. */
  grant(peer: PeerId, id: ContentId): void {
    let blobs = this.#counts.get(peer)
    if (blobs === undefined) {
      blobs = new Map()
      this.#counts.set(peer, blobs)
    }
    blobs.set(id, (blobs.get(id) ?? 0) + 1)
  }

  /** Undoes one {@link grant}. */
  revoke(peer: PeerId, id: ContentId): void {
    const blobs = this.#counts.get(peer)
    if (blobs === undefined) return
    const count = (blobs.get(id) ?? 0) - 1
    if (count > 0) blobs.set(id, count)
    else blobs.delete(id)
    if (blobs.size === 0) this.#counts.delete(peer)
  }

  /** Allows `peer` to pull `id` until many later grants of this kind were made; true when it was not allowed so before. */
  grantLasting(peer: PeerId, id: ContentId): boolean {
    const key = `${peer} ${id}`
    if (this.#lasting.has(key)) return false
    this.#lasting.set(key, { peer, id })
    this.grant(peer, id)
    for (const [oldestKey, oldest] of this.#lasting) {
      if (this.#lasting.size <= LASTING_GRANTS_MAX) break
      this.#lasting.delete(oldestKey)
      this.revoke(oldest.peer, oldest.id)
      this.#dropped(oldest.id)
    }
    return true
  }
}
