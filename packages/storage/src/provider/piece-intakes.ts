import type { Clock, Hash, PeerId, Size } from '@stead/core'
import { equalBytes } from '@stead/protocol'
import { StorageError } from '../errors.ts'
import type { PutPiece } from '../messages.ts'
import type { PieceLog } from '../pieces/piece-log.ts'
import type { PieceWriter } from '../pieces/piece-writer.ts'
import { BLOCK_BYTES } from '../proof/proof-tree.ts'
import type { PendingPieces } from './pending-pieces.ts'

/** What {@link PieceIntakes} stand on. */
export interface PieceIntakesComponents {
  readonly pieces: PieceLog
  readonly pending: PendingPieces
  readonly clock: Clock
}

/** Pieces that come at once, of all and of one peer: each has room on the disk, and some kilobytes of memory. */
const INTAKES_MAX = 128
const INTAKES_PER_PEER_MAX = 16
/** A piece of which nothing comes for so long is given up: its room is others'. */
const IDLE_MS = 30_000
/** When there are too many, one of which nothing came for so long gives way. */
const GIVES_WAY_MS = 5000

interface Intake {
  readonly name: Hash
  readonly peer: PeerId
  readonly root: Uint8Array
  readonly lengthBytes: number
  readonly begunMs: number
  usedMs: number
  /** Something of it is being written; nothing else is taken meanwhile. */
  isBusy: boolean
  /** Undefined until there is room for it. */
  writer: PieceWriter | undefined
}

/** Pieces that come in parts, one part after another: what a sender leaves half is given up soon, and leaves nothing. */
export class PieceIntakes {
  readonly #components: PieceIntakesComponents
  readonly #pendingMs: number
  /** By the name in the logs. */
  readonly #intakes: Map<Hash, Intake> = new Map()

  /** @param pendingMs after so long a piece must be whole */
  constructor(components: PieceIntakesComponents, pendingMs: number) {
    this.#components = components
    this.#pendingMs = pendingMs
  }

