import type { Hash } from '@stead/core'
import { concatBytes, equalBytes, hashFromBytes, hexToBytes, sha256 } from '@stead/protocol'

/**
 * What a record of a log says: a piece is there (`put`), or is there no more; `part` holds some bytes of a piece that count
 * for nothing by themselves, and `parts` says that a piece is there, and where its parts are.
 */
export type RecordKind = 'put' | 'delete' | 'part' | 'parts'

/** What the length of a record follows from. */
export interface RecordShape {
  /** Of the piece, or of the `part`; 0 in a `delete`. */
  readonly lengthBytes: number
  /** Of the roots of the piece's blocks; 0 in a `delete` and a `part`. */
  readonly blocksBytes: number
  /** Of the list that a `parts` has in place of the piece's bytes; 0 in any other. */
  readonly partsBytes: number
}

/** The head of a record. */
export interface RecordHead extends RecordShape {
  readonly kind: RecordKind
  readonly piece: Hash
  /** Of the piece's proof tree; zeros in a `delete`. */
  readonly root: Uint8Array
}

/** What follows a head. */
export interface RecordContent {
  /** Roots of the piece's blocks. */
  readonly blocks: Uint8Array
  /** Bytes of the piece, or the list of its parts. */
  readonly bytes: Uint8Array
}

/**
 * Bytes of a head: magic 4, kind 1, zeros 3, piece 32, root 32, length 4, length of the blocks' roots 4, length of the list
 * of parts 4 (all big endian), zeros 36, and the first 8 bytes of SHA-256 over the file's key and all that. The blocks' roots
 * follow, then the bytes or the list of parts. Without the key a piece could hold what looks like records, and take the place
 * of others' when a scan looks for the next.
 */
export const HEAD_BYTES = 128
/** Records begin at multiples of this, so that the next one is found after one that rotted. */
export const RECORD_ALIGNMENT = 128
const MAGIC: Uint8Array = new TextEncoder().encode('SPL1')
const FILE_MAGIC: Uint8Array = new TextEncoder().encode('SPLF')
const KEY_AT = 8
/** Of the key that a file's records are checked with. */
export const KEY_BYTES = 32
const KINDS: readonly RecordKind[] = ['put', 'delete', 'part', 'parts']
const ROOT_BYTES = 32
const [KIND_AT, PIECE_AT, ROOT_AT, LENGTH_AT, BLOCKS_AT, PARTS_AT, CHECK_AT] = [4, 8, 40, 72, 76, 80, 120]

/** The beginning of a file: a magic of 4 bytes, zeros 4, the key of its records, zeros 88. */
export function encodeFileHead(key: Uint8Array): Uint8Array {
  const head = new Uint8Array(HEAD_BYTES)
  head.set(FILE_MAGIC)
  head.set(key, KEY_AT)
  return head
}

/** The key of a file's records; undefined when its head is none. */
export function decodeFileHead(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length < HEAD_BYTES || !equalBytes(bytes.subarray(0, FILE_MAGIC.length), FILE_MAGIC)) return undefined
  return bytes.slice(KEY_AT, KEY_AT + KEY_BYTES)
}

/** Bytes of what follows a head and the blocks' roots: of the piece, or of the list of its parts. */
export function contentBytes({ lengthBytes, partsBytes }: RecordShape): number {
  return partsBytes > 0 ? partsBytes : lengthBytes
}

/** Bytes of a whole record, filled up to where the next one may begin. */
export function recordBytes(shape: RecordShape): number {
  return Math.ceil((HEAD_BYTES + shape.blocksBytes + contentBytes(shape)) / RECORD_ALIGNMENT) * RECORD_ALIGNMENT
}

/** Writes a record as it is appended into `record`, which has {@link recordBytes}; what it had is overwritten. */
export function writeRecord(
  record: Uint8Array,
  key: Uint8Array,
  { head, blocks, bytes }: RecordContent & { readonly head: RecordHead },
): void {
  const view = new DataView(record.buffer, record.byteOffset)
  record.fill(0, 0, HEAD_BYTES)
  record.set(MAGIC)
  record[KIND_AT] = KINDS.indexOf(head.kind)
  record.set(hexToBytes(head.piece), PIECE_AT)
  record.set(head.root, ROOT_AT)
  view.setUint32(LENGTH_AT, head.lengthBytes)
  view.setUint32(BLOCKS_AT, head.blocksBytes)
  view.setUint32(PARTS_AT, head.partsBytes)
  record.set(checkOf(key, record), CHECK_AT)
  record.set(blocks, HEAD_BYTES)
  record.set(bytes, HEAD_BYTES + blocks.length)
  record.fill(0, HEAD_BYTES + blocks.length + bytes.length)
}

/** A head; undefined when the bytes are none, or rotted. */
export function decodeHead(key: Uint8Array, bytes: Uint8Array): RecordHead | undefined {
  if (bytes.length < HEAD_BYTES || !equalBytes(bytes.subarray(0, MAGIC.length), MAGIC)) return undefined
  if (!equalBytes(bytes.subarray(CHECK_AT, HEAD_BYTES), checkOf(key, bytes))) return undefined
  const kind = KINDS[bytes[KIND_AT] ?? KINDS.length]
  if (kind === undefined) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  return {
    kind,
    piece: hashFromBytes(bytes.subarray(PIECE_AT, ROOT_AT)),
    root: bytes.slice(ROOT_AT, ROOT_AT + ROOT_BYTES),
    lengthBytes: view.getUint32(LENGTH_AT),
    blocksBytes: view.getUint32(BLOCKS_AT),
    partsBytes: view.getUint32(PARTS_AT),
  }
}

function checkOf(key: Uint8Array, record: Uint8Array): Uint8Array {
  return sha256(concatBytes(key, record.subarray(0, CHECK_AT))).subarray(0, HEAD_BYTES - CHECK_AT)
}
