/** Addresses, roots and times differ between two worlds; what they stand for must not. */
export class Names {
  readonly #names: Map<string, string> = new Map()
  readonly #genesisSeconds: number

  constructor(genesisSeconds: number) {
    this.#genesisSeconds = genesisSeconds
  }

  name(value: string, name: string): void {
    this.#names.set(value.toLowerCase(), name)
  }

  /** JSON of any value in which whatever has a name goes by it, and moments are seconds since the genesis. */
  text(value: unknown): string {
    return JSON.stringify(value, (key, inner: unknown) => {
      if (typeof inner === 'bigint' || typeof inner === 'number') return this.#number(key, inner)
      if (inner instanceof Uint8Array) return `${inner.length} bytes`
      return typeof inner === 'string' ? this.#string(inner) : sorted(inner)
    })
  }

  /** What is called a moment and is within years of the genesis is one; in seconds or milliseconds. */
  #number(key: string, given: number | bigint): string {
    const value = Number(given)
    const since = (value > 1e12 ? value / 1000 : value) - this.#genesisSeconds
    const isMoment = /(at|now|seconds|time)$/i.test(key) && Math.abs(since) < YEARS_SECONDS
    return isMoment ? `t+${since}` : String(given)
  }

  #string(text: string): string {
    const known = this.#names.get(text.toLowerCase())
    if (known !== undefined) return known
    return /^0x[0-9a-f]{64}$/i.test(text) ? '<hash>' : text
  }
}

/** Two adapters may name the same fields in another order. */
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1)))
}

const YEARS_SECONDS = 1e8
