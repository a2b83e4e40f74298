import { type Hash, hash } from '@stead/core'
import { concatBytes, equalBytes, hexToBytes, sha256, uintToBytes } from '@stead/protocol'
import {
  leafCount,
  loadPairHasher,
  PieceSet,
  ProofTree,
  type SetChange,
  type SetPiece,
  verifySetProof,
} from '@stead/storage'
import { SeededRandom } from '@stead/testkit'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { provePossession } from '../src/provider/prove-possession.ts'

const hasher = await loadPairHasher()

function named(number: number): Hash {
  return hash(`0x${number.toString(16).padStart(64, '0')}`)
}

function pieceOf(number: number, lengthBytes: number): SetPiece {
  return { piece: named(number), root: new SeededRandom(number).bytes(32), lengthBytes }
}

/** Root and leaves by the definition, all over again. */
function naive(
  slots: number,
  at: ReadonlyMap<number, SetPiece>,
): { readonly hash: Uint8Array; readonly leaves: number } {
  const nodes = Array.from({ length: slots }, (_, slot) => {
    const piece = at.get(slot)
    if (piece === undefined) return { hash: new Uint8Array(32), leaves: 0 }
    const length = uintToBytes(BigInt(piece.lengthBytes), 8)
    const bytes = concatBytes(Uint8Array.of(0), hexToBytes(piece.piece), piece.root, length)
    return { hash: sha256(bytes), leaves: Math.ceil(piece.lengthBytes / 32) }
  })
  while (nodes.length > 1) {
    const [left, right] = nodes.splice(0, 2)
    if (left === undefined || right === undefined) throw new Error('an odd level')
    const leaves = left.leaves + right.leaves
    const sums = [left, right].map((node) => concatBytes(node.hash, uintToBytes(BigInt(node.leaves), 8)))
    nodes.push({ hash: leaves === 0 ? new Uint8Array(32) : sha256(concatBytes(Uint8Array.of(1), ...sums)), leaves })
  }
  return nodes[0] ?? { hash: new Uint8Array(32), leaves: 0 }
}

const changes = fc.array(
  fc.record({ slot: fc.nat(40), lengthBytes: fc.integer({ min: 1, max: 5000 }), isGone: fc.boolean() }),
  { maxLength: 60 },
)

