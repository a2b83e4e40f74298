import type { Hash } from '@stead/core'
import { concatBytes, equalBytes, hexToBytes, sha256, uintToBytes } from '@stead/protocol'
import { type LeafProof, leafCount, type ProofRoot, verifyLeaf } from '../proof/proof-tree.ts'

/** Bytes of a leaf, of a hash. */
const WORD_BYTES = 32
/** Most pieces of one agreement: a tebibyte of the largest that profiles make, 84 MB of hashes. */
export const SLOTS_MAX: number = 2 ** 20
const [LEAF_TAG, NODE_TAG] = [Uint8Array.of(0), Uint8Array.of(1)]
/** The hash of a place without pieces, on any level. */
const NOTHING = new Uint8Array(WORD_BYTES)

/** A piece that an agreement is about. */
export interface SetPiece extends ProofRoot {
  readonly piece: Hash
}

/** One slot that changes: what is in it from now on. */
export interface SetChange {
  /** 0 .. 2^20 - 1. */
  readonly slot: number
  /** Undefined empties it. */
  readonly piece: SetPiece | undefined
}

/** What a set is known by. */
export interface SetRoot {
  /** 32 bytes. */
  readonly root: Uint8Array
  /** Leaves of 32 bytes of all pieces together. */
  readonly leaves: number
  /** Places in the tree, a power of two. */
  readonly slots: number
}

/** A set in figures: what an agreement says of it. */
export interface SetSums extends SetRoot {
  readonly pieces: number
  readonly bytes: number
}

/** A sibling on the way from a slot to the root. */
export interface SetSibling {
  /** 32 bytes. */
  readonly hash: Uint8Array
  readonly leaves: number
}

/** One leaf of one of the pieces, with its way to the root of the set. */
export interface SetProof {
  readonly slot: number
  readonly piece: SetPiece
  /** Lowest first. */
  readonly siblings: readonly SetSibling[]
  readonly leaf: LeafProof
}

/**
 * The pieces of an agreement as a Merkle-sum tree: each node hashes both children and how many leaves their pieces have,
 * so that leaf number n of all of them is one leaf of one piece, and whoever draws n by lot draws bytes by lot. Both
 * sides keep it; a change costs a hash for each level.
 */
export class PieceSet {
  /** By slot. */
  readonly #pieces: (SetPiece | undefined)[] = []
  readonly #slotOf: Map<Hash, number> = new Map()
  /** Below it nothing is free. */
  #lowestFree = 0
  /** Hashes and sums by level, those of the slots first. */
  #hashes: Uint8Array[] = [new Uint8Array(WORD_BYTES)]
  #sums: Float64Array[] = [new Float64Array(1)]
  #slots = 1
  #count = 0
  #bytes = 0

  /** @param slots places that it has at least: a set that was larger keeps its height */
  constructor(slots = 1) {
    this.#grow(slots - 1)
  }

