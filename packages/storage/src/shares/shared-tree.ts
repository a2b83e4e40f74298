import { PathSecret } from '../keys/path-secret.ts'
import { PageUnreadable } from '../objects/page-unreadable.ts'
import type { RootPointer } from '../objects/root-pointer.ts'
import { RootReader } from '../objects/root-reader.ts'
import { pageOfRecord } from '../objects/root-record.ts'
import type { SegmentStore } from '../objects/segment-store.ts'
import type { KeptSegment } from '../objects/stored.ts'
import { NodeCache } from '../tree/node-cache.ts'
import { NodeMemory } from '../tree/node-memory.ts'
import type { PagePlace } from '../tree/tree-node.ts'
import { TreeReader } from '../tree/tree-reader.ts'

/** What a {@link SharedTree} reads from. */
export interface SharedTreeComponents {
  readonly segments: Pick<SegmentStore, 'read'>
  readonly pointer: Pick<RootPointer, 'read'>
  readonly memory: NodeMemory
}

/** A reader that is overtaken this often by commits says what it met. */
const READ_TRIES = 5

/** The tree of a share as whoever has a link reads it: nothing can be written, nor let go. */
export class SharedTree {
  readonly #segments: Pick<SegmentStore, 'read'>
  readonly #pages: PathSecret
  readonly #roots: RootReader
  readonly #nodes: NodeCache

  /** @param seenSequence older roots are not believed */
  constructor(components: SharedTreeComponents, pages: Uint8Array, seenSequence: number) {
    this.#segments = components.segments
    this.#pages = new PathSecret(pages)
    this.#roots = new RootReader(components.pointer, this.#pages, seenSequence)
    this.#nodes = new NodeCache({ read: (place) => this.#readPage(place) }, components.memory)
  }

  /** The newest place in the sequence of roots that was seen, and will not be given up. */
  get sequence(): number {
    return this.#roots.known.sequence
  }

  /**
   * Looks at the newest rows. Asked again when the owner replaced them meanwhile.
   * @throws StorageError STORAGE_OLD_ROOT, STORAGE_NOT_AUTHENTIC; as the pointer, the segments, and `look`
   */
  async read<Result>(look: (rows: TreeReader, sequence: number) => Promise<Result>): Promise<Result> {
    let root = await this.#roots.fresh()
    for (let tries = 1; ; tries++) {
      try {
        return await look(new TreeReader(this.#nodes, pageOfRecord(root.record)), root.sequence)
      } catch (error) {
        if (!(error instanceof PageUnreadable)) throw error
        const next = await this.#roots.fresh()
        if (next.sequence === root.sequence || tries === READ_TRIES) throw error.cause
        root = next
      }
    }
  }

  /** Bytes of a segment of the tree. @throws as the segments */
  async readSegment(
    { reference, wrappedKey }: KeptSegment,
    range: { readonly fromByte: number; readonly toByte: number },
    signal?: AbortSignal,
  ): Promise<Uint8Array> {
    return await this.#segments.read(reference, this.#pages.unwrapKey(wrappedKey), range, signal)
  }

  async #readPage({ segment, fromByte, lengthBytes }: PagePlace): Promise<Uint8Array> {
    const { reference, wrappedKey, number } = segment
    if (reference === undefined) throw new TypeError('a page is read whose segment was not written')
    try {
      return await this.readSegment({ reference, wrappedKey }, { fromByte, toByte: fromByte + lengthBytes })
    } catch (cause) {
      throw new PageUnreadable(`a page of segment ${number} cannot be read`, { cause })
    }
  }
}

/** Memory for pages of one share. */
const MEMORY_BYTES = 8 * 1_048_576

/** A share's tree with a memory of its own. @param seenSequence older roots are not believed */
export function openSharedTree(
  from: Omit<SharedTreeComponents, 'memory'>,
  pages: Uint8Array,
  seenSequence: number,
): SharedTree {
  return new SharedTree({ ...from, memory: new NodeMemory(MEMORY_BYTES) }, pages, seenSequence)
}
