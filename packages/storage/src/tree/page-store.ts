import type { PagePlace, PageSegment } from './tree-node.ts'

/** Gives pages that are kept. */
export interface PageSource {
  /** Plaintext of a page. @throws whatever the store of segments does; StorageError STORAGE_NOT_AUTHENTIC */
  read(place: PagePlace): Promise<Uint8Array>
}

/** Keeps segments full of pages. */
export interface PageSink {
  /** A segment to be filled, whose number is greater than that of any before. */
  begin(): PageSegment
  /** Keeps what was filled, and notes its reference in the segment. */
  keep(segment: PageSegment, plaintext: Uint8Array): Promise<void>
}