  get root(): SetSums {
    const top = this.#hashes.length - 1
    return {
      root: (this.#hashes[top] ?? NOTHING).slice(),
      leaves: this.#sums[top]?.[0] ?? 0,
      slots: this.#slots,
      pieces: this.#count,
      bytes: this.#bytes,
    }
  }

  /** What is in a slot. */
  at(slot: number): SetPiece | undefined {
    return this.#pieces[slot]
  }

  /** Where a piece is. */
  slotOf(piece: Hash): number | undefined {
    return this.#slotOf.get(piece)
  }

  /** All pieces from a slot on with their slots, in their order. */
  *entries(fromSlot = 0): Generator<readonly [slot: number, piece: SetPiece]> {
    for (let slot = fromSlot; slot < this.#pieces.length; slot++) {
      const piece = this.#pieces[slot]
      if (piece !== undefined) yield [slot, piece]
    }
  }

  /** The lowest slots that are free, for so many new pieces. @throws RangeError when there are not so many */
  freeSlots(count: number): readonly number[] {
    const free: number[] = []
    for (let slot = this.#lowestFree; free.length < count && slot < this.#pieces.length; slot++)
      if (this.#pieces[slot] === undefined) free.push(slot)
    this.#lowestFree = free[0] ?? this.#pieces.length
    for (let slot = this.#pieces.length; free.length < count && slot < SLOTS_MAX; slot++) free.push(slot)
    if (free.length < count) throw new RangeError(`a set has at most ${SLOTS_MAX} pieces`)
    return free
  }

  /** Has so many places from now on, if it has fewer: a set keeps its height when what made it high is gone. */
  growTo(slots: number): void {
    this.#grow(slots - 1)
  }

  /**
   * The root that the set would have after some changes; the set stays as it is.
   * @param slotsMin places that it has then at least @throws RangeError as apply
   */
  rootAfter(changes: readonly SetChange[], slotsMin = 1): SetSums {
    const before = changes.map(({ slot }): SetChange => ({ slot, piece: this.#pieces[slot] }))
    const slots = this.#slots
    this.growTo(slotsMin)
    this.apply(changes)
    const { root } = this
    this.apply(before.reverse())
    this.#shrink(slots)
    return root
  }

  /** Changes some slots. @throws RangeError for a slot or a length that cannot be; nothing has changed then */
  apply(changes: readonly SetChange[]): void {
    for (const { slot, piece } of changes) {
      if (!Number.isInteger(slot) || slot < 0 || slot >= SLOTS_MAX) throw new RangeError(`there is no slot ${slot}`)
      if (piece !== undefined && !(piece.lengthBytes > 0 && piece.lengthBytes < 2 ** 32))
        throw new RangeError(`a piece has 1 to ${2 ** 32 - 1} bytes, not ${piece.lengthBytes}`)
    }
    let dirty = new Set<number>()
    for (const { slot, piece } of changes) {
      this.#grow(slot)
      this.#put(slot, piece)
      dirty.add(slot >> 1)
    }
    for (let level = 1; level < this.#hashes.length; level++) {
      const above = new Set<number>()
      for (const place of dirty) {
        this.#sumUp(level, place)
        above.add(place >> 1)
      }
      dirty = above
    }
  }

  /** Which piece holds leaf number `leaf` of all, and which of its own leaves that is. @throws RangeError */
  locate(leaf: number): { readonly slot: number; readonly piece: SetPiece; readonly index: number } {
    const { leaves } = this.root
    if (!Number.isInteger(leaf) || leaf < 0 || leaf >= leaves)
      throw new RangeError(`there is no leaf ${leaf} of ${leaves}`)
    let [place, rest] = [0, leaf]
    for (let level = this.#sums.length - 2; level >= 0; level--) {
      const left = this.#sums[level]?.[2 * place] ?? 0
      const isRight = rest >= left
      place = 2 * place + (isRight ? 1 : 0)
      if (isRight) rest -= left
    }
    const piece = this.#pieces[place]
    if (piece === undefined) throw new RangeError(`there is no leaf ${leaf} of ${leaves}`)
    return { slot: place, piece, index: rest }
  }

  /** The way from a slot to the root, lowest first. */
  siblings(slot: number): readonly SetSibling[] {
    const siblings: SetSibling[] = []
    for (let level = 0; level < this.#hashes.length - 1; level++) {
      const place = (slot >> level) ^ 1
      siblings.push({ hash: this.#hashAt(level, place).slice(), leaves: this.#sums[level]?.[place] ?? 0 })
    }
    return siblings
  }

  #put(slot: number, piece: SetPiece | undefined): void {
    const before = this.#pieces[slot]
    this.#count += (piece === undefined ? 0 : 1) - (before === undefined ? 0 : 1)
    this.#bytes += (piece?.lengthBytes ?? 0) - (before?.lengthBytes ?? 0)
    this.#pieces[slot] = piece
    if (before !== undefined && this.#slotOf.get(before.piece) === slot) this.#slotOf.delete(before.piece)
    if (piece !== undefined) this.#slotOf.set(piece.piece, slot)
    else if (slot < this.#lowestFree) this.#lowestFree = slot
    this.#hashes[0]?.set(piece === undefined ? NOTHING : hashOfPiece(piece), slot * WORD_BYTES)
    const sums = this.#sums[0]
    if (sums !== undefined) sums[slot] = piece === undefined ? 0 : leafCount(piece.lengthBytes)
  }

  #sumUp(level: number, place: number): void {
    const sums = this.#sums[level - 1]
    const [left, right] = [sums?.[2 * place] ?? 0, sums?.[2 * place + 1] ?? 0]
    const hash = hashOfNode(
      { hash: this.#hashAt(level - 1, 2 * place), leaves: left },
      { hash: this.#hashAt(level - 1, 2 * place + 1), leaves: right },
    )
    this.#hashes[level]?.set(hash, place * WORD_BYTES)
    const above = this.#sums[level]
    if (above !== undefined) above[place] = left + right
  }

  #hashAt(level: number, place: number): Uint8Array {
    return this.#hashes[level]?.subarray(place * WORD_BYTES, (place + 1) * WORD_BYTES) ?? NOTHING
  }

  #grow(slot: number): void {
    while (slot >= this.#slots) {
      this.#slots *= 2
      this.#hashes = this.#hashes.map((hashes) => doubled(hashes))
      this.#sums = this.#sums.map((sums) => doubled(sums))
      this.#hashes.push(new Uint8Array(WORD_BYTES))
      this.#sums.push(new Float64Array(1))
      this.#sumUp(this.#hashes.length - 1, 0)
    }
  }

  /** Takes back what growing did; the places that go are empty. */
  #shrink(slots: number): void {
    while (this.#slots > slots) {
      this.#slots /= 2
      this.#hashes.pop()
      this.#sums.pop()
      this.#hashes = this.#hashes.map((hashes) => hashes.slice(0, hashes.length / 2))
      this.#sums = this.#sums.map((sums) => sums.slice(0, sums.length / 2))
    }
    if (this.#pieces.length > this.#slots) this.#pieces.length = this.#slots
  }
}

/** Whether a proof is one of leaf number `leaf` of a set. Never throws: what a peer sends may be anything. */
export function verifySetProof(set: SetRoot, leaf: number, proof: SetProof): boolean {
  const { slot, piece, siblings } = proof
  if (!Number.isInteger(slot) || slot < 0 || slot >= set.slots || 2 ** siblings.length !== set.slots) return false
  if (piece.root.length !== WORD_BYTES) return false
  let node: SetSibling = { hash: hashOfPiece(piece), leaves: leafCount(piece.lengthBytes) }
  let before = 0
  for (const [level, sibling] of siblings.entries()) {
    if (sibling.hash.length !== WORD_BYTES || !Number.isSafeInteger(sibling.leaves) || sibling.leaves < 0) return false
    const isRight = ((slot >> level) & 1) === 1
    if (isRight) before += sibling.leaves
    const hash = isRight ? hashOfNode(sibling, node) : hashOfNode(node, sibling)
    node = { hash, leaves: node.leaves + sibling.leaves }
    if (!Number.isSafeInteger(node.leaves)) return false
  }
  if (node.leaves !== set.leaves || !equalBytes(node.hash, set.root)) return false
  return proof.leaf.index === leaf - before && verifyLeaf(piece, proof.leaf)
}

function hashOfPiece({ piece, root, lengthBytes }: SetPiece): Uint8Array {
  return sha256(concatBytes(LEAF_TAG, hexToBytes(piece), root, uintToBytes(BigInt(lengthBytes), 8)))
}

/** A place without pieces below is known by zeros, so that a tree that grows has nothing to hash where nothing is. */
function hashOfNode(left: SetSibling, right: SetSibling): Uint8Array {
  if (left.leaves === 0 && right.leaves === 0) return NOTHING
  const [before, after] = [uintToBytes(BigInt(left.leaves), 8), uintToBytes(BigInt(right.leaves), 8)]
  return sha256(concatBytes(NODE_TAG, left.hash, before, right.hash, after))
}

function doubled<Values extends Uint8Array | Float64Array>(values: Values): Values {
  const more = values instanceof Uint8Array ? new Uint8Array(2 * values.length) : new Float64Array(2 * values.length)
  more.set(values)
  return more as Values
}
