import { bytesToHex } from '@stead/protocol'

/** One thing that happened, as a story tells it. */
export interface TraceLine {
  readonly atMs: number
  /** Who: a node's name; undefined for the world itself. */
  readonly who: string | undefined
  readonly what: string
}

/** Lines of one node, or of the world, that are kept for the story of a failure. */
const LINES_KEPT = 48

/**
 * Everything that happens in a run, in its order, as one number: two runs with the same hash went the same way. A fast
 * mixing function of 128 bits, not a cryptographic one: runs do not attack it.
 */
export class Trace {
  readonly #state: Uint32Array = Uint32Array.of(0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344)
  /** A number, and the same bytes as two words; every machine that Node.js runs on has the low word first. */
  readonly #number = new Float64Array(1)
  readonly #words = new Uint32Array(this.#number.buffer)
  readonly #lines: Map<string | undefined, TraceLine[]> = new Map()
  #isOver = false

  /** 32 hexadecimal digits. */
  get hash(): string {
    return bytesToHex(new Uint8Array(this.#state.buffer.slice(0))).slice(2)
  }

  /** Adds a number to the hash alone: for what happens too often to be told. */
  mix(number: number): void {
    this.#number[0] = number
    this.#absorb(this.#words[1] ?? 0)
    this.#absorb(this.#words[0] ?? 0)
  }

  /** Adds a line. */
  tell(atMs: number, who: string | undefined, what: string): void {
    this.note(atMs, who, what)
    if (this.#isOver) return
    const lines = this.#lines.get(who) ?? []
    if (lines.length === 0) this.#lines.set(who, lines)
    lines.push({ atMs, who, what })
    if (lines.length > LINES_KEPT) lines.shift()
  }

  /** Adds a line to the hash alone: for what explains nothing. */
  note(atMs: number, who: string | undefined, what: string): void {
    this.mix(atMs)
    if (who !== undefined) this.#text(who)
    this.#text(what)
  }

  /** Keeps the lines that there are; the hash goes on. */
  stopKeeping(): void {
    this.#isOver = true
  }

  /** The last lines of some nodes and of the world; of each in its order. */
  linesOf(who: ReadonlySet<string>): readonly TraceLine[] {
    return [undefined, ...who].flatMap((name) => this.#lines.get(name) ?? [])
  }

  #text(text: string): void {
    for (let index = 0; index < text.length; index++) this.#absorb(text.charCodeAt(index))
    this.#absorb(text.length)
  }

  #absorb(word: number): void {
    const state = this.#state
    const a = state[0] ?? 0
    const b = state[1] ?? 0
    const c = state[2] ?? 0
    const mixed = Math.imul(a ^ word, 0xcc9e2d51)
    const next = Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593) ^ b
    state[2] = Math.imul((state[3] ?? 0) ^ next, 0x85ebca6b)
    state[3] = next ^ (a >>> 7)
    state[0] = b + c
    state[1] = (c << 13) | (c >>> 19)
  }
}
