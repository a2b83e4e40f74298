import { StorageError } from '../errors.ts'
import type { ErasureKernel } from './erasure-kernel.ts'
import { generator, inverted, type Matrix, rowsOf, times } from './matrix.ts'
import { ScalarKernel } from './scalar-kernel.ts'
import { SimdKernel } from './simd-kernel.ts'

/** Which code. */
export interface ErasureProfile {
  /** Pieces that are enough, 1 .. pieces. */
  readonly dataPieces: number
  /** Pieces in all, up to 256. */
  readonly pieces: number
}

/** A piece and which one it is, from 0. */
export interface NumberedPiece {
  readonly number: number
  readonly bytes: Uint8Array
}

const PIECES_MAX = 256
/** Solutions that are kept: one for each set of pieces that was at hand lately. */
const SOLUTIONS_MAX = 64

/** The fastest kernel that the engine can run. */
export function createErasureKernel(): ErasureKernel {
  return SimdKernel.create() ?? new ScalarKernel()
}

/**
 * A systematic Reed-Solomon code over GF(256): of `pieces` pieces of equal length any `dataPieces` give back all others.
 * The first `dataPieces` are the data itself.
 */
export class ErasureCode {
  readonly profile: ErasureProfile
  readonly #kernel: ErasureKernel
  readonly #generator: Matrix
  readonly #parity: Matrix
  readonly #solutions: Map<string, Matrix> = new Map()

  /** @throws RangeError for a profile that is none */
  constructor(kernel: ErasureKernel, profile: ErasureProfile) {
    const { dataPieces, pieces } = profile
    const isWhole = Number.isInteger(dataPieces) && Number.isInteger(pieces)
    if (!isWhole || dataPieces < 1 || pieces < dataPieces || pieces > PIECES_MAX)
      throw new RangeError(`no code has ${dataPieces} of ${pieces} pieces; at least 1, at most ${PIECES_MAX} in all`)
    this.profile = profile
    this.#kernel = kernel
    this.#generator = generator(dataPieces, pieces)
    this.#parity = rowsOf(this.#generator, numbers(dataPieces, pieces))
  }

  /**
   * The pieces after the data, each as long as those.
   * @param parity memory for them @default new memory
   * @throws RangeError when there are not `dataPieces` of one length, or not as much memory as it takes
   */
  encode(data: readonly Uint8Array[], parity?: readonly Uint8Array[]): readonly Uint8Array[] {
    const { dataPieces, pieces } = this.profile
    if (data.length !== dataPieces) throw new RangeError(`need ${dataPieces} data pieces, have ${data.length}`)
    const lengthBytes = commonLength(data)
    const made = parity ?? Array.from({ length: pieces - dataPieces }, () => new Uint8Array(lengthBytes))
    if (made.length !== pieces - dataPieces || made.some(({ length }) => length !== lengthBytes))
      throw new RangeError(`need memory for ${pieces - dataPieces} pieces of ${lengthBytes} bytes`)
    this.#kernel.combine(this.#parity, data, made)
    return made
  }

  /**
   * The pieces of certain numbers, from any `dataPieces` of them. What is at hand already is given back as it is.
   * @throws StorageError STORAGE_TOO_FEW_PIECES; RangeError for lengths that differ or a number that is none
   */
  restore(have: readonly NumberedPiece[], wanted: readonly number[]): readonly Uint8Array[] {
    const { dataPieces, pieces } = this.profile
    const known = new Map(have.map(({ number, bytes }) => [number, bytes] as const))
    for (const number of [...known.keys(), ...wanted])
      if (!Number.isInteger(number) || number < 0 || number >= pieces)
        throw new RangeError(`there is no piece ${number} of ${pieces}`)
    const missing = wanted.filter((number) => !known.has(number))
    if (missing.length === 0) return wanted.flatMap((number) => known.get(number) ?? [])
    if (known.size < dataPieces)
      throw new StorageError('STORAGE_TOO_FEW_PIECES', `need ${dataPieces} pieces of a segment, have ${known.size}`, {
        details: { needPieces: dataPieces, havePieces: known.size },
      })
    // The data first: where it is complete, nothing must be solved.
    const used = [...known.keys()].sort((left, right) => left - right).slice(0, dataPieces)
    const inputs = used.flatMap((number) => known.get(number) ?? [])
    const lengthBytes = commonLength(inputs)
    const outputs = missing.map(() => new Uint8Array(lengthBytes))
    this.#kernel.combine(this.#solution(used, missing), inputs, outputs)
    const restored = new Map(missing.map((number, index) => [number, outputs[index]] as const))
    return wanted.flatMap((number) => known.get(number) ?? restored.get(number) ?? [])
  }

  /** How wanted pieces follow from the used ones. */
  #solution(used: readonly number[], wanted: readonly number[]): Matrix {
    const name = `${used.join()} ${wanted.join()}`
    const known = this.#solutions.get(name)
    if (known !== undefined) return known
    const solution = times(rowsOf(this.#generator, wanted), inverted(rowsOf(this.#generator, used)))
    if (this.#solutions.size >= SOLUTIONS_MAX) this.#solutions.clear()
    this.#solutions.set(name, solution)
    return solution
  }
}

function numbers(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from }, (_, index) => from + index)
}

function commonLength(pieces: readonly Uint8Array[]): number {
  const [first] = pieces
  const lengthBytes = first?.length ?? 0
  if (pieces.some(({ length }) => length !== lengthBytes))
    throw new RangeError(
      `pieces of one segment are of one length, not ${pieces.map(({ length }) => length).join(', ')}`,
    )
  return lengthBytes
}
