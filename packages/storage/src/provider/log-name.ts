import type { Hash } from '@stead/core'
import { concatBytes, hashFromBytes, hexToBytes, sha256 } from '@stead/protocol'

/** What a piece is called in the logs: two agreements that name the same piece have a copy each. */
export function logNameOf(agreement: Hash, piece: Hash): Hash {
  return hashFromBytes(sha256(concatBytes(hexToBytes(agreement), hexToBytes(piece))))
}
