import type { Hash } from '@stead/core'
import type { PieceSet, SetProof } from '../agreement/piece-set.ts'
import { challengedLeaves } from '../agreement/possession.ts'
import type { LeafProof } from '../proof/proof-tree.ts'

/** What a node proves from. */
export interface PossessionSource {
  readonly set: PieceSet
  readonly proveLeaf: (piece: Hash, index: number) => Promise<LeafProof>
}

/** Shows the leaves that a seed asks for. @throws StorageError STORAGE_PIECE_UNKNOWN, STORAGE_PIECE_DAMAGED: it is lost here */
export async function provePossession(source: PossessionSource, seed: Uint8Array): Promise<readonly SetProof[]> {
  const { set, proveLeaf } = source
  const proofs: SetProof[] = []
  for (const leaf of challengedLeaves(seed, set.root.leaves)) {
    const { slot, piece, index } = set.locate(leaf)
    proofs.push({ slot, piece, siblings: set.siblings(slot), leaf: await proveLeaf(piece.piece, index) })
  }
  return proofs
}
