import { type Hash, hasCode, hash, silentLogger } from '@stead/core'
import {
  BLOCK_BYTES,
  loadPairHasher,
  type PairHasher,
  PieceLog,
  type PieceLogInput,
  type PieceWriter,
  ProofTree,
  pieceLogOptionsSchema,
  verifyRange,
} from '@stead/storage'
import { MemoryDisk, MemoryStore, SeededRandom } from '@stead/testkit'
import { expect } from 'vitest'

export const hasher: PairHasher = await loadPairHasher()
const MIB = 1024 * 1024
/** Room for anything; files of a mebibyte, so that there are several. */
export const LARGE: PieceLogInput = { capacityBytes: 1024 * MIB, keepFreeBytes: 0, fileBytesMax: MIB }

/** A name of a piece. */
export function named(number: number): Hash {
  return hash(`0x${number.toString(16).padStart(64, '0')}`)
}

/** Bytes that tests can repeat. */
export function bytesOf(lengthBytes: number, seed: number): Uint8Array {
  let state = seed + 1
  return Uint8Array.from({ length: lengthBytes }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    return state >>> 24
  })
}

let machines = 0

/** A node's disk and store, over crashes. */
export class Machine {
  readonly #seed = ++machines
  disk: MemoryDisk = new MemoryDisk()
  store: MemoryStore = new MemoryStore()
  log: PieceLog
  readonly errors: string[] = []
  readonly #options: PieceLogInput

  constructor(options: PieceLogInput = LARGE) {
    this.#options = options
    this.log = this.#create()
  }

  static async started(options: PieceLogInput = LARGE): Promise<Machine> {
    const machine = new Machine(options)
    await machine.log.start()
    return machine
  }

  /** The process ends at once, and the next one begins. */
  async crash(kind: 'kill' | 'power' = 'kill', survivors = 0): Promise<void> {
    if (!this.disk.isCrashed) this.disk.crash()
    if (!this.store.isCrashed) this.store.crash()
    this.disk = this.disk.reopen(kind, survivors % 1)
    this.store = this.store.reopen(kind, Math.floor(survivors))
    this.log = this.#create()
    await this.log.start()
  }

  /** The next process finds logs and no index. */
  async loseIndex(): Promise<void> {
    await this.log.stop()
    this.disk = this.disk.reopen()
    this.store = new MemoryStore()
    this.log = this.#create()
    await this.log.start()
  }

  async holds(piece: Hash, bytes: Uint8Array): Promise<void> {
    const tree = ProofTree.of(hasher, bytes)
    const kept = await this.log.find(piece)
    expect(kept).toEqual({ piece, root: tree.root, lengthBytes: bytes.length, isDamaged: false })
    const proof = await this.log.readRange(piece, 0, Math.ceil(bytes.length / BLOCK_BYTES))
    expect(Buffer.compare(proof.bytes, bytes)).toBe(0)
    expect(verifyRange(hasher, tree, proof)).toBe(true)
  }

  /** Keeps a piece in parts of so many blocks. */
  async putInParts(piece: Hash, bytes: Uint8Array, blocks = 1): Promise<void> {
    const writer = await this.begun(piece, bytes)
    for (let at = 0; at < bytes.length; at += blocks * BLOCK_BYTES)
      await writer.append(bytes.subarray(at, at + blocks * BLOCK_BYTES))
    await writer.finish()
  }

  /** A piece of which nothing came yet. */
  async begun(piece: Hash, bytes: Uint8Array): Promise<PieceWriter> {
    return await this.log.begin(piece, ProofTree.of(hasher, bytes))
  }

  #create(): PieceLog {
    const { disk, store } = this
    const logger = { ...silentLogger, error: (message: string) => this.errors.push(message) }
    const components = { disk, store, hasher, random: new SeededRandom(this.#seed), logger }
    return new PieceLog(components, pieceLogOptionsSchema.parse(this.#options))
  }
}

/** For `rejects.toSatisfy`. */
export const failsWith =
  (code: string) =>
  (error: unknown): boolean =>
    hasCode(error, code)
