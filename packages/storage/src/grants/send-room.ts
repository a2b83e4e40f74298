/** Requests to one owner that are under way, and their bytes together, but for one that is longer. */
const [REQUESTS_MAX, BYTES_MAX] = [16, 8 * 1024 * 1024]

interface Waiting {
  readonly bytes: number
  readonly begin: () => void
}

/** Lets so many requests begin, in their order, that neither side has much of them in memory, and few are refused. */
export class SendRoom {
  readonly #waiting: Waiting[] = []
  #requests = 0
  #bytes = 0

  /** Whether nothing is under way. */
  get isEmpty(): boolean {
    return this.#requests === 0 && this.#waiting.length === 0
  }

  /** Does work that sends so many bytes when it is its turn. @throws what the work throws */
  async within<Result>(bytes: number, work: () => Promise<Result>): Promise<Result> {
    await new Promise<void>((begin) => {
      this.#waiting.push({ bytes, begin })
      this.#next()
    })
    try {
      return await work()
    } finally {
      this.#requests--
      this.#bytes -= bytes
      this.#next()
    }
  }

  #next(): void {
    for (let [first] = this.#waiting; first !== undefined && this.#hasRoomFor(first.bytes); [first] = this.#waiting) {
      this.#waiting.shift()
      this.#requests++
      this.#bytes += first.bytes
      first.begin()
    }
  }

  #hasRoomFor(bytes: number): boolean {
    if (this.#requests === 0) return true
    return this.#requests < REQUESTS_MAX && this.#bytes + bytes <= BYTES_MAX
  }
}
