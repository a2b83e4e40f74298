import { SEGMENT_PLAIN_BYTES } from '../segment/segment-layout.ts'
import { PAGE_BYTES_MAX } from './page-codec.ts'
import type { PageSink } from './page-store.ts'
import type { PagePlace, PageSegment } from './tree-node.ts'

/** Lays the pages of a batch one after another into segments; pages that others refer to come first. */
export class PageLog {
  readonly #sink: PageSink
  readonly #kept: { readonly segment: PageSegment; readonly lengthBytes: number }[] = []
  #segment: PageSegment | undefined
  #pages: Uint8Array[] = []
  #filledBytes = 0

  constructor(sink: PageSink) {
    this.#sink = sink
  }

  /** Segments that were written. */
  get kept(): readonly { readonly segment: PageSegment; readonly lengthBytes: number }[] {
    return this.#kept
  }

  /** Adds a page, which learns the segment it will lie in. @throws as the sink */
  async add(
    encode: (own: PageSegment) => Uint8Array,
  ): Promise<{ readonly place: PagePlace; readonly bytes: Uint8Array }> {
    if (this.#filledBytes + PAGE_BYTES_MAX > SEGMENT_PLAIN_BYTES) await this.finish()
    this.#segment ??= this.#sink.begin()
    const bytes = encode(this.#segment)
    const place = { segment: this.#segment, fromByte: this.#filledBytes, lengthBytes: bytes.length }
    this.#pages.push(bytes)
    this.#filledBytes += bytes.length
    return { place, bytes }
  }

  /** Keeps what is not yet kept. @throws as the sink */
  async finish(): Promise<void> {
    const segment = this.#segment
    if (segment === undefined) return
    const plaintext = new Uint8Array(this.#filledBytes)
    let at = 0
    for (const page of this.#pages) {
      plaintext.set(page, at)
      at += page.length
    }
    this.#segment = undefined
    this.#pages = []
    this.#filledBytes = 0
    await this.#sink.keep(segment, plaintext)
    this.#kept.push({ segment, lengthBytes: plaintext.length })
  }
}
