import type { ContentId, Hash } from '@stead/core'
import {
  bytesField,
  concatBytes,
  contentIdOf,
  defineSchema,
  type Field,
  fixedBytesField,
  hashField,
  listField,
  type Schema,
  sha256,
  uintField,
  uintToBytes,
  versionField,
} from '@stead/protocol'
import { type Agreement, agreementIdOf } from './agreement.ts'
import { type SetProof, type SetSibling, SLOTS_MAX, verifySetProof } from './piece-set.ts'

/** Leaves of each challenge. Five a day find the loss of 5 % of a node's pieces within a month with 99.95 %. */
const CHALLENGED_LEAVES = 5

/** A node's answer to a challenge: that it has some leaves which nobody could know before. */
export interface PossessionProof {
  readonly version: 1
  readonly agreement: Hash
  readonly revision: number
  /** 32 bytes by whoever asked. */
  readonly seed: Uint8Array
  /** Undefined members: an agreement without pieces is proven by nothing. */
  readonly leaves: readonly SetProof[]
}

const WORD = fixedBytesField(32)
const siblingSchema: Schema<SetSibling> = defineSchema<SetSibling>('SetSibling', 64, {
  hash: [1, WORD],
  leaves: [2, uintField()],
})

interface LeafMessage {
  readonly slot: number
  readonly piece: Hash
  readonly root: Uint8Array
  readonly lengthBytes: number
  readonly setSiblings: readonly SetSibling[]
  readonly index: number
  readonly leaf: Uint8Array
  readonly siblings: readonly Uint8Array[]
}

const leafSchema: Schema<LeafMessage> = defineSchema<LeafMessage>('PossessionLeaf', 4096, {
  slot: [1, uintField(SLOTS_MAX)],
  piece: [2, hashField],
  root: [3, WORD],
  lengthBytes: [4, uintField(0xffff_ffff)],
  setSiblings: [5, listField(siblingSchema.asField(), 20)],
  index: [6, uintField(0xffff_ffff)],
  leaf: [7, WORD],
  siblings: [8, listField(WORD, 32)],
})

interface ProofMessage extends Omit<PossessionProof, 'leaves'> {
  readonly leaves: readonly LeafMessage[]
}

const proofSchema: Schema<ProofMessage> = defineSchema<ProofMessage>('PossessionProof', 32_768, {
  version: [1, versionField(1)],
  agreement: [2, hashField],
  revision: [3, uintField(0xffff_ffff)],
  seed: [4, WORD],
  leaves: [5, listField(leafSchema.asField(), CHALLENGED_LEAVES)],
})

/** A proof inside of a message. */
export const possessionField: Field<Uint8Array> = bytesField(32_768)

/** The proof as DAG-CBOR: what a bill's evidence names. */
export function encodePossession(proof: PossessionProof): Uint8Array {
  const leaves = proof.leaves.map(
    ({ slot, piece, siblings, leaf }): LeafMessage => ({
      slot,
      ...piece,
      setSiblings: siblings,
      ...leaf,
    }),
  )
  return proofSchema.encodeDocument({ ...proof, leaves })
}

/** @throws ProtocolError PROTOCOL_MALFORMED, PROTOCOL_TOO_LARGE */
export function decodePossession(bytes: Uint8Array): PossessionProof {
  const { leaves, ...rest } = proofSchema.decodeDocument(bytes)
  return {
    ...rest,
    leaves: leaves.map(({ slot, piece, root, lengthBytes, setSiblings, index, leaf, siblings }) => ({
      slot,
      piece: { piece, root, lengthBytes },
      siblings: setSiblings,
      leaf: { index, leaf, siblings },
    })),
  }
}

/** The name of a proof. */
export function possessionIdOf(bytes: Uint8Array): ContentId {
  return contentIdOf('dag-cbor', bytes)
}

/** Which leaves of all its pieces a node has to show: evenly spread, known to nobody before the seed is. */
export function challengedLeaves(seed: Uint8Array, leaves: number): readonly number[] {
  if (leaves === 0) return []
  return Array.from({ length: CHALLENGED_LEAVES }, (_, number) => {
    const digest = sha256(concatBytes(seed, uintToBytes(BigInt(number), 8)))
    // 128 bits of chance: what is left over by the division is less than anybody can measure.
    let drawn = 0n
    for (const byte of digest.subarray(0, 16)) drawn = (drawn << 8n) | BigInt(byte)
    return Number(drawn % BigInt(leaves))
  })
}

/** Whether a proof answers a challenge. Never throws: what a peer sends may be anything. */
export function verifyPossession(agreement: Agreement, seed: Uint8Array, proof: PossessionProof): boolean {
  const isAbout =
    proof.agreement === agreementIdOf(agreement) &&
    proof.revision === agreement.revision &&
    proof.seed.every((byte, place) => byte === seed[place])
  const wanted = challengedLeaves(seed, agreement.leaves)
  if (!isAbout || proof.leaves.length !== wanted.length) return false
  return wanted.every((leaf, place) => {
    const shown = proof.leaves[place]
    return shown !== undefined && verifySetProof(agreement, leaf, shown)
  })
}
