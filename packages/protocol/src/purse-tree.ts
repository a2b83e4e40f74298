import { keccak_256 } from '@noble/hashes/sha3.js'
import { type Address, type BranchStep, type Hash, type MicroUsd, microUsd } from '@stead/core'
import { concatBytes, hashFromBytes, hexToBytes, uintToBytes } from './bytes.ts'
import { ProtocolError } from './errors.ts'

/** One provider's money in a purse. */
export interface PurseLeaf {
  readonly node: Address
  readonly operator: Address
  readonly allocationMicroUsd: MicroUsd
}

/** A built purse: what to lock on chain, and each leaf's proof. */
export interface PurseTree {
  readonly root: Hash
  readonly totalMicroUsd: MicroUsd
  /** In the order of the leaves. */
  readonly branches: readonly PurseBranch[]
}

/** Proof that a leaf is in a purse. */
export interface PurseBranch {
  /** Bit i says whether the node at level i, from the leaf up, is a right child. */
  readonly index: bigint
  readonly steps: readonly BranchStep[]
}

/** Deepest tree that the Escrow accepts. */
export const PURSE_DEPTH_MAX = 32
/** Most leaves that this program puts in one purse. */
export const PURSE_LEAVES_MAX = 65_536
const SUM_MAX = (1n << 128n) - 1n

interface SumNode {
  readonly hash: Uint8Array
  readonly sum: bigint
}

/** keccak(0x00 || node (20) || operator (20) || allocation (16)): the zero byte keeps leaves apart from inner nodes. */
function leafNode(leaf: PurseLeaf): SumNode {
  const allocation = uintToBytes(leaf.allocationMicroUsd, 16)
  const bytes = concatBytes(Uint8Array.of(0), hexToBytes(leaf.node), hexToBytes(leaf.operator), allocation)
  return { hash: keccak_256(bytes), sum: leaf.allocationMicroUsd }
}

/** keccak(0x01 || left hash || left sum (16) || right hash || right sum (16)); the sums cannot be lied about. */
function parentNode(left: SumNode, right: SumNode): SumNode {
  const sum = left.sum + right.sum
  if (sum > SUM_MAX) throw new ProtocolError('PROTOCOL_BRANCH', 'the sums of a purse tree overflow 128 bits')
  const bytes = concatBytes(
    Uint8Array.of(1),
    left.hash,
    uintToBytes(left.sum, 16),
    right.hash,
    uintToBytes(right.sum, 16),
  )
  return { hash: keccak_256(bytes), sum }
}

/**
 * Builds the Merkle-sum tree of a purse. An odd node at the end of a level moves up unpaired.
 * @throws RangeError for no leaves, more than {@link PURSE_LEAVES_MAX}, or two equal leaves (they would share a channel)
 */
export function buildPurseTree(leaves: readonly PurseLeaf[]): PurseTree {
  if (leaves.length === 0 || leaves.length > PURSE_LEAVES_MAX) {
    throw new RangeError(`a purse has 1 .. ${PURSE_LEAVES_MAX} leaves, not ${leaves.length}`)
  }
  const keys = new Set(leaves.map((leaf) => `${leaf.node} ${leaf.operator} ${leaf.allocationMicroUsd}`))
  if (keys.size !== leaves.length) throw new RangeError('two leaves of a purse are equal: they would share one channel')
  const paths = leaves.map((_, position) => ({ position, bits: 0n, steps: [] as BranchStep[] }))
  let level = leaves.map(leafNode)
  while (level.length > 1) {
    for (const path of paths) addStep(path, level)
    const above: SumNode[] = []
    for (let i = 0; i < level.length; i += 2) {
      const [left, right] = [level[i], level[i + 1]]
      if (left !== undefined) above.push(right === undefined ? left : parentNode(left, right))
    }
    level = above
  }
  const [root] = level
  if (root === undefined) throw new RangeError('a purse has at least one leaf')
  return {
    root: hashFromBytes(root.hash),
    totalMicroUsd: microUsd(root.sum),
    branches: paths.map((path) => ({ index: path.bits, steps: path.steps })),
  }
}

function addStep(path: { position: number; bits: bigint; steps: BranchStep[] }, level: readonly SumNode[]): void {
  const isRight = path.position % 2 === 1
  const sibling = level[isRight ? path.position - 1 : path.position + 1]
  if (sibling !== undefined) {
    if (isRight) path.bits |= 1n << BigInt(path.steps.length)
    path.steps.push({ sibling: hashFromBytes(sibling.hash), siblingMicroUsd: microUsd(sibling.sum) })
  }
  path.position = Math.floor(path.position / 2)
}

/** The root and total that a branch leads to from its leaf. @throws ProtocolError PROTOCOL_BRANCH for one that is none */
export function purseRootOf(leaf: PurseLeaf, branch: PurseBranch): Pick<PurseTree, 'root' | 'totalMicroUsd'> {
  if (branch.steps.length > PURSE_DEPTH_MAX || branch.index >> BigInt(branch.steps.length) !== 0n) {
    throw new ProtocolError('PROTOCOL_BRANCH', `a branch of ${branch.steps.length} steps with index ${branch.index}`)
  }
  let node = leafNode(leaf)
  branch.steps.forEach((step, level) => {
    const sibling = { hash: hexToBytes(step.sibling), sum: step.siblingMicroUsd }
    const isRight = ((branch.index >> BigInt(level)) & 1n) === 1n
    node = isRight ? parentNode(sibling, node) : parentNode(node, sibling)
  })
  return { root: hashFromBytes(node.hash), totalMicroUsd: microUsd(node.sum) }
}

/**
 * Checks that a leaf is in the purse with this root and total; the Escrow checks the same.
 * @throws ProtocolError PROTOCOL_BRANCH
 */
export function checkPurseBranch(
  purse: { readonly root: Hash; readonly totalMicroUsd: MicroUsd },
  leaf: PurseLeaf,
  branch: PurseBranch,
): void {
  const { root, totalMicroUsd: haveMicroUsd } = purseRootOf(leaf, branch)
  if (root !== purse.root || haveMicroUsd !== purse.totalMicroUsd) {
    throw new ProtocolError('PROTOCOL_BRANCH', `the branch gives ${haveMicroUsd} micro-dollars under another root`, {
      details: { needMicroUsd: purse.totalMicroUsd, haveMicroUsd },
    })
  }
}
