import type { ContentId } from '@stead/core'
import { base32 } from 'multiformats/bases/base32'
import { sha256 } from '#sha256'
import { equalBytes } from './bytes.ts'
import { ProtocolError } from './errors.ts'

/** How the bytes under a content id are read: plain bytes, or a DAG-CBOR document. */
export type ContentCodec = 'raw' | 'dag-cbor'

const CODEC_BYTE: Record<ContentCodec, number> = { raw: 0x55, 'dag-cbor': 0x71 }
const HEADER_LENGTH = 4
/** Length of a content id in bytes: version, codec, hash function, hash length, 32 bytes of SHA-256. */
export const CONTENT_ID_LENGTH = 36

/** The content id of `bytes`: CIDv1 with SHA-256. */
export function contentIdOf(codec: ContentCodec, bytes: Uint8Array): ContentId {
  return contentIdOfDigest(codec, sha256(bytes))
}

/** The content id for a SHA-256 digest (32 bytes) that is already known. */
export function contentIdOfDigest(codec: ContentCodec, digest: Uint8Array): ContentId {
  const binary = new Uint8Array(CONTENT_ID_LENGTH)
  binary.set([0x01, CODEC_BYTE[codec], 0x12, 0x20])
  binary.set(digest, HEADER_LENGTH)
  return base32.encode(binary) as ContentId
}

/** The 36 bytes of a content id. @throws ProtocolError PROTOCOL_MALFORMED */
export function contentIdToBytes(id: ContentId): Uint8Array {
  let binary: Uint8Array
  try {
    binary = base32.decode(id)
  } catch (cause) {
    throw new ProtocolError('PROTOCOL_MALFORMED', 'not a content id', { cause })
  }
  checkBinary(binary)
  return binary
}

/** Checks 36 bytes (CIDv1, raw or dag-cbor, SHA-256) and spells them. @throws ProtocolError PROTOCOL_MALFORMED */
export function contentIdFromBytes(binary: Uint8Array): ContentId {
  checkBinary(binary)
  return base32.encode(binary) as ContentId
}

function checkBinary(binary: Uint8Array): void {
  const codecKnown = binary[1] === CODEC_BYTE.raw || binary[1] === CODEC_BYTE['dag-cbor']
  if (
    binary.length !== CONTENT_ID_LENGTH ||
    binary[0] !== 1 ||
    !codecKnown ||
    binary[2] !== 0x12 ||
    binary[3] !== 0x20
  ) {
    throw new ProtocolError('PROTOCOL_MALFORMED', 'a content id must be CIDv1, raw or dag-cbor, with SHA-256')
  }
}

/** Checks the spelling `b…` of a content id. @throws ProtocolError PROTOCOL_MALFORMED */
export function parseContentId(text: string): ContentId {
  return contentIdFromBytes(contentIdToBytes(text as ContentId))
}

/** The SHA-256 digest (32 bytes) inside a content id. @throws ProtocolError PROTOCOL_MALFORMED */
export function digestOfContentId(id: ContentId): Uint8Array {
  return contentIdToBytes(id).subarray(HEADER_LENGTH)
}

/** @throws ProtocolError PROTOCOL_CONTENT when `bytes` do not hash to `id` */
export function checkContent(id: ContentId, bytes: Uint8Array): void {
  if (!equalBytes(sha256(bytes), digestOfContentId(id))) {
    throw new ProtocolError('PROTOCOL_CONTENT', `${bytes.length} bytes do not have the content id ${id}`)
  }
}
