import { keccak_256 } from '@noble/hashes/sha3.js'
import type { Hash, RootResult } from '@stead/core'
import { concatBytes, hashFromBytes, hashWord } from '@stead/protocol'

/** The payload of a vote for a result: keccak-256(root (32) || evidence (32)), as the contract has it. */
export function decisionPayload({ root, evidence }: RootResult): Hash {
  return hashFromBytes(keccak_256(concatBytes(hashWord(root), hashWord(evidence))))
}
