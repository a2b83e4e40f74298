import type { Address, Hash } from '@stead/core'
import {
  addressWord,
  concatBytes,
  hashFromBytes,
  hashWord,
  hexToBytes,
  keccakText,
  type Secp256k1,
  sha256,
  slotOf,
  statementDigest,
  statementSigner,
  uintWord,
} from '@stead/protocol'
import type { EpochNumber } from '../units.ts'

/** What all probes of one prober to one node in one epoch have in common. */
export interface ProbePair {
  readonly chainId: number
  readonly escrow: Address
  readonly epoch: EpochNumber
  readonly beacon: Hash
  readonly prober: Address
  readonly node: Address
}

const CHAIN = keccakText('stead/probe-chain')
const NONCE = keccakText('stead/probe-nonce')
const ANSWER = 'stead/probe-answer'

/** The link before the first answer: SHA-256 over chain, Escrow, epoch, beacon, prober and node. 32 bytes. */
export function firstLink(pair: ProbePair): Uint8Array {
  return sha256(
    concatBytes(
      CHAIN,
      uintWord(pair.chainId),
      addressWord(pair.escrow),
      uintWord(pair.epoch),
      hashWord(pair.beacon),
      addressWord(pair.prober),
      addressWord(pair.node),
    ),
  )
}

/**
 * The nonce (32 bytes) of one probe, from the prober's seed (32 random bytes, secret until its log is out): a node
 * cannot know it before it is asked, and a log needs to carry only the seed.
 */
export function probeNonce(seed: Uint8Array, node: Address, index: number): Uint8Array {
  return new NonceSource(seed, node).nonce(index)
}

/** The nonces of one prober to one node; keeps its buffers, because a million are made for one epoch. */
export class NonceSource {
  readonly #buffer: Uint8Array
  readonly #view: DataView

  constructor(seed: Uint8Array, node: Address) {
    this.#buffer = concatBytes(NONCE, seed, hexToBytes(node), new Uint8Array(4))
    this.#view = new DataView(this.#buffer.buffer, this.#buffer.byteOffset)
  }

  nonce(index: number): Uint8Array {
    this.#view.setUint32(this.#buffer.length - 4, index)
    return sha256(this.#buffer)
  }
}

/** The link after an answer: SHA-256(link before (32) || index (4) || nonce (32)); it stands for all answers so far. */
export function nextLink(before: Uint8Array, index: number, nonce: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(68)
  bytes.set(before)
  new DataView(bytes.buffer).setUint32(32, index)
  bytes.set(nonce, 36)
  return sha256(bytes)
}

/**
 * Slot and payload by which a node answers. The slot is made from the link alone and the payload is the link, so no
 * prober can make a node say two things in one slot, whatever it asks, and a restarted node needs no memory.
 */
export function answerStatement(link: Uint8Array): { readonly slot: Hash; readonly payload: Hash } {
  return { slot: slotOf(ANSWER, [link]), payload: hashFromBytes(link) }
}

/** The digest that a node signs for a link, 32 bytes. */
export function answerDigest(link: Uint8Array): Uint8Array {
  const { slot, payload } = answerStatement(link)
  return statementDigest(slot, payload)
}

/** True when `signature` (65 bytes) is the node's answer up to this link. */
export function isAnswerOf(secp256k1: Secp256k1, node: Address, link: Uint8Array, signature: Uint8Array): boolean {
  return statementSigner(secp256k1, { ...answerStatement(link), signature }) === node
}
