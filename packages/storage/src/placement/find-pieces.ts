import type { ReceiptChain } from '@stead/market'
import type { ReadablePiece } from './read-segment.ts'
import { piecesAtFirst } from './segment-reader.ts'
import { pieceNameOf, rootOfPiece, type SegmentReference } from './segment-reference.ts'
import type { PlacedNumber } from './segment-rows.ts'
import type { StorageNodes } from './storage-nodes.ts'

/** The pieces of a segment that can be asked for where its row says that they are, in the order of numbers. */
export function findPieces(
  nodes: Pick<StorageNodes, 'of'>,
  known: SegmentReference,
  placed: readonly PlacedNumber[],
): readonly ReadablePiece[] {
  return [...placed]
    .sort((left, right) => left.number - right.number)
    .flatMap(({ number, node }): ReadablePiece[] => {
      const bought = nodes.of(node)
      if (bought === undefined) return []
      const { peer, driver } = bought
      return [
        {
          number,
          piece: pieceNameOf(known.segment, number),
          root: rootOfPiece(known, number),
          peer,
          agreement: driver.id,
        },
      ]
    })
}

/** Without a row: where agreements say that pieces are, and where the others were at first. */
export function findPiecesWithoutRow(
  { nodes, identity }: { readonly nodes: StorageNodes; readonly identity: ReceiptChain },
  known: SegmentReference,
): readonly ReadablePiece[] {
  const placed = Array.from({ length: known.pieces }, (_, number) => number).flatMap((number): PlacedNumber[] => {
    const piece = pieceNameOf(known.segment, number)
    const bought = nodes.all().find(({ driver }) => driver.set.slotOf(piece) !== undefined)
    return bought === undefined ? [] : [{ number, node: bought.node }]
  })
  const found = new Set(placed.map(({ number }) => number))
  const first = piecesAtFirst(known, identity).filter(({ number }) => !found.has(number))
  return [...findPieces(nodes, known, placed), ...first].sort((left, right) => left.number - right.number)
}
