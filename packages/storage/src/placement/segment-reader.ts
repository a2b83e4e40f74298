import { type Clock, hasCode, type Logger, messageOf, type Network } from '@stead/core'
import type { ReceiptChain } from '@stead/market'
import { addressOfPeerId, peerIdOfPublicKey } from '@stead/protocol'
import { agreementIdOf, agreementNumber } from '../agreement/agreement.ts'
import type { FrameCipher } from '../crypto/frame-cipher.ts'
import type { ErasureKernel } from '../erasure/erasure-kernel.ts'
import { StorageError } from '../errors.ts'
import type { SegmentStore } from '../objects/segment-store.ts'
import type { StorageConsumerOptions } from '../options.ts'
import type { PairHasher } from '../proof/pair-hasher.ts'
import { pieceBytesOf } from '../segment/segment-layout.ts'
import type { ShareDesk } from '../shares/share-desk.ts'
import { ErasureCodes } from './erasure-codes.ts'
import type { HolderReach } from './holder-reach.ts'
import { askedOnce, type Elsewhere } from './read-anywhere.ts'
import { readSealed } from './read-sealed.ts'
import type { ReadablePiece, SegmentRead } from './read-segment.ts'
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
  /** Who could not be reached of late, and which reads wait. */
  readonly reach: HolderReach
  /** Where a payer's caretaker keeps pieces, asked last. @default nobody is asked */
  readonly elsewhere?: Elsewhere
}

/** Reads segments that others pay for: who knows a segment's reference may ask its nodes, without money or agreement. */
export class SegmentReader implements Pick<SegmentStore, 'read'> {
  readonly #parts: SegmentReaderParts
  readonly #options: Pick<StorageConsumerOptions, 'hedgeAfterMs' | 'awayWaitMs'>
  readonly #codes: ErasureCodes
  readonly #places: ShareDesk['places']

  /** @param places asked when too few of the nodes that had the pieces first have them still */
  constructor(
    parts: SegmentReaderParts,
    options: Pick<StorageConsumerOptions, 'hedgeAfterMs' | 'awayWaitMs'>,
    places: ShareDesk['places'],
  ) {
    this.#parts = parts
    this.#options = options
    this.#codes = new ErasureCodes(parts.kernel)
    this.#places = places
  }

  /** @throws StorageError STORAGE_NOT_AUTHENTIC, STORAGE_TOO_FEW_PIECES, STORAGE_SEGMENT_UNKNOWN; RangeError */
  async read(
    reference: Uint8Array,
    key: Uint8Array,
    { fromByte, toByte }: { readonly fromByte: number; readonly toByte: number },
    signal?: AbortSignal,
  ): Promise<Uint8Array> {
    const known = decodeReference(reference)
    const range = { plainBytes: known.plainBytes, key, fromByte, toByte }
    let ownerAway: unknown
    const ofOwner = async (): Promise<readonly ReadablePiece[]> => {
      try {
        return await this.#piecesNow(known)
      } catch (error) {
        if (!hasCode(error, 'STORAGE_SHARE_AWAY')) throw error
        ownerAway = error
        return []
      }
    }
    const elsewhere = askedOnce(async () => {
      const [now, others = []] = await Promise.all([ofOwner(), this.#parts.elsewhere?.(known)])
      return [...now, ...others.flat()]
    })
    try {
      return await readSealed(this.#parts, { ...this.#readOf(known, signal), elsewhere }, range)
    } catch (error) {
      throw hasCode(error, 'STORAGE_TOO_FEW_PIECES') && ownerAway !== undefined ? ownerAway : error
    }
  }

  #readOf(known: SegmentReference, signal: AbortSignal | undefined): SegmentRead {
    const { logger, reach, clock } = this.#parts
    return {
      code: this.#codes.of(known),
      pieceBytes: pieceBytesOf(known.plainBytes, known.dataPieces),
      pieces: piecesAtFirst(known, this.#parts.identity),
      ...(signal === undefined ? {} : { signal }),
      hedgeAfterMs: this.#options.hedgeAfterMs,
      reach,
      waitUntilMs: clock.monotonicMs() + this.#options.awayWaitMs,
      onFailure: ({ peer, piece }, error) =>
        logger.info('a node did not give a piece', { peer, piece, error: messageOf(error) }),
    }
  }

  /** Where pieces are since the segment was repaired; each is checked against its root, whoever says so. */
  async #piecesNow(known: SegmentReference): Promise<readonly ReadablePiece[]> {
    const places = await this.#places(known.segment)
    if (places === undefined) throw new StorageError('STORAGE_SEGMENT_UNKNOWN', 'the segment is not kept any more')
    return places
      .filter(({ number }) => number < known.pieces)
      .map((place) => ({
        ...place,
        piece: pieceNameOf(known.segment, place.number),
        root: rootOfPiece(known, place.number),
      }))
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
