import { concatBytes, equalBytes, sha256 } from '@stead/protocol'
import type { PairHasher } from './pair-hasher.ts'

/** Bytes of a leaf, of a hash. */
const WORD_BYTES = 32
/** Levels below a block's root. */
const BLOCK_LEVELS = 11
/** The unit in which ranges are proven: 2,048 leaves, 64 KiB. */
export const BLOCK_BYTES: number = WORD_BYTES * 2 ** BLOCK_LEVELS
/** Levels above the blocks: pieces of up to 64 GiB. */
const UPPER_LEVELS_MAX = 20
const DOMAIN: Uint8Array = new TextEncoder().encode('stead proof tree 1')
const WHOLE_MAX = 2 ** 32

/** A run of whole blocks, with the hashes beside their way to the root. */
export interface RangeProof {
  readonly firstBlock: number
  /** The bytes of the blocks; only the last block of a piece may be short. */
  readonly bytes: Uint8Array
  /** Lowest first; on one level the left one before the right one. 32 bytes each. */
  readonly siblings: readonly Uint8Array[]
}

/** One leaf, with the hashes beside its way to the root, lowest first. */
export interface LeafProof {
  readonly index: number
  /** 32 bytes; after the end of the piece zeros. */
  readonly leaf: Uint8Array
  readonly siblings: readonly Uint8Array[]
}

/** What a piece is known by: the root commits to the number of bytes, and with that to the number of leaves. */
export interface ProofRoot {
  /** 32 bytes. */
  readonly root: Uint8Array
  /** 0 .. 2^32 - 1. */
  readonly lengthBytes: number
}

/**
 * The tree over the bytes of a piece: leaves of 32 bytes, the last one filled up with zeros; SHA-256 over both children,
 * and subtrees without leaves are those of zeros. Above the blocks there are as many levels as it takes. The root is
 * SHA-256 of domain, length and top, so that no node can be taken for a leaf, nor a piece for a longer one.
 */
export class ProofTree implements ProofRoot {
  readonly root: Uint8Array
  readonly lengthBytes: number
  readonly #hasher: PairHasher
  /** From the blocks' roots up to the top, which is alone. */
  readonly #levels: readonly Uint8Array[]

  private constructor(hasher: PairHasher, levels: readonly Uint8Array[], lengthBytes: number) {
    this.#hasher = hasher
    this.#levels = levels
    this.lengthBytes = lengthBytes
    this.root = rootOf(levels.at(-1) ?? zeroHash(hasher, BLOCK_LEVELS), lengthBytes)
  }

  /** Hashes a whole piece. @throws RangeError for one of 4 GiB or more */
  static of(hasher: PairHasher, bytes: Uint8Array): ProofTree {
    return ProofTree.fromBlocks(hasher, rootsOfBlocks(hasher, bytes), bytes.length)
  }

  /** From the roots of its blocks, 32 bytes each, as {@link ProofTree.blocks} gave them. */
  static fromBlocks(hasher: PairHasher, blocks: Uint8Array, lengthBytes: number): ProofTree {
    if (!Number.isInteger(lengthBytes) || lengthBytes < 0 || lengthBytes >= WHOLE_MAX)
      throw new RangeError(`a piece has 0 to ${WHOLE_MAX - 1} bytes, not ${lengthBytes}`)
    if (blocks.length !== blockCount(lengthBytes) * WORD_BYTES)
      throw new RangeError(
        `${lengthBytes} bytes are ${blockCount(lengthBytes)} blocks, not ${blocks.length / WORD_BYTES}`,
      )
    const levels = [blocks]
    for (let level = BLOCK_LEVELS; (levels.at(-1)?.length ?? 0) > WORD_BYTES; level++)
      levels.push(levelAbove(hasher, levels.at(-1) ?? blocks, level))
    return new ProofTree(hasher, levels, lengthBytes)
  }

  /** Roots of the blocks: what must be kept beside a piece to prove ranges of it without reading all of it. */
  get blocks(): Uint8Array {
    return this.#levels[0] ?? new Uint8Array(0)
  }

  /** Levels from a leaf to the top. */
  get depth(): number {
    return depthOf(this.lengthBytes)
  }

