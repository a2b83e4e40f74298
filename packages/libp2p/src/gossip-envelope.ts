import { createHash } from 'node:crypto'
import { CoreError, type PeerId, type Signer, type UnixMs } from '@stead/core'
import { peerIdOfPublicKey, type Secp256k1 } from '@stead/protocol'

/**
 * A gossip message as it travels. Integers are big endian.
 *
 * | offset | bytes | field |
 * |---|---|---|
 * | 0 | 1 | version, 1 |
 * | 1 | 33 | author's public key, compressed |
 * | 34 | 8 | when it was sent, Unix ms |
 * | 42 | 65 | author's signature `r || s || v` over {@link envelopeDigest} |
 * | 107 | 0 .. 65536 | payload |
 *
 * Gossipsub could sign by itself, but it would verify with a JavaScript curve (475 per second and core were measured,
 * 16,000 natively) before any of our limits is asked, and its messages can be replayed when it has forgotten them.
 */
export interface Envelope {
  readonly author: PeerId
  readonly sentAt: UnixMs
  readonly payload: Uint8Array
}

const VERSION = 1
const KEY_OFFSET = 1
const TIME_OFFSET = 34
const SIGNATURE_OFFSET = 42
const PAYLOAD_OFFSET = 107
/** What an envelope adds to its payload. */
export const ENVELOPE_OVERHEAD_BYTES: number = PAYLOAD_OFFSET
const DOMAIN = new TextEncoder().encode('stead-gossip-1')

/** Largest gossip payload: 64 KiB. */
export const GOSSIP_PAYLOAD_BYTES_MAX: number = 64 * 1024
/** Largest envelope. */
export const ENVELOPE_BYTES_MAX: number = PAYLOAD_OFFSET + GOSSIP_PAYLOAD_BYTES_MAX

/** SHA-256 over domain, topic length (2 bytes), topic, author, time and payload. */
function envelopeDigest(topic: string, envelope: Uint8Array): Uint8Array {
  const topicBytes = new TextEncoder().encode(topic)
  return createHash('sha256')
    .update(DOMAIN)
    .update(Uint8Array.of(topicBytes.length >> 8, topicBytes.length & 0xff))
    .update(topicBytes)
    .update(envelope.subarray(KEY_OFFSET, SIGNATURE_OFFSET))
    .update(envelope.subarray(PAYLOAD_OFFSET))
    .digest()
}

/** Signs a payload for a topic. */
export function sealEnvelope(
  signer: Signer,
  topic: string,
  message: { payload: Uint8Array; sentAt: UnixMs },
): Uint8Array {
  const envelope = new Uint8Array(PAYLOAD_OFFSET + message.payload.length)
  envelope[0] = VERSION
  envelope.set(signer.publicKey, KEY_OFFSET)
  new DataView(envelope.buffer).setBigUint64(TIME_OFFSET, BigInt(message.sentAt))
  envelope.set(message.payload, PAYLOAD_OFFSET)
  envelope.set(signer.sign(envelopeDigest(topic, envelope)), SIGNATURE_OFFSET)
  return envelope
}

/** Checks form and signature. @throws CoreError NETWORK_BAD_MESSAGE */
export function openEnvelope(secp256k1: Secp256k1, topic: string, envelope: Uint8Array): Envelope {
  if (envelope.length < PAYLOAD_OFFSET || envelope.length > ENVELOPE_BYTES_MAX) {
    throw new CoreError('NETWORK_BAD_MESSAGE', `a gossip message has ${envelope.length} bytes`)
  }
  if (envelope[0] !== VERSION) throw new CoreError('NETWORK_BAD_MESSAGE', `gossip version ${envelope[0]} is not known`)
  const publicKey = envelope.subarray(KEY_OFFSET, TIME_OFFSET)
  const signature = envelope.subarray(SIGNATURE_OFFSET, PAYLOAD_OFFSET)
  if (!secp256k1.verify(envelopeDigest(topic, envelope), signature, publicKey)) {
    throw new CoreError('NETWORK_BAD_MESSAGE', 'a gossip message is not signed by its author')
  }
  const view = new DataView(envelope.buffer, envelope.byteOffset, envelope.byteLength)
  const sentAt = Number(view.getBigUint64(TIME_OFFSET)) as UnixMs
  return { author: peerIdOfPublicKey(publicKey), sentAt, payload: new Uint8Array(envelope.subarray(PAYLOAD_OFFSET)) }
}
