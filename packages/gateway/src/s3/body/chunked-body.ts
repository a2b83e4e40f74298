import { createHash } from 'node:crypto'
import type { ChunkSeed } from '../auth/authenticate.ts'
import { EMPTY_SHA256, isSameSignature, sha256Hex, sign } from '../auth/signature.ts'
import { S3Error } from '../s3-error.ts'
import { ByteReader } from './byte-reader.ts'

const CHUNK_LINE_BYTES_MAX = 256
const TRAILER_LINE_BYTES_MAX = 1024
const TRAILER_LINES_MAX = 8

/** How a chunked body is signed, and how long it says it is. */
export interface ChunkedBodyTerms {
  /** Undefined for chunks without signatures. */
  readonly seed: ChunkSeed | undefined
  /** Whether lines of checks follow the last chunk. */
  readonly hasTrailer: boolean
  readonly decodedBytes: number
}

/**
 * Decodes `aws-chunked`: chunks with their size, and each signed upon the one before, so that none can be cut, changed,
 * moved or left out. Bytes are given on as they come; who takes them must wait for the end before it believes them.
 */
export class ChunkedBody {
  readonly #reader: ByteReader
  readonly #terms: ChunkedBodyTerms
  readonly #trailers = new Map<string, string>()
  #previous: string

  constructor(source: AsyncIterable<Uint8Array>, terms: ChunkedBodyTerms) {
    this.#reader = new ByteReader(source)
    this.#terms = terms
    this.#previous = terms.seed?.signature ?? ''
  }

  /** What came behind the last chunk, by lower-case name; complete when the bytes have ended. */
  get trailers(): ReadonlyMap<string, string> {
    return this.#trailers
  }

  /** @throws S3Error IncompleteBody, SignatureDoesNotMatch, InvalidRequest */
  async *bytes(): AsyncGenerator<Uint8Array> {
    try {
      yield* this.#chunks()
      await this.#readTrailers()
    } finally {
      await this.#reader.leave()
    }
  }

  async *#chunks(): AsyncGenerator<Uint8Array> {
    let leftBytes = this.#terms.decodedBytes
    for (;;) {
      const { lengthBytes, signature } = await this.#chunkLine()
      if (lengthBytes > leftBytes)
        throw new S3Error('IncompleteBody', { message: 'The body is longer than x-amz-decoded-content-length says.' })
      leftBytes -= lengthBytes
      yield* this.#chunkBytes(lengthBytes, signature)
      if (lengthBytes === 0) break
      if ((await this.#reader.line(1)) !== '') throw new S3Error('InvalidRequest', { message: 'A chunk has no end.' })
    }
    if (leftBytes > 0)
      throw new S3Error('IncompleteBody', { message: 'The body is shorter than x-amz-decoded-content-length says.' })
  }

  async #chunkLine(): Promise<{ lengthBytes: number; signature: string | undefined }> {
    const line = await this.#reader.line(CHUNK_LINE_BYTES_MAX)
    if (line === undefined) throw new S3Error('IncompleteBody')
    const match = /^([0-9a-fA-F]{1,12})(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(line)
    const [, size, signature] = match ?? []
    if (size === undefined || (signature === undefined) !== (this.#terms.seed === undefined))
      throw new S3Error('InvalidRequest', {
        message: 'A chunk begins with its size, and its signature where it has one.',
      })
    return { lengthBytes: Number.parseInt(size, 16), signature }
  }

  async *#chunkBytes(lengthBytes: number, signature: string | undefined): AsyncGenerator<Uint8Array> {
    const { seed } = this.#terms
    if (seed === undefined || signature === undefined) {
      yield* this.#reader.take(lengthBytes)
      return
    }
    const hash = createHash('sha256')
    for await (const bytes of this.#reader.take(lengthBytes)) {
      hash.update(bytes)
      yield bytes
    }
    this.#check(seed, signature, 'AWS4-HMAC-SHA256-PAYLOAD', [EMPTY_SHA256, hash.digest('hex')])
  }

  async #readTrailers(): Promise<void> {
    const lines: string[] = []
    for (let line = await this.#reader.line(TRAILER_LINE_BYTES_MAX); line !== undefined; ) {
      if (line !== '') lines.push(line)
      if (lines.length > TRAILER_LINES_MAX)
        throw new S3Error('InvalidRequest', {
          message: `At most ${TRAILER_LINES_MAX} lines may follow the last chunk.`,
        })
      line = await this.#reader.line(TRAILER_LINE_BYTES_MAX)
    }
    if (!this.#terms.hasTrailer && lines.length > 0)
      throw new S3Error('InvalidRequest', { message: 'Nothing may follow the last chunk.' })
    for (const line of lines) {
      const at = line.indexOf(':')
      this.#trailers.set(line.slice(0, at).trim().toLowerCase(), line.slice(at + 1).trim())
    }
    const { seed } = this.#terms
    if (seed === undefined || !this.#terms.hasTrailer) return
    const signature = this.#trailers.get('x-amz-trailer-signature') ?? ''
    this.#trailers.delete('x-amz-trailer-signature')
    const signed = [...this.#trailers].map(([name, value]) => `${name}:${value}\n`).join('')
    this.#check(seed, signature, 'AWS4-HMAC-SHA256-TRAILER', [sha256Hex(signed)])
  }

  #check(seed: ChunkSeed, signature: string, kind: string, hashes: readonly string[]): void {
    const expected = sign(seed.key, [kind, seed.signedAt, seed.scope, this.#previous, ...hashes])
    if (!isSameSignature(expected, signature))
      throw new S3Error('SignatureDoesNotMatch', { message: 'A chunk of the body is not the one that was signed.' })
    this.#previous = expected
  }
}