  sizes(): readonly Size[] {
    return [{ what: 'pieces that come in parts', have: this.#intakes.size, max: INTAKES_MAX }]
  }

  /** Whether a piece comes in parts now. */
  has(name: Hash): boolean {
    return this.#intakes.has(name)
  }

  /**
   * Takes the next part of a piece; with the last one the piece is kept.
   * @throws StorageError STORAGE_PIECE_INCOMPLETE when it is not the next one, STORAGE_NOT_AUTHENTIC when all together are
   * not the piece that was said, STORAGE_UNSUPPORTED, STORAGE_BUSY, STORAGE_NO_ROOM, STORAGE_PIECE_DIFFERS; CoreError
   */
  async take(name: Hash, peer: PeerId, put: PutPiece, bytes: Uint8Array): Promise<void> {
    const { fromByte, lengthBytes, root } = put
    checkShape(put, bytes.length)
    const intake = fromByte === 0 ? await this.#begin(name, peer, put) : this.#intakes.get(name)
    if (intake === undefined || intake.lengthBytes !== lengthBytes || !equalBytes(intake.root, root)) {
      if (await this.#has(name, root)) return
      throw incomplete('nothing of it is here')
    }
    const receivedBytes = intake.writer?.receivedBytes ?? 0
    if (fromByte > 0 && (intake.isBusy || receivedBytes !== fromByte))
      throw incomplete(`byte ${receivedBytes} is the next, not ${fromByte}`)
    await this.#write(intake, bytes)
  }

  /** Gives up what came to a stop, or takes too long. */
  async expire(): Promise<void> {
    const nowMs = this.#components.clock.monotonicMs()
    for (const intake of [...this.#intakes.values()]) {
      const isOver = nowMs - intake.usedMs >= IDLE_MS || nowMs - intake.begunMs >= this.#pendingMs
      if (isOver && !intake.isBusy) await this.#giveUp(intake)
    }
  }

  async #begin(name: Hash, peer: PeerId, { root, lengthBytes }: PutPiece): Promise<Intake> {
    const before = this.#intakes.get(name)
    if (before?.isBusy === true) throw new StorageError('STORAGE_BUSY', 'this piece is being written')
    before?.writer?.abandon()
    const others = this.#intakes.values().filter((intake) => intake !== before)
    const gone = this.#inTheWay([...others], peer)
    const nowMs = this.#components.clock.monotonicMs()
    const intake: Intake = {
      ...{ name, peer, root: Uint8Array.from(root), lengthBytes },
      ...{ begunMs: nowMs, usedMs: nowMs, isBusy: true, writer: undefined },
    }
    // Nothing waited until here: of two that begin the same piece at once the second finds the first.
    this.#intakes.set(name, intake)
    if (gone !== undefined) await this.#giveUp(gone)
    return intake
  }

  async #write(intake: Intake, bytes: Uint8Array): Promise<void> {
    const { clock } = this.#components
    intake.isBusy = true
    try {
      intake.writer ??= await this.#open(intake)
      if (intake.writer !== undefined) {
        await intake.writer.append(bytes)
        if (intake.writer.isComplete) await intake.writer.finish()
      }
    } catch (error) {
      await this.#giveUp(intake)
      throw error
    }
    intake.usedMs = clock.monotonicMs()
    intake.isBusy = false
    if (intake.writer?.isComplete !== false) this.#intakes.delete(intake.name)
  }

  /** Takes room for all of it; undefined when it is there already: the same bytes are no work. */
  async #open({ name, peer, root, lengthBytes }: Intake): Promise<PieceWriter | undefined> {
    const { pieces, pending } = this.#components
    if (await this.#has(name, root)) return undefined
    const kept = await pieces.find(name)
    if (kept === undefined) await pending.add(name, peer, lengthBytes)
    return await pieces.begin(name, { root, lengthBytes })
  }

  /** Whether the same piece is there, whole. */
  async #has(name: Hash, root: Uint8Array): Promise<boolean> {
    const kept = await this.#components.pieces.find(name)
    return kept !== undefined && !kept.isDamaged && equalBytes(kept.root, root)
  }

  /** The one that gives way to another one when there are too many. @throws StorageError STORAGE_BUSY when all come along */
  #inTheWay(others: readonly Intake[], peer: PeerId): Intake | undefined {
    const own = others.filter((intake) => intake.peer === peer)
    const few = own.length >= INTAKES_PER_PEER_MAX ? own : others.length >= INTAKES_MAX ? others : []
    if (few.length === 0) return undefined
    const [stalest] = few.filter(({ isBusy }) => !isBusy).toSorted((left, right) => left.usedMs - right.usedMs)
    if (stalest !== undefined && this.#components.clock.monotonicMs() - stalest.usedMs >= GIVES_WAY_MS) return stalest
    throw new StorageError('STORAGE_BUSY', `${few.length} pieces come in parts at once`)
  }

  /** Leaves nothing of it: what is in the logs is trash, and its note goes. */
  async #giveUp(intake: Intake): Promise<void> {
    const { pieces, pending } = this.#components
    if (this.#intakes.get(intake.name) === intake) this.#intakes.delete(intake.name)
    intake.writer?.abandon()
    // Unless it came another way meanwhile, and waits to be agreed.
    if ((await pieces.find(intake.name)) === undefined && !this.#intakes.has(intake.name))
      await pending.remove(intake.name, () => Promise.resolve())
  }
}

/** @throws StorageError STORAGE_UNSUPPORTED for a part that can be none of its piece */
function checkShape({ fromByte, lengthBytes }: PutPiece, partBytes: number): void {
  const toByte = fromByte + partBytes
  const isWhole = toByte === lengthBytes || partBytes % BLOCK_BYTES === 0
  if (fromByte % BLOCK_BYTES === 0 && toByte <= lengthBytes && isWhole) return
  const message = `${partBytes} bytes from ${fromByte} on are no part of ${lengthBytes}`
  throw new StorageError('STORAGE_UNSUPPORTED', message)
}

function incomplete(message: string): StorageError {
  return new StorageError('STORAGE_PIECE_INCOMPLETE', `a part of a piece does not follow: ${message}`)
}
