import type { Clock, Hash, Network, PeerId } from '@stead/core'
import type { ErasureCode } from '../erasure/erasure-code.ts'
import { BLOCKS_PER_READ_MAX } from '../messages.ts'
import type { PairHasher } from '../proof/pair-hasher.ts'
import { blockCount } from '../proof/proof-tree.ts'
import { BlockRace } from './block-race.ts'
import type { HolderReach } from './holder-reach.ts'

/** Where a piece can be read. */
export interface ReadablePiece {
  readonly number: number
  readonly piece: Hash
  readonly root: Uint8Array
  readonly peer: PeerId
  readonly agreement: Hash
}

/** What reading stands on. */
export interface SegmentReaderComponents {
  readonly network: Network
  readonly hasher: PairHasher
  readonly clock: Clock
}

/** What is read of which pieces. */
export interface SegmentRead {
  readonly code: ErasureCode
  readonly pieceBytes: number
  /** Best first; those with data before the others is the fastest where nothing is wrong. */
  readonly pieces: readonly ReadablePiece[]
  /** After so long without an answer another node is asked. */
  readonly hedgeAfterMs: number
  /** What became of a node that did not give what it should. */
  readonly onFailure: (piece: ReadablePiece, error: unknown) => void
  /** Who could not be reached of late, and who waits for whom. */
  readonly reach: HolderReach
  /** Until then nodes that cannot be reached are waited for, by the monotonic clock; 0 waits for nobody. */
  readonly waitUntilMs: number
  /** Where others say that there are pieces, when too few can be had; asked again while it waits. @default nowhere */
  readonly elsewhere?: (() => Promise<readonly ReadablePiece[]>) | undefined
  readonly signal?: AbortSignal
}

/** The same blocks of some pieces. */
export interface WantedBlocks {
  readonly numbers: readonly number[]
  readonly firstBlock: number
  readonly blocks: number
}

/**
 * Reads the same blocks of some data pieces. Where a node fails or is slow, any others give the same blocks of theirs, and
 * what is missing is computed from these. Each is checked against its root, wherever it comes from. The bytes are the
 * reader's alone.
 * @throws StorageError STORAGE_TOO_FEW_PIECES
 */
export async function readPieces(
  components: SegmentReaderComponents,
  read: SegmentRead,
  wanted: WantedBlocks,
): Promise<readonly Uint8Array[]> {
  return await new BlockRace(components, read, wanted).run()
}

/** How many blocks a piece has, and how they are read: at most a mebibyte at once. */
export function readsOf(pieceBytes: number): readonly { readonly firstBlock: number; readonly blocks: number }[] {
  const count = blockCount(pieceBytes)
  const reads: { firstBlock: number; blocks: number }[] = []
  for (let firstBlock = 0; firstBlock < count; firstBlock += BLOCKS_PER_READ_MAX)
    reads.push({ firstBlock, blocks: Math.min(BLOCKS_PER_READ_MAX, count - firstBlock) })
  return reads
}
