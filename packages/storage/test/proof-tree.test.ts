import { createHash } from 'node:crypto'
import {
  BLOCK_BYTES,
  blockCount,
  type LeafProof,
  leafCount,
  loadPairHasher,
  ProofTree,
  type RangeProof,
  verifyLeaf,
  verifyRange,
  wasmPairHasher,
} from '@stead/storage'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const native = await loadPairHasher()
const LEVELS = 11

function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return new Uint8Array(hash.digest())
}

/** The root as the definition says it: every leaf is there, zeros too. */
function naiveRoot(bytes: Uint8Array): Uint8Array {
  const blocks = Math.max(1, Math.ceil(bytes.length / BLOCK_BYTES))
  const leaves = 2 ** (LEVELS + Math.ceil(Math.log2(blocks)))
  const padded = new Uint8Array(leaves * 32)
  padded.set(bytes)
  let level: readonly Uint8Array[] = Array.from({ length: leaves }, (_, index) =>
    padded.subarray(index * 32, index * 32 + 32),
  )
  while (level.length > 1)
    level = Array.from({ length: level.length / 2 }, (_, index) =>
      sha256(level[2 * index] ?? new Uint8Array(0), level[2 * index + 1] ?? new Uint8Array(0)),
    )
  const length = new Uint8Array(8)
  new DataView(length.buffer).setBigUint64(0, BigInt(bytes.length))
  return sha256(new TextEncoder().encode('stead proof tree 1'), length, level[0] ?? new Uint8Array(32))
}

function bytesOf(lengthBytes: number): Uint8Array {
  let state = lengthBytes | 1
  return Uint8Array.from({ length: lengthBytes }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    return state >>> 24
  })
}

const lengths = fc.oneof(
  fc.integer({ min: 0, max: 200 }),
  fc.integer({ min: 0, max: 6 }).map((blocks) => blocks * BLOCK_BYTES),
  fc.integer({ min: 0, max: 5 * BLOCK_BYTES }),
)

/** All runs of blocks of a piece. */
function rangesOf(bytes: Uint8Array): readonly { readonly first: number; readonly part: Uint8Array }[] {
  const blocks = blockCount(bytes.length)
  return Array.from({ length: blocks }, (_, first) => first).flatMap((first) =>
    Array.from({ length: blocks - first }, (_, more) => ({
      first,
      part: bytes.subarray(first * BLOCK_BYTES, (first + more + 1) * BLOCK_BYTES),
    })),
  )
}

