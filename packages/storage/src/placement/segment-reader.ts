import { type Clock, type Logger, messageOf, type Network } from '@stead/core'
import type { ReceiptChain } from '@stead/market'
import { addressOfPeerId, peerIdOfPublicKey } from '@stead/protocol'
import { agreementIdOf, agreementNumber } from '../agreement/agreement.ts'
import type { FrameCipher } from '../crypto/frame-cipher.ts'
import type { ErasureKernel } from '../erasure/erasure-kernel.ts'
import type { SegmentStore } from '../objects/segment-store.ts'
import type { StorageConsumerOptions } from '../options.ts'
import type { PairHasher } from '../proof/pair-hasher.ts'
import { pieceBytesOf } from '../segment/segment-layout.ts'
import { ErasureCodes } from './erasure-codes.ts'
import { readSealed } from './read-sealed.ts'
import type { ReadablePiece } from './read-segment.ts'
import { decodeReference, firstNodeOf, pieceNameOf, rootOfPiece, type SegmentReference } from './segment-reference.ts'

/** What a {@link SegmentReader} stands on. */
export interface SegmentReaderParts {
  readonly network: Network
  readonly clock: Clock
  readonly logger: Logger
  readonly cipher: FrameCipher
  readonly hasher: PairHasher
  readonly kernel: ErasureKernel
  readonly identity: ReceiptChain
}

/** Reads segments that others pay for: who knows a segment's reference may ask its nodes, without money or agreement. */
export class SegmentReader implements Pick<SegmentStore, 'read'> {
  readonly #parts: SegmentReaderParts
  readonly #options: Pick<StorageConsumerOptions, 'hedgeAfterMs'>
  readonly #codes: ErasureCodes

  constructor(parts: SegmentReaderParts, options: Pick<StorageConsumerOptions, 'hedgeAfterMs'>) {
    this.#parts = parts
    this.#options = options
    this.#codes = new ErasureCodes(parts.kernel)
  }

  /** @throws StorageError STORAGE_NOT_AUTHENTIC, STORAGE_TOO_FEW_PIECES, STORAGE_SEGMENT_UNKNOWN; RangeError */
  async read(
    reference: Uint8Array,
    key: Uint8Array,
    { fromByte, toByte }: { readonly fromByte: number; readonly toByte: number },
  ): Promise<Uint8Array> {
    const known = decodeReference(reference)
    const { logger, identity } = this.#parts
    const read = {
      code: this.#codes.of(known),
      pieceBytes: pieceBytesOf(known.plainBytes, known.dataPieces),
      pieces: piecesAtFirst(known, identity),
      hedgeAfterMs: this.#options.hedgeAfterMs,
      onFailure: ({ peer, piece }: ReadablePiece, error: unknown): void =>
        logger.info('a node did not give a piece', { peer, piece, error: messageOf(error) }),
    }
    return await readSealed(this.#parts, read, { plainBytes: known.plainBytes, key, fromByte, toByte })
  }
}

/** Where the pieces were when the segment was kept: all that whoever is not its payer knows. */
export function piecesAtFirst(known: SegmentReference, identity: ReceiptChain): readonly ReadablePiece[] {
  const { payer, pieces, segment } = known
  return Array.from({ length: pieces }, (_, number) => number).flatMap((number): ReadablePiece[] => {
    const key = firstNodeOf(known, number)
    if (key === undefined) return []
    const peer = peerIdOfPublicKey(key)
    const agreement = agreementIdOf({ ...identity, payer, node: addressOfPeerId(peer), number: agreementNumber(0) })
    return [{ number, piece: pieceNameOf(segment, number), root: rootOfPiece(known, number), peer, agreement }]
  })
}