describe('a set of pieces', () => {
  it('has the root of its definition, whatever came and went, and tells it before it changes', () => {
    fc.assert(
      fc.property(fc.array(changes, { maxLength: 5 }), (batches) => {
        const set = new PieceSet()
        const at = new Map<number, SetPiece>()
        let [number, highest] = [0, 0]
        for (const batch of batches) {
          const bySlot = new Map<number, SetChange>()
          for (const { slot, lengthBytes, isGone } of batch)
            bySlot.set(slot, { slot, piece: isGone ? undefined : pieceOf(++number, lengthBytes) })
          const before = set.root
          const told = set.rootAfter([...bySlot.values()])
          expect(set.root).toEqual(before)
          set.apply([...bySlot.values()])
          expect(set.root).toEqual(told)
          for (const { slot, piece } of bySlot.values()) {
            highest = Math.max(highest, slot)
            if (piece === undefined) at.delete(slot)
            else at.set(slot, piece)
          }
          const slots = 2 ** Math.ceil(Math.log2(highest + 1))
          const { hash: top, leaves } = naive(slots, at)
          const root = new Uint8Array(top)
          const bytes = Array.from(at.values(), ({ lengthBytes }) => lengthBytes).reduce(
            (sum, length) => sum + length,
            0,
          )
          expect(set.root).toEqual({ root, leaves, slots, pieces: at.size, bytes })
          expect([...set.entries()].map(([slot]) => slot)).toEqual([...at.keys()].sort((left, right) => left - right))
        }
      }),
      { numRuns: 60 },
    )
  })

  it('finds every leaf of every piece, and proves it', async () => {
    const bytes = new Map(
      Array.from(
        { length: 9 },
        (_, number) => [named(number + 1), new SeededRandom(number).bytes(37 + 500 * number)] as const,
      ),
    )
    const set = new PieceSet()
    const pieces = Array.from(bytes, ([piece, content]): SetPiece => {
      return { piece, root: ProofTree.of(hasher, content).root, lengthBytes: content.length }
    })
    set.apply(pieces.map((piece, place) => ({ slot: 2 * place + 1, piece })))
    const total = pieces.reduce((sum, { lengthBytes }) => sum + leafCount(lengthBytes), 0)
    expect(set.root.leaves).toBe(total)
    let leaf = 0
    for (const piece of pieces) {
      for (let index = 0; index < leafCount(piece.lengthBytes); index++, leaf++) {
        const found = set.locate(leaf)
        expect(found).toMatchObject({ piece, index })
        const content = bytes.get(piece.piece) ?? new Uint8Array(0)
        const proof = {
          slot: found.slot,
          piece,
          siblings: set.siblings(found.slot),
          leaf: ProofTree.of(hasher, content).proveLeaf(index, content),
        }
        expect(verifySetProof(set.root, leaf, proof)).toBe(true)
        for (const other of [leaf - 1, leaf + 1]) expect(verifySetProof(set.root, other, proof)).toBe(false)
      }
    }
    expect(() => set.locate(total)).toThrow(RangeError)
  })

  it('believes no proof of which anything was changed', async () => {
    const content = new SeededRandom(5).bytes(4000)
    const tree = ProofTree.of(hasher, content)
    const set = new PieceSet()
    const piece = { piece: named(1), root: tree.root, lengthBytes: 4000 }
    set.apply([
      { slot: 2, piece },
      { slot: 5, piece: pieceOf(7, 900) },
    ])
    const source = { set, proveLeaf: async (_: Hash, index: number) => tree.proveLeaf(index, content) }
    // A seed whose first leaf is of the first piece.
    const proofs = await Promise.all(
      Array.from({ length: 20 }, (_, number) =>
        provePossession(source, new Uint8Array(32).fill(number)).catch(() => []),
      ),
    )
    const proof = proofs.flat().find(({ slot }) => slot === 2)
    if (proof === undefined) throw new Error('no seed asks for the first piece')
    const leaf = proof.leaf.index
    expect(verifySetProof(set.root, leaf, proof)).toBe(true)
    const flipped = (bytes: Uint8Array): Uint8Array => bytes.map((byte, place) => (place === 7 ? byte ^ 1 : byte))
    const [sibling, ...rest] = proof.siblings
    if (sibling === undefined) throw new Error('no sibling')
    const forged = [
      { ...proof, slot: 3 },
      { ...proof, piece: { ...piece, lengthBytes: 4001 } },
      { ...proof, piece: { ...piece, piece: named(2) } },
      { ...proof, piece: { ...piece, root: flipped(piece.root) } },
      { ...proof, piece: { ...piece, root: piece.root.subarray(1) } },
      { ...proof, siblings: rest },
      { ...proof, siblings: [...proof.siblings, sibling] },
      { ...proof, siblings: [{ ...sibling, leaves: 1 }, ...rest] },
      { ...proof, siblings: [{ ...sibling, leaves: -1 }, ...rest] },
      { ...proof, siblings: [{ ...sibling, leaves: Number.NaN }, ...rest] },
      { ...proof, siblings: [{ ...sibling, hash: flipped(sibling.hash) }, ...rest] },
      { ...proof, leaf: { ...proof.leaf, leaf: flipped(proof.leaf.leaf) } },
      { ...proof, leaf: { ...proof.leaf, index: leaf + 1 } },
    ]
    for (const each of forged) expect(verifySetProof(set.root, leaf, each)).toBe(false)
    const { root } = set
    for (const each of [
      { ...root, leaves: root.leaves + 1 },
      { ...root, slots: 16 },
      { ...root, root: flipped(root.root) },
    ])
      expect(verifySetProof(each, leaf, proof)).toBe(false)
    expect(equalBytes(root.root, set.root.root)).toBe(true)
  })
})