  /**
   * Proves some blocks. `bytes` are theirs; that they are is not looked at again.
   * @throws RangeError for blocks that the piece does not have
   */
  proveRange(firstBlock: number, bytes: Uint8Array): RangeProof {
    const count = checkRange(this.lengthBytes, firstBlock, bytes.length)
    const siblings: Uint8Array[] = []
    let [first, last] = [firstBlock, firstBlock + count - 1]
    for (const [level, hashes] of this.#levels.slice(0, -1).entries()) {
      if (first % 2 === 1) siblings.push(this.#hashAt(hashes, level, first - 1))
      if (last % 2 === 0) siblings.push(this.#hashAt(hashes, level, last + 1))
      first >>= 1
      last >>= 1
    }
    return { firstBlock, bytes, siblings }
  }

  /** Proves one leaf. `block` are the bytes of the block that it is in. @throws RangeError for a leaf that there is not */
  proveLeaf(index: number, block: Uint8Array): LeafProof {
    const leaves = leafCount(this.lengthBytes)
    if (!Number.isInteger(index) || index < 0 || index >= leaves)
      throw new RangeError(`there is no leaf ${index} of ${leaves}`)
    const firstBlock = Math.floor(index / 2 ** BLOCK_LEVELS)
    const place = index % 2 ** BLOCK_LEVELS
    const lower: Uint8Array[] = []
    let hashes = wholeWords(block)
    const leaf = hashes.slice(place * WORD_BYTES, (place + 1) * WORD_BYTES)
    for (let level = 0; level < BLOCK_LEVELS; level++) {
      lower.push(this.#hashOf(hashes, level, (place >> level) ^ 1))
      hashes = levelAbove(this.#hasher, hashes, level)
    }
    const { siblings } = this.proveRange(firstBlock, block)
    return { index, leaf, siblings: [...lower, ...siblings] }
  }

  #hashAt(hashes: Uint8Array, level: number, index: number): Uint8Array {
    return this.#hashOf(hashes, BLOCK_LEVELS + level, index)
  }

  #hashOf(hashes: Uint8Array, level: number, index: number): Uint8Array {
    const at = index * WORD_BYTES
    return at < hashes.length ? hashes.slice(at, at + WORD_BYTES) : zeroHash(this.#hasher, level)
  }
}

/** Whether some blocks are those of a piece. Never throws: what a peer sends may be anything. */
export function verifyRange(hasher: PairHasher, { root, lengthBytes }: ProofRoot, proof: RangeProof): boolean {
  const { firstBlock, bytes, siblings } = proof
  const count = rangeBlocks(lengthBytes, firstBlock, bytes.length)
  if (count === undefined) return false
  let hashes = rootsOfBlocks(hasher, bytes)
  let [first, last] = [firstBlock, firstBlock + count - 1]
  let used = 0
  for (let level = BLOCK_LEVELS; level < depthOf(lengthBytes); level++) {
    const left = first % 2 === 1 ? siblings[used++] : new Uint8Array(0)
    const right = last % 2 === 0 ? siblings[used++] : new Uint8Array(0)
    if (left === undefined || right === undefined) return false
    if (left.length % WORD_BYTES !== 0 || right.length % WORD_BYTES !== 0) return false
    const pairs = concatBytes(left, hashes, right)
    if (pairs.length !== 2 * WORD_BYTES * ((last >> 1) - (first >> 1) + 1)) return false
    hashes = levelAbove(hasher, pairs, level)
    first >>= 1
    last >>= 1
  }
  return used === siblings.length && equalBytes(rootOf(hashes, lengthBytes), root)
}

/** Whether a leaf is that of a piece. Never throws: what a peer sends may be anything. */
export function verifyLeaf({ root, lengthBytes }: ProofRoot, { index, leaf, siblings }: LeafProof): boolean {
  const depth = depthOf(lengthBytes)
  const isLeaf = Number.isInteger(index) && index >= 0 && index < leafCount(lengthBytes)
  if (!isLeaf || siblings.length !== depth || leaf.length !== WORD_BYTES) return false
  let hash = leaf
  let place = index
  for (const sibling of siblings) {
    if (sibling.length !== WORD_BYTES) return false
    hash = sha256(place % 2 === 0 ? concatBytes(hash, sibling) : concatBytes(sibling, hash))
    place = Math.floor(place / 2)
  }
  return equalBytes(rootOf(hash, lengthBytes), root)
}

/** Leaves of a piece of so many bytes; an empty one has one, of zeros. */
export function leafCount(lengthBytes: number): number {
  return Math.max(1, Math.ceil(lengthBytes / WORD_BYTES))
}

/** Blocks of a piece of so many bytes; an empty one has one. */
export function blockCount(lengthBytes: number): number {
  return Math.max(1, Math.ceil(lengthBytes / BLOCK_BYTES))
}

function depthOf(lengthBytes: number): number {
  return BLOCK_LEVELS + Math.ceil(Math.log2(blockCount(lengthBytes)))
}

function rootOf(top: Uint8Array, lengthBytes: number): Uint8Array {
  const length = new Uint8Array(8)
  new DataView(length.buffer).setBigUint64(0, BigInt(lengthBytes))
  // A copy: what Node.js gives is a Buffer, whose slices share memory.
  return Uint8Array.from(sha256(concatBytes(DOMAIN, length, top)))
}

function checkRange(lengthBytes: number, firstBlock: number, rangeBytes: number): number {
  const count = rangeBlocks(lengthBytes, firstBlock, rangeBytes)
  if (count === undefined)
    throw new RangeError(`${rangeBytes} bytes from block ${firstBlock} on are no blocks of ${lengthBytes} bytes`)
  return count
}

/** How many blocks a range has; undefined when it does not begin and end where blocks do. */
function rangeBlocks(lengthBytes: number, firstBlock: number, rangeBytes: number): number | undefined {
  if (!Number.isInteger(firstBlock) || firstBlock < 0) return undefined
  const from = firstBlock * BLOCK_BYTES
  const isAll = lengthBytes === 0 && firstBlock === 0 && rangeBytes === 0
  if (!isAll && (from >= lengthBytes || rangeBytes === 0 || from + rangeBytes > lengthBytes)) return undefined
  const endsWithPiece = from + rangeBytes === lengthBytes
  return rangeBytes % BLOCK_BYTES === 0 || endsWithPiece ? blockCount(rangeBytes) : undefined
}

/** Two levels of a block, used again for each: most of the time would go into making them. */
const scratch: readonly Uint8Array[] = [new Uint8Array(BLOCK_BYTES / 2), new Uint8Array(BLOCK_BYTES / 4)]

/** Roots of the blocks that some bytes are, 32 bytes each, one after another. */
export function rootsOfBlocks(hasher: PairHasher, bytes: Uint8Array): Uint8Array {
  const count = blockCount(bytes.length)
  const roots = new Uint8Array(count * WORD_BYTES)
  for (let block = 0; block < count; block++) {
    const part = bytes.subarray(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES)
    const root = roots.subarray(block * WORD_BYTES, (block + 1) * WORD_BYTES)
    if (part.length === BLOCK_BYTES) hashWholeBlock(hasher, part, root)
    else hashPartOfBlock(hasher, part, root)
  }
  return roots
}

function hashWholeBlock(hasher: PairHasher, block: Uint8Array, root: Uint8Array): void {
  let hashes = block
  for (let level = 1; level < BLOCK_LEVELS; level++) {
    const above = scratch[(level - 1) % 2]?.subarray(0, BLOCK_BYTES >> level) ?? root
    hasher.hashPairs(hashes, above)
    hashes = above
  }
  hasher.hashPairs(hashes, root)
}

function hashPartOfBlock(hasher: PairHasher, part: Uint8Array, root: Uint8Array): void {
  let hashes = wholeWords(part)
  for (let level = 0; level < BLOCK_LEVELS; level++) hashes = levelAbove(hasher, hashes, level)
  root.set(hashes)
}

/** The next level; where the last hash has no neighbour, that is the root of zeros. */
function levelAbove(hasher: PairHasher, hashes: Uint8Array, level: number): Uint8Array {
  const isEven = hashes.length % (2 * WORD_BYTES) === 0
  const pairs = isEven ? hashes : concatBytes(hashes, zeroHash(hasher, level))
  const above = new Uint8Array(pairs.length / 2)
  hasher.hashPairs(pairs, above)
  return above
}

/** At least one word, filled up with zeros. */
function wholeWords(bytes: Uint8Array): Uint8Array {
  if (bytes.length > 0 && bytes.length % WORD_BYTES === 0) return bytes
  const whole = new Uint8Array(Math.max(1, Math.ceil(bytes.length / WORD_BYTES)) * WORD_BYTES)
  whole.set(bytes)
  return whole
}

const zeroHashes: Uint8Array[] = [new Uint8Array(WORD_BYTES)]

/** The root of a subtree of zeros whose leaves are so many levels below. */
function zeroHash(hasher: PairHasher, level: number): Uint8Array {
  for (let known = zeroHashes.length; known <= Math.min(level, BLOCK_LEVELS + UPPER_LEVELS_MAX); known++) {
    const below = zeroHashes[known - 1] ?? new Uint8Array(WORD_BYTES)
    const hash = new Uint8Array(WORD_BYTES)
    hasher.hashPairs(concatBytes(below, below), hash)
    zeroHashes.push(hash)
  }
  return zeroHashes[level] ?? new Uint8Array(WORD_BYTES)
}
