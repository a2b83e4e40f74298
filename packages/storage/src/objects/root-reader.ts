import { equalBytes } from '@stead/protocol'
import { StorageError } from '../errors.ts'
import type { PathSecret } from '../keys/path-secret.ts'
import type { RootPointer } from './root-pointer.ts'
import { EMPTY_ROOT, type RootRecord, rootRecordSchema } from './root-record.ts'

/** A root at its place in the sequence; 0 before the first. */
export interface SequencedRoot {
  readonly sequence: number
  readonly sealed: Uint8Array
  readonly record: RootRecord
}

/** Reads a tree's pointer, and never takes an older root than it has seen. */
export class RootReader {
  readonly #pointer: Pick<RootPointer, 'read' | 'cached'>
  readonly #secret: PathSecret
  #known: SequencedRoot = { sequence: 0, sealed: new Uint8Array(0), record: EMPTY_ROOT }
  readonly #seenSequence: number
  #reading: Promise<SequencedRoot> | undefined
  #waiting: Promise<SequencedRoot> | undefined

  /** @param seenSequence a root that somebody has seen: older ones are not taken */
  constructor(pointer: Pick<RootPointer, 'read' | 'cached'>, secret: PathSecret, seenSequence = 0) {
    this.#pointer = pointer
    this.#secret = secret
    this.#seenSequence = seenSequence
  }

  /** The newest root that was seen and will not be given up, without asking. */
  get known(): SequencedRoot {
    return this.#known
  }

  /**
   * The newest root: the pointer is asked after this was called, once for all who ask meanwhile.
   * @throws StorageError STORAGE_OLD_ROOT, STORAGE_NOT_AUTHENTIC; as the pointer
   */
  async fresh(): Promise<SequencedRoot> {
    if (this.#reading === undefined) return await this.#read()
    this.#waiting ??= this.#readAfter(this.#reading)
    return await this.#waiting
  }

  /**
   * The newest root that this machine saw, where the pointer cannot be asked.
   * @throws StorageError STORAGE_OLD_ROOT, STORAGE_NOT_AUTHENTIC
   */
  async cached(): Promise<SequencedRoot | undefined> {
    const value = await this.#pointer.cached?.()
    if (value !== undefined && value.sequence > this.#known.sequence)
      this.accept(this.#opened(this.#known, value.sequence, value.value))
    return this.#known.sequence === 0 ? undefined : this.#known
  }

  /** Notes a root that was swapped in. */
  accept(root: SequencedRoot): void {
    if (root.sequence > this.#known.sequence) this.#known = root
  }

  async #readAfter(reading: Promise<SequencedRoot>): Promise<SequencedRoot> {
    // What became of it is for those who began it.
    await reading.catch(() => undefined)
    this.#waiting = undefined
    return await this.#read()
  }

  #read(): Promise<SequencedRoot> {
    const before = this.#known
    const reading = (async () => {
      try {
        const value = await this.#pointer.read()
        const root = this.#opened(before, value?.sequence ?? 0, value?.value ?? new Uint8Array(0))
        if (value?.isUnsettled !== true) this.accept(root)
        return root
      } finally {
        this.#reading = undefined
      }
    })()
    this.#reading = reading
    return reading
  }

  #opened(before: SequencedRoot, sequence: number, sealed: Uint8Array): SequencedRoot {
    const seenSequence = Math.max(this.#seenSequence, before.sequence)
    if (sequence < seenSequence)
      throw new StorageError('STORAGE_OLD_ROOT', `root ${sequence} came after root ${seenSequence} had been seen`, {
        details: { haveSequence: sequence, seenSequence },
      })
    if (sequence === 0) return { sequence, sealed, record: EMPTY_ROOT }
    if (sequence > before.sequence)
      return { sequence, sealed, record: rootRecordSchema.decodeMessage(this.#secret.openRoot(sequence, sealed)) }
    if (!equalBytes(sealed, before.sealed))
      throw new StorageError('STORAGE_OLD_ROOT', `there are two roots with the number ${sequence}`, {
        details: { haveSequence: sequence, seenSequence: before.sequence },
      })
    return before
  }
}
