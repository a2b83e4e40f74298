import { equalBytes } from '@stead/protocol'
import { NodeCache } from '../../src/tree/node-cache.ts'
import { NodeMemory } from '../../src/tree/node-memory.ts'
import { PageLog } from '../../src/tree/page-log.ts'
import type { PageSink, PageSource } from '../../src/tree/page-store.ts'
import type { PagePlace, PageRef, PageSegment } from '../../src/tree/tree-node.ts'
import { TreeReader } from '../../src/tree/tree-reader.ts'
import { type TreeChange, type TreeUpdate, TreeWriter } from '../../src/tree/tree-writer.ts'

/** Segments of pages in memory, and what was asked of them. */
export class MemoryPages implements PageSource, PageSink {
  readonly segments: Map<number, { readonly reference: Uint8Array; readonly plaintext: Uint8Array }> = new Map()
  reads = 0
  readonly #referenceBytes: number
  #next = 1

  constructor(referenceBytes: number) {
    this.#referenceBytes = referenceBytes
  }

  async read({ segment, fromByte, lengthBytes }: PagePlace): Promise<Uint8Array> {
    this.reads += 1
    const kept = this.segments.get(segment.number)
    if (kept === undefined) throw new Error(`segment ${segment.number} is gone`)
    if (segment.reference === undefined || !equalBytes(kept.reference, segment.reference))
      throw new Error(`segment ${segment.number} is asked for by another reference`)
    return kept.plaintext.slice(fromByte, fromByte + lengthBytes)
  }

  begin(): PageSegment {
    const number = this.#next++
    return { number, reference: undefined, wrappedKey: new Uint8Array(40).fill(number) }
  }

  async keep(segment: PageSegment, plaintext: Uint8Array): Promise<void> {
    await Promise.resolve()
    segment.reference = new Uint8Array(this.#referenceBytes).fill(segment.number * 7)
    this.segments.set(segment.number, { reference: segment.reference, plaintext: plaintext.slice() })
  }
}

/** A tree over such segments, opened anew for each call where `cacheBytes` is 0. */
export class MemoryTree {
  readonly pages: MemoryPages
  readonly memory: NodeMemory
  readonly cache: NodeCache
  root: PageRef | undefined
  liveBytes = 0

  constructor(options: { readonly referenceBytes?: number; readonly cacheBytes?: number } = {}) {
    this.pages = new MemoryPages(options.referenceBytes ?? 100)
    this.memory = new NodeMemory(options.cacheBytes ?? 0)
    this.cache = new NodeCache(this.pages, this.memory)
  }

  get reader(): TreeReader {
    return new TreeReader(this.cache, this.root)
  }

  async apply(changes: readonly TreeChange[], rewriteBelow = 0): Promise<TreeUpdate> {
    const log = new PageLog(this.pages)
    const update = await new TreeWriter(this.cache, log, rewriteBelow).apply(this.root, changes)
    await log.finish()
    for (const { place, bytes } of update.pages) this.cache.add(place, bytes)
    this.root = update.root
    this.liveBytes += update.addedBytes - update.removedBytes
    return update
  }
}
