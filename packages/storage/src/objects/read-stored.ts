import { StorageError } from '../errors.ts'
import { FRAME_PLAIN_BYTES } from '../segment/segment-layout.ts'
import type { TreeKey } from '../tree/tree-key.ts'
import type { TreeReader } from '../tree/tree-reader.ts'
import { endOfExtent, extentKey, extentsRange, packKey } from './row-keys.ts'
import { extentRowSchema, packRowSchema } from './rows.ts'
import type { SealedTree } from './sealed-tree.ts'
import { type KeptSegment, type Stored, storedOfRow } from './stored.ts'

/** Which bytes. */
interface ByteRange {
  readonly fromByte: number
  readonly toByte: number
}

/** Bytes that are asked for at once: sixteen frames. */
const CHUNK_BYTES = 16 * FRAME_PLAIN_BYTES
/** Chunks that are asked for ahead of the one that is given. */
const CHUNKS_AHEAD = 3

/**
 * Bytes of an object, chunk by chunk, checked. They stay readable until the last one, also when the object is replaced.
 * @throws StorageError STORAGE_OBJECT_UNKNOWN when the bytes are gone; as the store of segments
 */
export async function* readStored(tree: SealedTree, stored: Stored, range: ByteRange): AsyncGenerator<Uint8Array> {
  const id = stored.kind === 'content' ? stored.content : stored.kind === 'pack' ? stored.pack : undefined
  const unpin = id === undefined ? undefined : tree.pins.pinBytes(id)
  try {
    yield* pieces(tree, stored, range)
  } finally {
    unpin?.()
  }
}

async function* pieces(tree: SealedTree, stored: Stored, { fromByte, toByte }: ByteRange): AsyncGenerator<Uint8Array> {
  if (fromByte >= toByte) return
  if (stored.kind === 'inline') yield stored.bytes.slice(fromByte, toByte)
  if (stored.kind === 'segment') {
    const at = stored.fromByte
    yield* readSegment(tree, stored.segment, { fromByte: at + fromByte, toByte: at + toByte })
  }
  if (stored.kind === 'pack') {
    const segment = await segmentOfPack(tree, stored.pack)
    const at = stored.fromByte
    yield* readSegment(tree, segment, { fromByte: at + fromByte, toByte: at + toByte })
  }
  if (stored.kind !== 'content') return
  for (let at = fromByte; at < toByte; ) {
    const { stored: below, startByte, endByte } = await extentAt(tree, stored.content, at)
    const part = { fromByte: at - startByte, toByte: Math.min(endByte, toByte) - startByte }
    yield* pieces(tree, below, part)
    at = endByte
  }
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

/** Bytes of one segment, some chunks ahead of whoever takes them. */
async function* readSegment(tree: SealedTree, segment: KeptSegment, range: ByteRange): AsyncGenerator<Uint8Array> {
  const ahead: Promise<Uint8Array>[] = []
  let next = range.fromByte
  const ask = (): void => {
    if (next >= range.toByte) return
    // Chunks end where frames do, so that none is opened twice.
    const toByte = Math.min(range.toByte, (Math.floor(next / CHUNK_BYTES) + 1) * CHUNK_BYTES)
    const chunk = tree.readSegment(segment, { fromByte: next, toByte })
    // Whoever stops reading does not hear what becomes of the rest.
    chunk.catch(() => undefined)
    ahead.push(chunk)
    next = toByte
  }
  for (let count = 0; count <= CHUNKS_AHEAD; count++) ask()
  for (let chunk = ahead.shift(); chunk !== undefined; chunk = ahead.shift()) {
    const bytes = await chunk
    ask()
    yield bytes
  }
}
