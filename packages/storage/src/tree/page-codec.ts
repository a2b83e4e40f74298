import { ProtocolError } from '@stead/protocol'
import { FRAME_PLAIN_BYTES } from '../segment/segment-layout.ts'
import { PageReader } from './page-reader.ts'
import { PageWriter } from './page-writer.ts'
import {
  type InnerNode,
  type LeafNode,
  type PageSegment,
  SEGMENT_REFERENCE_BYTES_MAX,
  type TreeChild,
  type TreeEntry,
  type TreeNode,
  WRAPPED_KEY_BYTES,
} from './tree-node.ts'

/** Longest page, 65,520 bytes: the plaintext of one frame. */
export const PAGE_BYTES_MAX: number = FRAME_PLAIN_BYTES
const VERSION = 1
const KINDS = { leaf: 0, inner: 1 } as const
/** Version, kind, count of entries or segments, count of children. */
const HEAD_BYTES = 8
/** Lengths of key and value. */
const ENTRY_BYTES = 5
/** Length of the key, index of the segment, place, length, oldest segment. */
const CHILD_BYTES = 21
/** Number of the segment and length of its reference. */
const SEGMENT_BYTES = 9

/** Bytes that an entry takes in a page, at most. */
export function entryBytes({ key, value }: TreeEntry): number {
  return ENTRY_BYTES + key.length + value.length
}

/** Bytes that a child takes in a page, without its segment. */
export function childBytes({ firstKey }: TreeChild): number {
  return CHILD_BYTES + firstKey.length
}

/** Bytes that a segment takes in a page, once for all children in it. */
export function segmentBytes({ reference }: PageSegment): number {
  return SEGMENT_BYTES + WRAPPED_KEY_BYTES + (reference?.length ?? SEGMENT_REFERENCE_BYTES_MAX)
}

/** Bytes that a page takes, at most. */
export function nodeBytes(node: TreeNode): number {
  let bytes = HEAD_BYTES
  if (node.kind === 'leaf') {
    for (const entry of node.entries) bytes += entryBytes(entry)
    return bytes
  }
  const seen = new Set<number>()
  for (const child of node.children) {
    bytes += childBytes(child)
    if (seen.has(child.page.segment.number)) continue
    seen.add(child.page.segment.number)
    bytes += segmentBytes(child.page.segment)
  }
  return bytes
}

/**
 * A page: version (1 byte), kind (1), then a leaf's count (3) and its entries (length of the key (2), key, length of the
 * value (3), value), or an inner page's segments (count (3); number (6), length of the reference (2, and one that says
 * whether it is this page's own), reference, wrapped key (40)) and children (count (3); length of the key (2), key, index
 * of the segment (3), place (4), length (4), oldest segment (6)). Numbers are big endian.
 * @param own the segment that this page will lie in, whose reference nobody knows yet
 */
export function encodePage(node: TreeNode, own: PageSegment): Uint8Array {
  const out = new PageWriter(nodeBytes(node))
  out.uint(VERSION, 1)
  out.uint(KINDS[node.kind], 1)
  if (node.kind === 'leaf') {
    out.uint(node.entries.length, 3)
    for (const { key, value } of node.entries) {
      out.key(key)
      out.uint(value.length, 3)
      out.bytes(value)
    }
    return out.finish()
  }
  const segments = new Map<number, { readonly segment: PageSegment; readonly index: number }>()
  for (const { page } of node.children)
    if (!segments.has(page.segment.number))
      segments.set(page.segment.number, { segment: page.segment, index: segments.size })
  out.uint(segments.size, 3)
  for (const { segment } of segments.values()) writeSegment(out, segment, own)
  out.uint(node.children.length, 3)
  for (const { firstKey, page } of node.children) {
    out.key(firstKey)
    out.uint(segments.get(page.segment.number)?.index ?? 0, 3)
    out.uint(page.fromByte, 4)
    out.uint(page.lengthBytes, 4)
    out.uint(page.oldest, 6)
  }
  return out.finish()
}

function writeSegment(out: PageWriter, segment: PageSegment, own: PageSegment): void {
  const isOwn = segment.number === own.number
  if (!isOwn && segment.reference === undefined)
    throw new TypeError(`segment ${segment.number} of pages has no reference yet`)
  out.uint(segment.number, 6)
  out.uint(isOwn ? 1 : 0, 1)
  if (isOwn) return
  const reference = segment.reference ?? new Uint8Array(0)
  out.uint(reference.length, 2)
  out.bytes(reference)
  out.bytes(segment.wrappedKey)
}

/**
 * What a page holds.
 * @param own the segment that it lies in
 * @throws ProtocolError PROTOCOL_VERSION, PROTOCOL_MALFORMED
 */
export function decodePage(bytes: Uint8Array, own: PageSegment): TreeNode {
  const from = new PageReader(bytes)
  const version = from.uint(1)
  if (version !== VERSION)
    throw new ProtocolError('PROTOCOL_VERSION', `a page has version ${version}, this program knows ${VERSION}`, {
      details: { have: version, known: VERSION },
    })
  const kind = from.uint(1)
  const node = kind === KINDS.leaf ? readLeaf(from) : kind === KINDS.inner ? readInner(from, own) : undefined
  if (node === undefined) throw new ProtocolError('PROTOCOL_MALFORMED', `there is no page of kind ${kind}`)
  from.end()
  return node
}

function readLeaf(from: PageReader): LeafNode {
  const count = from.uint(3)
  const entries: TreeEntry[] = []
  for (let index = 0; index < count; index++) entries.push({ key: from.key(), value: from.bytes(from.uint(3)) })
  return { kind: 'leaf', entries }
}

function readInner(from: PageReader, own: PageSegment): InnerNode {
  const segmentCount = from.uint(3)
  const segments: PageSegment[] = []
  for (let index = 0; index < segmentCount; index++) {
    const number = from.uint(6)
    const isOwn = from.uint(1) === 1
    segments.push(
      isOwn ? own : { number, reference: from.bytes(from.uint(2)), wrappedKey: from.bytes(WRAPPED_KEY_BYTES) },
    )
  }
  const count = from.uint(3)
  const children: TreeChild[] = []
  for (let index = 0; index < count; index++) {
    const firstKey = from.key()
    const segment = segments[from.uint(3)]
    if (segment === undefined)
      throw new ProtocolError('PROTOCOL_MALFORMED', 'a child of a page lies in no segment of it')
    children.push({
      firstKey,
      page: { segment, fromByte: from.uint(4), lengthBytes: from.uint(4), oldest: from.uint(6) },
    })
  }
  return { kind: 'inner', children }
}
