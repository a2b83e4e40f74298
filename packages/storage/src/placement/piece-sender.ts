import { type Address, type Clock, type Hash, type Logger, messageOf } from '@stead/core'
import { isEnded, remoteCodeOf } from '../consumer/remote-code.ts'
import { StorageError } from '../errors.ts'
import type { StorageConsumerOptions } from '../options.ts'
import type { BoughtNode } from './bought-node.ts'
import { pieceNameOf, rootOfPiece, type SegmentReference } from './segment-reference.ts'
import type { PlacedNumber } from './segment-rows.ts'
import type { StorageNodes } from './storage-nodes.ts'

/** What a {@link PieceSender} stands on. */
export interface PieceSenderComponents {
  readonly nodes: StorageNodes
  readonly clock: Clock
  readonly logger: Logger
}

/** A piece for a node; undefined where there is none. */
export interface SentPiece {
  readonly number: number
  readonly bytes: Uint8Array
  readonly to: BoughtNode | undefined
}

const MIN_GRACE_MS = 200
const BUSY_MS = 10_000

/** When pieces are sent well enough. */
export interface SendTerms {
  /** So many are waited for. */
  readonly waitFor: number
  /** With fewer than this none is kept. */
  readonly least: number
  readonly signal?: AbortSignal | undefined
  /** Hears of each node that did not take its piece. */
  readonly onFailed?: (node: Address) => void
}

/** Brings the pieces of a segment to their nodes, and knows which are on their way. */
export class PieceSender {
  readonly #components: PieceSenderComponents
  readonly #options: Pick<StorageConsumerOptions, 'partBytesMax'>
  /** Pieces on their way to a node, whether somebody still waits for them or not. */
  readonly #sending: Set<string> = new Set()

  constructor(components: PieceSenderComponents, options: Pick<StorageConsumerOptions, 'partBytesMax'>) {
    this.#components = components
    this.#options = options
  }

  /** Whether a piece is on its way to a node, and may be agreed on yet. */
  isSending(node: Address, piece: Hash): boolean {
    return this.#sending.has(`${node} ${piece}`)
  }

  /**
   * Sends pieces to their nodes, all at once; goes on when enough are kept, and gives up on those that are slow. An aborted
   * signal has it go on with what is kept. When it has settled, nothing reads the pieces' bytes any more.
   * @throws StorageError STORAGE_TOO_FEW_PIECES
   */
  async send(
    reference: SegmentReference,
    pieces: readonly SentPiece[],
    { waitFor, least, signal, onFailed }: SendTerms,
  ): Promise<readonly PlacedNumber[]> {
    const { nodes, logger, clock } = this.#components
    const { partBytesMax } = this.#options
    const { segment } = reference
    const abort = new AbortController()
    const placed: PlacedNumber[] = []
    let waiting = pieces.length
    const isEnough = Promise.withResolvers<void>()
    const stop = (): void => {
      abort.abort()
      isEnough.resolve()
    }
    if (signal?.aborted === true) stop()
    signal?.addEventListener('abort', stop, { once: true })
    const startedMs = clock.monotonicMs()
    const bringing = pieces.map(({ number, bytes, to }) => {
      const piece = {
        piece: pieceNameOf(segment, number),
        root: rootOfPiece(reference, number),
        lengthBytes: bytes.length,
      }
      return { number, piece, to, taken: to?.send(piece, bytes, { partBytesMax, signal: abort.signal }) }
    })
    const sent = bringing.map(async ({ number, piece, to, taken }) => {
      const name = `${to?.node} ${piece.piece}`
      this.#sending.add(name)
      try {
        if (to === undefined) return
        await taken
        abort.signal.throwIfAborted()
        await to.keep(piece)
        if (abort.signal.aborted) {
          // Agreed on after nobody waited for it any more.
          to.drop([piece.piece])
          return
        }
        placed.push({ number, node: to.node })
        if (placed.length === waitFor) isEnough.resolve()
      } catch (error) {
        if (abort.signal.aborted || to === undefined) return
        logger.info('a node did not take a piece', { node: to.node, error: messageOf(error) })
        onFailed?.(to.node)
        // Who is full stays so; who did not take a piece for another reason may take the next one soon.
        if (isEnded(error) || remoteCodeOf(error) === 'STORAGE_NO_ROOM') nodes.shun(to.node)
        else nodes.shun(to.node, BUSY_MS)
      } finally {
        this.#sending.delete(name)
        waiting--
        if (waiting === 0) isEnough.resolve()
      }
    })
    await isEnough.promise
    // The slowest are not waited for longer than the others took once more.
    const graceMs = Math.max(MIN_GRACE_MS, clock.monotonicMs() - startedMs)
    await Promise.race([Promise.all(sent), clock.sleep(graceMs, abort.signal).catch(() => undefined)])
    signal?.removeEventListener('abort', stop)
    abort.abort()
    await Promise.allSettled(bringing.flatMap(({ taken }) => taken ?? []))
    if (placed.length >= least) return [...placed]
    for (const { number, node } of placed) nodes.of(node)?.drop([pieceNameOf(segment, number)])
    const message = `${placed.length} pieces are kept, at least ${least} must be`
    throw new StorageError('STORAGE_TOO_FEW_PIECES', message, {
      details: { needPieces: least, havePieces: placed.length },
    })
  }
}
