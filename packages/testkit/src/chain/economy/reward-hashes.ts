import { keccak_256 } from '@noble/hashes/sha3.js'
import type { Address, Hash, RewardClaim, RootResult } from '@stead/core'
import { addressWord, concatBytes, hashFromBytes, hashWord, hexToBytes, slotOf, uintWord } from '@stead/protocol'

/** The slot in which a node votes on a proposal, as RewardRoots.sol has it. */
export function decisionSlotOf(
  place: { readonly chainId: number; readonly rewards: Address },
  epoch: number,
  attempt: number,
): Hash {
  const words = [uintWord(place.chainId), addressWord(place.rewards), uintWord(epoch), uintWord(attempt)]
  return slotOf('stead/root-decision', words)
}

/** The payload of a vote for a result. */
export function decisionPayloadOf({ root, evidence }: RootResult): Hash {
  return hashFromBytes(keccak_256(concatBytes(hashWord(root), hashWord(evidence))))
}

/** The root that a claim's line and branch give, as OpenZeppelin's MerkleProof computes it. */
export function rootOfClaim({ program, operator, cumulative, proof }: RewardClaim): Hash {
  const words = concatBytes(hashWord(program), addressWord(operator), uintWord(cumulative))
  const leaf = keccak_256(keccak_256(words))
  return hashFromBytes(proof.reduce((node: Uint8Array, sibling) => parentOf(node, hexToBytes(sibling)), leaf))
}

/** The same from either side: OpenZeppelin sorts each pair. */
function parentOf(left: Uint8Array, right: Uint8Array): Uint8Array {
  const isSorted = hashFromBytes(left) < hashFromBytes(right)
  return keccak_256(isSorted ? concatBytes(left, right) : concatBytes(right, left))
}
