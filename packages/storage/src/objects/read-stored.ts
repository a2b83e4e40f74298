import { concatBytes } from '@stead/protocol'
import { StorageError } from '../errors.ts'
import type { TreeKey } from '../tree/tree-key.ts'
import type { TreeReader } from '../tree/tree-reader.ts'
import { checkAborted } from './abortable.ts'
import { type ByteRange, readAhead } from './read-ahead.ts'
import { endOfExtent, extentKey, extentsRange, packKey } from './row-keys.ts'
import { extentRowSchema, packRowSchema } from './rows.ts'
import type { SealedTree } from './sealed-tree.ts'
import { type KeptSegment, type Stored, storedOfRow } from './stored.ts'

/** What is known of a read besides which bytes. */
export interface ReadAheadOptions {
  readonly early?: (() => Promise<Uint8Array | undefined>) | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Bytes of an object, chunk by chunk, checked. They stay readable until the last one, also when the object is replaced.
 * @param ahead `early`: the first of these bytes, where somebody has asked for them already; `signal`: nothing more is asked for
 * @throws StorageError STORAGE_OBJECT_UNKNOWN when the bytes are gone; as the store of segments
 */
export async function* readStored(
  tree: SealedTree,
  stored: Stored,
  { fromByte, toByte }: ByteRange,
  { early, signal }: ReadAheadOptions = {},
): AsyncGenerator<Uint8Array> {
  const id = stored.kind === 'content' ? stored.content : stored.kind === 'pack' ? stored.pack : undefined
  const unpin = id === undefined ? undefined : tree.pins.pinBytes(id)
  try {
    const first = fromByte < toByte ? await early?.() : undefined
    // Whoever takes it may give its memory back: it has no length then.
    const firstBytes = first?.length ?? 0
    if (first !== undefined) yield first
    yield* pieces(tree, stored, { fromByte: fromByte + firstBytes, toByte }, signal)
  } finally {
    unpin?.()
  }
}

async function* pieces(
  tree: SealedTree,
  stored: Stored,
  { fromByte, toByte }: ByteRange,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  if (fromByte >= toByte) return
  if (stored.kind === 'inline') yield stored.bytes.slice(fromByte, toByte)
  if (stored.kind === 'segment') {
    const at = stored.fromByte
    yield* segmentBytes(tree, stored.segment, { fromByte: at + fromByte, toByte: at + toByte }, signal)
  }
  if (stored.kind === 'pack') {
    const segment = await segmentOfPack(tree, stored.pack)
    const at = stored.fromByte
    yield* segmentBytes(tree, segment, { fromByte: at + fromByte, toByte: at + toByte }, signal)
  }
  if (stored.kind !== 'content') return
  // Over the ends of segments: each would else wait for the one before to be read to its end.
  yield* readAhead(
    { fromByte, toByte },
    (part, over) => contentBytes(tree, { content: stored.content, ...part }, over),
    signal,
  )
}

/** Some bytes of a content, of as many of its extents as they lie in. */
async function contentBytes(
  tree: SealedTree,
  { content, fromByte, toByte }: ByteRange & { readonly content: TreeKey },
  signal: AbortSignal,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for (let at = fromByte; at < toByte; ) {
    checkAborted(signal)
    const { stored, startByte, endByte } = await extentAt(tree, content, at)
    const part = { fromByte: at - startByte, toByte: Math.min(endByte, toByte) - startByte }
    if (stored.kind === 'segment') {
      const from = stored.fromByte
      const range = { fromByte: from + part.fromByte, toByte: from + part.toByte }
      parts.push(await tree.readSegment(stored.segment, range, signal))
    } else for await (const bytes of pieces(tree, stored, part, signal)) parts.push(bytes)
    at = endByte
  }
  const [first] = parts
  return parts.length === 1 && first !== undefined ? first : concatBytes(...parts)
}

/** The extent of a content that holds a byte. @throws StorageError STORAGE_OBJECT_UNKNOWN; as the tree */
export async function extentAt(
  tree: SealedTree,
  content: TreeKey,
  atByte: number,
): Promise<{ readonly stored: Stored; readonly startByte: number; readonly endByte: number }> {
  const { before } = extentsRange(content)
  const from = extentKey(content, atByte + 1)
  const entry = await found(tree, (rows) => rows.first(from, before))
  const { lengthBytes, stored } = extentRowSchema.decodeMessage(entry.value)
  const endByte = endOfExtent(entry.key)
  return { stored: storedOfRow(stored), startByte: endByte - lengthBytes, endByte }
}

/** The segment of a pack. @throws as {@link extentAt} */
export async function segmentOfPack(tree: SealedTree, pack: TreeKey): Promise<KeptSegment> {
  const row = await found(tree, (rows) => rows.get(packKey(pack)))
  const { reference, wrappedKey } = packRowSchema.decodeMessage(row)
  return { reference, wrappedKey }
}

/** A row that never changes while it is there: looked for in what is known, then in what is newest. */
async function found<Row>(
  tree: SealedTree,
  look: (rows: TreeReader) => Promise<Row | undefined>,
): Promise<NonNullable<Row>> {
  const row = (await tree.readKnown(look)) ?? (await tree.read(look))
  if (row === undefined || row === null)
    throw new StorageError('STORAGE_OBJECT_UNKNOWN', 'the bytes of this object are not kept any more')
  return row
}

function segmentBytes(
  tree: SealedTree,
  segment: KeptSegment,
  range: ByteRange,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  return readAhead(range, (part, over) => tree.readSegment(segment, part, over), signal)
}
