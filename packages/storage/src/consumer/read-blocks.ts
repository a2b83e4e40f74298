import type { Clock, Hash, Network, PeerId } from '@stead/core'
import type { SetPiece } from '../agreement/piece-set.ts'
import { StorageError } from '../errors.ts'
import { pieceReplySchema, pieceRequestSchema } from '../messages.ts'
import type { PairHasher } from '../proof/pair-hasher.ts'
import { BLOCK_BYTES, verifyRange } from '../proof/proof-tree.ts'
import { askPieces } from './ask-pieces.ts'

/** A piece and where it is. */
export interface PlacedPiece extends SetPiece {
  readonly peer: PeerId
  readonly agreement: Hash
}

const TIMEOUT_MS = 30_000

/**
 * Reads some blocks of a piece from its node; who knows its names needs no agreement of its own.
 * @throws StorageError STORAGE_NOT_AUTHENTIC when they are not its; CoreError as Network.request
 */
export async function readBlocks(
  components: { readonly network: Network; readonly clock: Clock; readonly hasher: PairHasher },
  placed: PlacedPiece,
  range: {
    readonly firstBlock: number
    readonly blocks: number
    readonly signal?: AbortSignal
    /** @default the most */
    readonly timeoutMs?: number | undefined
  },
): Promise<Uint8Array> {
  const { agreement, piece, peer } = placed
  const { firstBlock, blocks, signal, timeoutMs = TIMEOUT_MS } = range
  const payload = pieceRequestSchema.encodeMessage({ get: { agreement, piece, firstBlock, blocks } })
  const answer = pieceReplySchema.decodeMessage(
    await askPieces(components, peer, payload, { timeoutMs: Math.min(timeoutMs, TIMEOUT_MS), signal }),
  )
  const isWhole = answer.bytes.length === Math.min(blocks * BLOCK_BYTES, placed.lengthBytes - firstBlock * BLOCK_BYTES)
  if (isWhole && verifyRange(components.hasher, placed, { firstBlock, ...answer })) return answer.bytes
  throw new StorageError('STORAGE_NOT_AUTHENTIC', `a node gave other bytes than those of the piece ${piece}`, {
    details: { piece, peer },
  })
}
