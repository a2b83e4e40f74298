import { S3Error } from '../s3-error.ts'

const EMPTY = new Uint8Array()
const LINE_FEED = 0x0a

/** Reads lines and counted bytes from a stream of chunks, holding one chunk at most. */
export class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>
  #chunk: Uint8Array = EMPTY

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  /** A line without its end; undefined when nothing comes any more. @throws S3Error IncompleteBody, InvalidRequest */
  async line(bytesMax: number): Promise<string | undefined> {
    let line = ''
    while (await this.#fill()) {
      const at = this.#chunk.indexOf(LINE_FEED)
      const taken = at < 0 ? this.#chunk : this.#chunk.subarray(0, at)
      if (line.length + taken.length > bytesMax)
        throw new S3Error('InvalidRequest', { message: `A line of the chunked body has more than ${bytesMax} bytes.` })
      line += Buffer.from(taken).toString('latin1')
      this.#chunk = at < 0 ? EMPTY : this.#chunk.subarray(at + 1)
      if (at >= 0) return line.endsWith('\r') ? line.slice(0, -1) : line
    }
    if (line !== '') throw new S3Error('IncompleteBody')
    return undefined
  }

  /** The next `count` bytes as they come. @throws S3Error IncompleteBody */
  async *take(count: number): AsyncGenerator<Uint8Array> {
    let left = count
    while (left > 0) {
      if (!(await this.#fill())) throw new S3Error('IncompleteBody')
      const taken = this.#chunk.subarray(0, left)
      this.#chunk = this.#chunk.subarray(taken.length)
      left -= taken.length
      yield taken
    }
  }

  /** Lets go of the source, read to its end or not. */
  async leave(): Promise<void> {
    await this.#source.return?.()
  }

  async #fill(): Promise<boolean> {
    while (this.#chunk.length === 0) {
      const next = await this.#source.next()
      if (next.done === true) return false
      this.#chunk = next.value
    }
    return true
  }
}