describe('a proof tree', () => {
  it('has the root of the definition, with every hasher', () => {
    fc.assert(
      fc.property(lengths, (lengthBytes) => {
        const bytes = bytesOf(lengthBytes)
        const root = naiveRoot(bytes)
        for (const hasher of [native, wasmPairHasher]) expect(ProofTree.of(hasher, bytes).root).toEqual(root)
      }),
      { numRuns: 30 },
    )
  })

  it('proves every run of blocks, also from the roots of the blocks alone', () => {
    for (const lengthBytes of [0, 1, 33, BLOCK_BYTES, BLOCK_BYTES + 1, 3 * BLOCK_BYTES, 5 * BLOCK_BYTES - 7]) {
      const bytes = bytesOf(lengthBytes)
      const tree = ProofTree.of(native, bytes)
      const kept = ProofTree.fromBlocks(native, tree.blocks, lengthBytes)
      expect(kept.root).toEqual(tree.root)
      for (const { first, part } of rangesOf(bytes)) {
        const proof = kept.proveRange(first, part)
        expect(verifyRange(native, tree, proof), `${first} + ${part.length} of ${lengthBytes}`).toBe(true)
      }
    }
  })

  it('proves every leaf', () => {
    fc.assert(
      fc.property(lengths, fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), (lengthBytes, place) => {
        const bytes = bytesOf(lengthBytes)
        const tree = ProofTree.of(native, bytes)
        const index = Math.floor(place * leafCount(lengthBytes))
        const block = Math.floor((index * 32) / BLOCK_BYTES)
        const proof = tree.proveLeaf(index, bytes.subarray(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES))
        expect(proof.siblings).toHaveLength(tree.depth)
        expect(verifyLeaf(tree, proof)).toBe(true)
        expect(verifyLeaf({ root: tree.root, lengthBytes: lengthBytes + 1 }, proof)).toBe(false)
        expect(verifyLeaf(tree, { ...proof, index: index + 1 })).toBe(false)
      }),
      { numRuns: 50 },
    )
  })

  it('takes no byte that was changed, left out, added or moved', () => {
    const bytes = bytesOf(4 * BLOCK_BYTES + 100)
    const tree = ProofTree.of(native, bytes)
    const good = tree.proveRange(1, bytes.subarray(BLOCK_BYTES, 3 * BLOCK_BYTES))
    const flipped = (from: Uint8Array): Uint8Array => from.map((byte, index) => (index === 77 ? byte ^ 1 : byte))
    const [first = new Uint8Array(32), ...others] = good.siblings
    const bad: readonly RangeProof[] = [
      { ...good, bytes: flipped(good.bytes) },
      { ...good, bytes: good.bytes.subarray(0, BLOCK_BYTES) },
      { ...good, bytes: good.bytes.subarray(0, -32) },
      { ...good, firstBlock: 2 },
      { ...good, firstBlock: -1 },
      { ...good, firstBlock: 0.5 },
      { ...good, firstBlock: 2 ** 40 },
      { ...good, siblings: others },
      { ...good, siblings: [...good.siblings, first] },
      { ...good, siblings: [first.subarray(1), ...others] },
      { ...good, siblings: [new Uint8Array(64), ...others] },
      { ...good, siblings: [] },
      { ...good, bytes: new Uint8Array(0) },
    ]
    expect(verifyRange(native, tree, good)).toBe(true)
    for (const [index, proof] of bad.entries()) expect(verifyRange(native, tree, proof), `case ${index}`).toBe(false)
    expect(verifyRange(native, { root: tree.root, lengthBytes: tree.lengthBytes - 1 }, good)).toBe(false)
  })

  it('takes no hash of its own for a leaf', () => {
    const bytes = bytesOf(BLOCK_BYTES)
    const tree = ProofTree.of(native, bytes)
    const { leaf, siblings } = tree.proveLeaf(0, bytes)
    const parent = sha256(leaf, siblings[0] ?? new Uint8Array(0))
    const proof: LeafProof = { index: 0, leaf: parent, siblings: siblings.slice(1) }
    expect(verifyLeaf(tree, proof)).toBe(false)
    expect(verifyLeaf({ root: tree.root, lengthBytes: BLOCK_BYTES / 2 }, proof)).toBe(false)
  })

  it('never throws for what a peer sends', () => {
    const word = fc.uint8Array({ minLength: 0, maxLength: 70 })
    const tree = ProofTree.of(native, bytesOf(2 * BLOCK_BYTES))
    fc.assert(
      fc.property(
        fc.oneof(fc.integer(), fc.double()),
        word,
        fc.array(word, { maxLength: 20 }),
        (place, bytes, siblings) => {
          expect(verifyRange(native, tree, { firstBlock: place, bytes, siblings })).toBe(false)
          expect(verifyLeaf(tree, { index: place, leaf: bytes, siblings })).toBe(false)
        },
      ),
    )
  })

  it('refuses to prove what it does not have', () => {
    const bytes = bytesOf(BLOCK_BYTES + 5)
    const tree = ProofTree.of(native, bytes)
    expect(() => tree.proveRange(2, new Uint8Array(5))).toThrow(RangeError)
    expect(() => tree.proveRange(0, new Uint8Array(32))).toThrow(RangeError)
    expect(() => tree.proveLeaf(leafCount(bytes.length), bytes)).toThrow(RangeError)
    expect(() => ProofTree.fromBlocks(native, tree.blocks, 5)).toThrow(RangeError)
    expect(() => ProofTree.fromBlocks(native, tree.blocks, 2 ** 32)).toThrow(RangeError)
  })
})
