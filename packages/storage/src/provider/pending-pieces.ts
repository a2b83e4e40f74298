import type { Clock, Hash, PeerId, Size } from '@stead/core'
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

/** Pieces that were sent, that no revision names yet, and that go when none does in time. */
export class PendingPieces {
  readonly #clock: Clock
  readonly #limits: PendingLimits
  /** By the name in the logs, oldest first. */
  readonly #pieces: Map<Hash, PendingPiece> = new Map()
  readonly #bytesOf: Map<PeerId, number> = new Map()
  #bytes = 0

  constructor(clock: Clock, limits: PendingLimits) {
    this.#clock = clock
    this.#limits = limits
  }

  has(name: Hash): boolean {
    return this.#pieces.has(name)
  }

  sizes(): readonly Size[] {
    const fullest = Math.max(0, ...this.#bytesOf.values())
    return [
      { what: 'bytes of pieces that are not agreed', have: this.#bytes, max: this.#limits.pendingBytesMax },
      { what: 'bytes of one payer that are not agreed', have: fullest, max: this.#limits.pendingBytesPerPayerMax },
    ]
  }

  /** Takes room for a piece before it is written. @throws StorageError STORAGE_BUSY */
  add(name: Hash, peer: PeerId, bytes: number): void {
    this.remove(name)
    const { pendingBytesMax, pendingBytesPerPayerMax, pendingMs } = this.#limits
    const own = this.#bytesOf.get(peer) ?? 0
    refuseOver(own + bytes, pendingBytesPerPayerMax)
    refuseOver(this.#bytes + bytes, pendingBytesMax)
    this.#pieces.set(name, { peer, bytes, dueMs: this.#clock.monotonicMs() + pendingMs })
    this.#bytesOf.set(peer, own + bytes)
    this.#bytes += bytes
  }

  /** It is agreed, or it is gone. */
  remove(name: Hash): void {
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
