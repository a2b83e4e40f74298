import type { Clock, Hash, Network, PeerId } from '@stead/core'
import type { SetPiece } from '../agreement/piece-set.ts'
import { PART_BYTES_MAX, putMessage } from '../messages.ts'
import { askPieces } from './ask-pieces.ts'
import { remoteCodeOf } from './remote-code.ts'

/** Where a piece goes. */
export interface PieceTarget {
  readonly peer: PeerId
  readonly agreement: Hash
}

/** How a piece is sent. */
export interface SendOptions {
  /** For all of it. */
  readonly timeoutMs: number
  /** Bytes of one message, whole blocks. @default a mebibyte, as many as nodes take */
  readonly partBytesMax?: number
  readonly signal?: AbortSignal
}

/** So often a piece begins again when the node does not know any more what it had of it. */
const BEGINS_MAX = 3

/**
 * Brings a piece to a node: whole, or part by part, each when the one before was taken, so that a node holds no more than
 * one of them. They are read where they are until this has settled, and not afterwards.
 * @throws CoreError as Network.request
 */
export async function sendPiece(
  components: { readonly network: Network; readonly clock: Clock },
  { peer, agreement }: PieceTarget,
  { bytes, piece, root, lengthBytes }: SetPiece & { readonly bytes: Uint8Array },
  { timeoutMs, partBytesMax = PART_BYTES_MAX, signal }: SendOptions,
): Promise<void> {
  const endMs = components.clock.monotonicMs() + timeoutMs
  const sendParts = async (): Promise<void> => {
    for (let fromByte = 0; fromByte < bytes.length; fromByte += partBytesMax) {
      const put = { agreement, piece, root, lengthBytes, fromByte }
      const { payload, tail } = putMessage(put, bytes.subarray(fromByte, fromByte + partBytesMax))
      const leftMs = Math.max(1, endMs - components.clock.monotonicMs())
      await askPieces(components, peer, payload, { timeoutMs: leftMs, signal, tail })
    }
  }
  for (let begins = 1; ; begins++) {
    try {
      await sendParts()
      return
    } catch (error) {
      // It was restarted, or it waited too long for the next part.
      if (remoteCodeOf(error) !== 'STORAGE_PIECE_INCOMPLETE' || begins === BEGINS_MAX) throw error
    }
  }
}
