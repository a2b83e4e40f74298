import { keccak_256 } from '@noble/hashes/sha3.js'
import type { Address, Hash } from '@stead/core'
import { addressWord, concatBytes, hashFromBytes, hashWord, hexToBytes, uintWord } from '@stead/protocol'
import type { RewardUnits } from '../units.ts'

/** What a program has given an operator since the beginning; one leaf of the root. */
export interface RewardLeaf {
  readonly program: Hash
  readonly operator: Address
  readonly cumulativeUnits: RewardUnits
}

/** The root of no leaves. */
export const EMPTY_ROOT: Hash = `0x${'00'.repeat(32)}` as Hash

/** keccak(keccak(program (32) || operator (32) || cumulative (32))): OpenZeppelin's StandardMerkleTree. */
export function rewardLeafHash(leaf: RewardLeaf): Uint8Array {
  const words = [hashWord(leaf.program), addressWord(leaf.operator), uintWord(leaf.cumulativeUnits)]
  return keccak_256(keccak_256(concatBytes(...words)))
}

/**
 * The tree of an epoch in the layout of OpenZeppelin's StandardMerkleTree for (bytes32, address, uint256): leaves sorted
 * by hash and put at the end in reverse, node i over nodes 2i+1 and 2i+2, each pair sorted before hashing.
 */
export class RewardTree {
  readonly #nodes: Uint8Array[]

  constructor(leaves: readonly RewardLeaf[]) {
    this.#nodes = buildNodes(leaves.map(rewardLeafHash))
  }

  get root(): Hash {
    const [root] = this.#nodes
    return root === undefined ? EMPTY_ROOT : hashFromBytes(root)
  }

  /** The branch that a claim brings, from the leaf up. @throws RangeError when the leaf is not in the tree */
  branch(leaf: RewardLeaf): readonly Hash[] {
    const wanted = rewardLeafHash(leaf)
    const first = this.#nodes.length >> 1
    const found = this.#nodes.findIndex((node, index) => index >= first && compare(node, wanted) === 0)
    if (found < 0) throw new RangeError(`no leaf of ${leaf.operator} with ${leaf.cumulativeUnits}`)
    const branch: Hash[] = []
    for (let index = found; index > 0; index = (index - 1) >> 1) {
      const sibling = this.#nodes[index % 2 === 1 ? index + 1 : index - 1]
      if (sibling !== undefined) branch.push(hashFromBytes(sibling))
    }
    return branch
  }
}

/** The root that a leaf and its branch give; what the contract computes. */
export function rootOfBranch(leaf: RewardLeaf, branch: readonly Hash[]): Hash {
  return hashFromBytes(branch.reduce((node, sibling) => parent(node, hexToBytes(sibling)), rewardLeafHash(leaf)))
}

/** The nodes of OpenZeppelin's layout over hashes of leaves, the root first; empty for none. */
export function buildNodes(leafHashes: readonly Uint8Array[]): Uint8Array[] {
  const sorted = leafHashes.toSorted(compare)
  if (sorted.length === 0) return []
  const nodes: Uint8Array[] = new Array(2 * sorted.length - 1)
  for (const [index, hash] of sorted.entries()) nodes[nodes.length - 1 - index] = hash
  for (let index = sorted.length - 2; index >= 0; index--) {
    const [left, right] = [nodes[2 * index + 1], nodes[2 * index + 2]]
    if (left === undefined || right === undefined) throw new RangeError(`node ${index} lacks a child`)
    nodes[index] = parent(left, right)
  }
  return nodes
}

function parent(left: Uint8Array, right: Uint8Array): Uint8Array {
  return keccak_256(compare(left, right) < 0 ? concatBytes(left, right) : concatBytes(right, left))
}

function compare(left: Uint8Array, right: Uint8Array): number {
  for (let i = 0; i < 32; i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
