import type { Address, Hash, Signer } from '@stead/core'
import { keccak256 } from '#keccak256'
import { sha256 } from '#sha256'
import { concatBytes, hashFromBytes } from './bytes.ts'
import { domainSeparator, hashWord, keccakText, typedDigest } from './eip712.ts'
import { ProtocolError } from './errors.ts'
import { recoverAddress } from './keys.ts'
import type { Secp256k1 } from './secp256k1/backend.ts'

/**
 * What a node says once: two different payloads signed for one slot are proof of a lie that a contract can check.
 * The domain names no chain, so that a statement is the same evidence everywhere; slots bind what they are about.
 */
export interface Statement {
  readonly slot: Hash
  readonly payload: Hash
  /** 65 bytes by the node's key. */
  readonly signature: Uint8Array
}

const SEPARATOR = domainSeparator({ name: 'Stead', version: '1' })
const TYPE_HASH = keccakText('Statement(bytes32 slot,bytes32 payload)')

/** Hashes of purposes: there are a handful, all in code, and each message that arrives needs one. */
const purposeHashes = new Map<string, Uint8Array>()

/** A slot: keccak-256 over the hash of its purpose (`stead/offer`) and its words, each 32 bytes. */
export function slotOf(purpose: string, words: readonly Uint8Array[]): Hash {
  return hashFromBytes(slotBytesOf(purpose, words))
}

/** A slot as its 32 bytes. */
export function slotBytesOf(purpose: string, words: readonly Uint8Array[]): Uint8Array {
  return keccak256(concatBytes(purposeHash(purpose), ...words))
}

function purposeHash(purpose: string): Uint8Array {
  let hash = purposeHashes.get(purpose)
  if (hash === undefined) {
    hash = keccakText(purpose)
    purposeHashes.set(purpose, hash)
  }
  return hash
}

/** The payload of a document: the SHA-256 of its bytes. */
export function payloadOf(document: Uint8Array): Hash {
  return hashFromBytes(sha256(document))
}

/** The EIP-712 digest of a statement, 32 bytes. */
export function statementDigest(slot: Hash, payload: Hash): Uint8Array {
  return statementDigestOf(hashWord(slot), hashWord(payload))
}

/** The same of slot and payload as bytes, 32 each: half of the work is spelling them. */
export function statementDigestOf(slot: Uint8Array, payload: Uint8Array): Uint8Array {
  return typedDigest(SEPARATOR, TYPE_HASH, [slot, payload])
}

/** Signs `payload` into `slot`. The caller journals first: a second payload for a slot costs the node its bond. */
export function signStatement(signer: Signer, slot: Hash, payload: Hash): Statement {
  return { slot, payload, signature: signer.sign(statementDigest(slot, payload)) }
}

/** The node whose key made a statement; undefined when the signature is none. */
export function statementSigner(secp256k1: Secp256k1, statement: Statement): Address | undefined {
  return recoverAddress(secp256k1, statementDigest(statement.slot, statement.payload), statement.signature)
}

/** Checks who made a statement. @throws ProtocolError PROTOCOL_SIGNATURE when it is not by `node` */
export function checkStatement(secp256k1: Secp256k1, node: Address, statement: Statement): void {
  const signer = statementSigner(secp256k1, statement)
  if (signer !== node) {
    throw new ProtocolError('PROTOCOL_SIGNATURE', `a statement of ${node} is signed by ${signer ?? 'nobody'}`, {
      details: { node, slot: statement.slot },
    })
  }
}

/** True when the two statements together prove that their signer said two things in one slot. */
export function isEquivocation(first: Statement, second: Statement): boolean {
  return first.slot === second.slot && first.payload !== second.payload
}
