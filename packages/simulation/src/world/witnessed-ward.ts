import type { Address, Hash } from '@stead/core'
import { bytesToHex } from '@stead/protocol'
import { decodeReference, type HandAsk, pieceNameOf, type SegmentReference } from '@stead/storage'
import { SILENT_MS } from './care-terms.ts'

/** An absence is none for the rules unless it is so much longer than the silence that a caretaker waits for: clocks jump. */
const SURE_MS: number = 2 * SILENT_MS

/** A payer that is back takes bills before it says a word to its caretaker: from then on it is not away. */
const BACK_MS: number = SILENT_MS / 2

interface Silence {
  readonly fromMs: number
  readonly toMs: number
}

/** What a payer said to its caretaker, as it came there. */
export class WitnessedWard {
  readonly payer: Address
  /** Segments that were handed over and not taken back, by their names. */
  readonly segments: Map<string, SegmentReference> = new Map()
  /** Names of the pieces of these, with their segments. */
  readonly #pieces: Map<Hash, string> = new Map()
  readonly #silences: Silence[] = []
  #heardMs: number | undefined
  #beganMs: number | undefined
  #isTold = false

  constructor(payer: Address) {
    this.payer = payer
  }

  /** Since it was away the last time it has said that it told all. */
  get isTold(): boolean {
    return this.#isTold
  }

  /** How often it was surely away. */
  get silences(): number {
    return this.#silences.length
  }

  /** When it was heard of for the first time, in milliseconds since 1970; undefined before that. */
  get beganMs(): number | undefined {
    return this.#beganMs
  }

  /** A message of the payer's. */
  hear({ put, drop, isComplete }: HandAsk, nowMs: number): void {
    const fromMs = this.#heardMs ?? nowMs
    this.#heardMs = nowMs
    this.#beganMs ??= nowMs
    if (nowMs - fromMs >= SURE_MS) {
      this.#silences.push({ fromMs, toMs: nowMs })
      this.#isTold = false
    }
    for (const { reference } of put) {
      const known = decodeReference(reference)
      const segment = bytesToHex(known.segment)
      this.segments.set(segment, known)
      for (let number = 0; number < known.pieces; number++)
        this.#pieces.set(pieceNameOf(known.segment, number), segment)
    }
    for (const segment of drop) this.segments.delete(bytesToHex(segment))
    this.#isTold ||= isComplete
  }

  /** Whether a piece is of what the payer wants kept. */
  has(piece: Hash): boolean {
    const segment = this.#pieces.get(piece)
    return segment !== undefined && this.segments.has(segment)
  }

  /** Whether the payer was surely away, and known to be, at a moment, in milliseconds since 1970. */
  wasAlone(atMs: number): boolean {
    return this.#silences.some(({ fromMs, toMs }) => fromMs + SURE_MS < atMs && atMs < toMs - BACK_MS)
  }
}
