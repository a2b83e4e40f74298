import { secp256k1 as curve } from '@noble/curves/secp256k1.js'
import type { Address, PeerId, Signer } from '@stead/core'
import { base58btc } from 'multiformats/bases/base58'
import { keccak256 } from '#keccak256'
import { addressFromBytes } from './bytes.ts'
import { ProtocolError } from './errors.ts'
import type { Secp256k1 } from './secp256k1/backend.ts'

/** Identity multihash (0x00, length 37) of libp2p's protobuf key: type 2 = secp256k1, 33 bytes. */
const PEER_ID_HEADER = Uint8Array.from([0x00, 0x25, 0x08, 0x02, 0x12, 0x21])

/** The EVM address of a public key, compressed (33 bytes) or not (65). @throws RangeError when it is not on the curve */
export function addressOfPublicKey(publicKey: Uint8Array): Address {
  return addressFromBytes(keccak256(uncompressed(publicKey).subarray(1)).subarray(12))
}

function uncompressed(publicKey: Uint8Array): Uint8Array {
  // Recovery gives the long form; decompressing costs more than verifying a signature natively.
  if (publicKey.length === 65 && publicKey[0] === 4) return publicKey
  try {
    return curve.Point.fromBytes(publicKey).toBytes(false)
  } catch (cause) {
    throw new RangeError('not a secp256k1 public key', { cause })
  }
}

/** The libp2p peer id of a compressed public key (33 bytes). */
export function peerIdOfPublicKey(publicKey: Uint8Array): PeerId {
  const binary = new Uint8Array(PEER_ID_HEADER.length + 33)
  binary.set(PEER_ID_HEADER)
  binary.set(publicKey, PEER_ID_HEADER.length)
  // base58btc multibase has a `z` in front; peer ids are spelled without it.
  return base58btc.encode(binary).slice(1) as PeerId
}

/** The compressed public key (33 bytes) inside a secp256k1 peer id. @throws ProtocolError PROTOCOL_MALFORMED */
export function publicKeyOfPeerId(peer: PeerId | string): Uint8Array {
  let binary: Uint8Array
  try {
    binary = base58btc.decode(`z${peer}`)
  } catch (cause) {
    throw new ProtocolError('PROTOCOL_MALFORMED', `not a peer id: ${JSON.stringify(peer.slice(0, 80))}`, { cause })
  }
  const headed = PEER_ID_HEADER.every((byte, index) => binary[index] === byte)
  if (binary.length !== PEER_ID_HEADER.length + 33 || !headed) {
    throw new ProtocolError('PROTOCOL_MALFORMED', `not a secp256k1 peer id: ${peer.slice(0, 80)}`)
  }
  return binary.subarray(PEER_ID_HEADER.length)
}

const addressByPeer = new Map<string, Address>()
const ADDRESS_CACHE_MAX = 10_000

/** The EVM address that is the other spelling of a peer id. @throws ProtocolError PROTOCOL_MALFORMED */
export function addressOfPeerId(peer: PeerId): Address {
  const known = addressByPeer.get(peer)
  if (known !== undefined) return known
  let found: Address
  try {
    found = addressOfPublicKey(publicKeyOfPeerId(peer))
  } catch (cause) {
    throw new ProtocolError('PROTOCOL_MALFORMED', `not a secp256k1 peer id: ${peer.slice(0, 80)}`, { cause })
  }
  // Decompressing a point costs more than all the rest of a lookup; the cache is bounded because strangers fill it.
  if (addressByPeer.size >= ADDRESS_CACHE_MAX) addressByPeer.clear()
  addressByPeer.set(peer, found)
  return found
}

/** A signer over a private key of 32 bytes. @throws RangeError when the key is not in 1 .. n-1 */
export function createSigner(secp256k1: Secp256k1, privateKey: Uint8Array): Signer {
  const key = Uint8Array.from(privateKey)
  const publicKey = secp256k1.publicKey(key)
  return { address: addressOfPublicKey(publicKey), publicKey, sign: (digest) => secp256k1.sign(digest, key) }
}

/** The address whose key made a 65-byte signature over a 32-byte digest; undefined when there is none. */
export function recoverAddress(secp256k1: Secp256k1, digest: Uint8Array, signature: Uint8Array): Address | undefined {
  const publicKey = secp256k1.recover(digest, signature)
  return publicKey === undefined ? undefined : addressOfPublicKey(publicKey)
}
