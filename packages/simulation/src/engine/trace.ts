import { bytesToHex } from '@stead/protocol'

/** One thing that happened, as a story tells it. */
export interface TraceLine {
  readonly atMs: number
  /** Who: a node's name; undefined for the world itself. */
  readonly who: string | undefined
  readonly what: string
}

/** Lines that are kept for the story of a failure. */
const LINES_KEPT = 20_000

/**
 * Everything that happens in a run, in its order, as one number: two runs with the same hash went the same way. A fast
 * mixing function of 128 bits, not a cryptographic one: runs do not attack it.
 */
export class Trace {
  readonly #state: Uint32Array = Uint32Array.of(0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344)
  /** A number, and the same bytes as two words; every machine that Node.js runs on has the low word first. */
  readonly #number = new Float64Array(1)
  readonly #words = new Uint32Array(this.#number.buffer)
  readonly #lines: (TraceLine | undefined)[] = new Array<TraceLine | undefined>(LINES_KEPT).fill(undefined)
  #count = 0

  /** Things so far. */
  get count(): number {
    return this.#count
  }

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
    this.mix(atMs)
    if (who !== undefined) this.#text(who)
    this.#text(what)
    this.#lines[this.#count % LINES_KEPT] = { atMs, who, what }
    this.#count++
  }

  /** The last lines of some nodes and of the world, oldest first. */
  story(who: ReadonlySet<string>, limit: number): readonly TraceLine[] {
    const lines: TraceLine[] = []
    for (let back = 1; back <= Math.min(this.#count, LINES_KEPT) && lines.length < limit; back++) {
      const line = this.#lines[(this.#count - back) % LINES_KEPT]
      if (line !== undefined && (line.who === undefined || who.has(line.who))) lines.push(line)
    }
    return lines.reverse()
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
