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
  readonly #number = new DataView(new ArrayBuffer(8))
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

  /** Adds numbers to the hash alone: for what happens too often to be told. */
  mix(...numbers: readonly number[]): void {
    for (const number of numbers) {
      this.#number.setFloat64(0, number)
      this.#absorb(this.#number.getUint32(0))
      this.#absorb(this.#number.getUint32(4))
    }
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
    const [a = 0, b = 0, c = 0, d = 0] = state
    const mixed = Math.imul(a ^ word, 0xcc9e2d51)
    const next = (Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593) ^ b) >>> 0
    state[0] = b + c
    state[1] = (c << 13) | (c >>> 19)
    state[2] = Math.imul(d ^ next, 0x85ebca6b)
    state[3] = next ^ (a >>> 7)
  }
}
