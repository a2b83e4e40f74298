import type { Address, Hash, MicroUsd } from '@stead/core'
import {
  addressField,
  bytesField,
  concatBytes,
  defineSchema,
  fixedBytesField,
  flagField,
  hashField,
  listField,
  microUsdField,
  optionalField,
  type Schema,
  uintField,
} from '@stead/protocol'
import { type SignedAgreement, signedAgreementSchema } from './agreement/agreement.ts'
import { SLOTS_MAX } from './agreement/piece-set.ts'
import { possessionField } from './agreement/possession.ts'
import { BLOCK_BYTES } from './proof/proof-tree.ts'

/** The protocol of agreements: {@link StorageRequest} answered by {@link StorageReply}. */
export const STORAGE_PROTOCOL = '/stead/storage/1'
/** The protocol of pieces, over a data connection where there is one: {@link PieceRequest} answered by {@link PieceReply}. */
export const PIECES_PROTOCOL = '/stead/pieces/1'

/** The protocol of what a payer shows of its agreements: {@link ShownAsk} answered by {@link ShownReply}. */
export const AGREEMENTS_PROTOCOL = '/stead/storage-agreements/1'

/** Most slots that one revision changes. */
export const CHANGES_MAX = 512
/** Most slots that one page of a listing holds. */
export const SLOTS_PER_PAGE = 512
/** Most damaged pieces that one reply tells. */
export const DAMAGED_TOLD_MAX = 64
/** Largest message of agreements. */
export const STORAGE_MESSAGE_BYTES_MAX: number = 96 * 1024
/** Largest piece: that of 2-of-3. */
export const PIECE_BYTES_MAX: number = 8 * 1024 * 1024
/** Most blocks of one read: a mebibyte. */
export const BLOCKS_PER_READ_MAX = 16
/** Most bytes of a piece in one message: a mebibyte. */
export const PART_BYTES_MAX: number = BLOCKS_PER_READ_MAX * BLOCK_BYTES
/** Largest message of pieces. */
export const PIECES_MESSAGE_BYTES_MAX: number = PART_BYTES_MAX + 16 * 1024

/** What is in a slot from now on; without a piece nothing is. */
export interface SlotMessage {
  readonly slot: number
  readonly piece?: Hash
  readonly root?: Uint8Array
  readonly lengthBytes?: number
}

/** Encoding of {@link SlotMessage}. */
export const slotSchema: Schema<SlotMessage> = defineSchema<SlotMessage>('StorageSlot', 128, {
  slot: [1, uintField(SLOTS_MAX - 1)],
  piece: [2, optionalField(hashField)],
  root: [3, optionalField(fixedBytesField(32))],
  lengthBytes: [4, optionalField(uintField(0xffff_ffff))],
})

/** The payer's half of a revision. */
export interface RevisionAsk {
  /** Where the money is. */
  readonly channel: Hash
  readonly document: Uint8Array
  readonly payerSignature: Uint8Array
  readonly changes: readonly SlotMessage[]
}

const revisionSchema: Schema<RevisionAsk> = defineSchema<RevisionAsk>('StorageRevision', STORAGE_MESSAGE_BYTES_MAX, {
  channel: [1, hashField],
  document: [2, bytesField(512)],
  payerSignature: [3, fixedBytesField(65)],
  changes: [4, listField(slotSchema.asField(), CHANGES_MAX)],
})

/** A revision that puts what is due on the bill, against a proof. */
export interface SettleAsk {
  readonly channel: Hash
  readonly document: Uint8Array
  readonly payerSignature: Uint8Array
  /** 16 bytes. */
  readonly delivery: Uint8Array
  readonly maximumMicroUsd: MicroUsd
  /** 32 bytes. */
  readonly seed: Uint8Array
}

const settleSchema: Schema<SettleAsk> = defineSchema<SettleAsk>('StorageSettlement', 1024, {
  channel: [1, hashField],
  document: [2, bytesField(512)],
  payerSignature: [3, fixedBytesField(65)],
  delivery: [4, fixedBytesField(16)],
  maximumMicroUsd: [5, microUsdField],
  seed: [6, fixedBytesField(32)],
})

/** A question for how an agreement stands, and for what is in its slots after one. */
export interface StandingAsk {
  readonly agreement: Hash
  /** @default no slots are told */
  readonly fromSlot?: number
}

const standingSchema: Schema<StandingAsk> = defineSchema<StandingAsk>('StorageStanding', 64, {
  agreement: [1, hashField],
  fromSlot: [2, optionalField(uintField(SLOTS_MAX))],
})

/** A question for a proof that is not paid: an audit. */
export interface AuditAsk {
  readonly agreement: Hash
  readonly seed: Uint8Array
}

const auditSchema: Schema<AuditAsk> = defineSchema<AuditAsk>('StorageAudit', 128, {
  agreement: [1, hashField],
  seed: [2, fixedBytesField(32)],
})

/** Exactly one of these. */
export interface StorageRequest {
  readonly revise?: RevisionAsk
  readonly settle?: SettleAsk
  readonly standing?: StandingAsk
  readonly audit?: AuditAsk
}

/** Encoding of {@link StorageRequest}. */
export const storageRequestSchema: Schema<StorageRequest> = defineSchema<StorageRequest>(
  'StorageRequest',
  STORAGE_MESSAGE_BYTES_MAX,
  {
    revise: [1, optionalField(revisionSchema.asField())],
    settle: [2, optionalField(settleSchema.asField())],
    standing: [3, optionalField(standingSchema.asField())],
    audit: [4, optionalField(auditSchema.asField())],
  },
)

/** What a node says: how the agreement stands, and what was asked for besides. */
export interface StorageReply {
  readonly agreement: SignedAgreement
  /** DAG-CBOR of a PossessionProof. */
  readonly proof?: Uint8Array
  readonly amountMicroUsd?: MicroUsd
  readonly slots: readonly SlotMessage[]
  /** Where the next page begins. */
  readonly nextSlot?: number
  /** The node's operator wants to go: its pieces should be moved while it is there. @default false */
  readonly isLeaving?: boolean
  /** Pieces that rotted, some of them: the payer drops them and makes them again elsewhere. */
  readonly damaged: readonly Hash[]
}

/** Encoding of {@link StorageReply}. */
export const storageReplySchema: Schema<StorageReply> = defineSchema<StorageReply>(
  'StorageReply',
  STORAGE_MESSAGE_BYTES_MAX,
  {
    agreement: [1, signedAgreementSchema.asField()],
    proof: [2, optionalField(possessionField)],
    amountMicroUsd: [3, optionalField(microUsdField)],
    slots: [4, listField(slotSchema.asField(), SLOTS_PER_PAGE)],
    nextSlot: [5, optionalField(uintField(SLOTS_MAX))],
    damaged: [6, listField(hashField, DAMAGED_TOLD_MAX)],
    isLeaving: [7, optionalField(flagField)],
  },
)

/** A question to a payer for what it agreed on with a node. */
export interface ShownAsk {
  readonly node: Address
}

/** Encoding of {@link ShownAsk}. */
export const shownAskSchema: Schema<ShownAsk> = defineSchema<ShownAsk>('ShownAsk', 64, { node: [1, addressField] })

/** The newest revision that both signed; missing when there is none. */
export interface ShownReply {
  readonly agreement?: SignedAgreement
}

/** Encoding of {@link ShownReply}. */
export const shownReplySchema: Schema<ShownReply> = defineSchema<ShownReply>('ShownReply', 1024, {
  agreement: [1, optionalField(signedAgreementSchema.asField())],
})

/**
 * Bytes of a piece to keep until the next revision says that it is agreed; without one it goes after a while. Where one
 * message is not enough, parts come one after another: whole blocks, except at the end. The first takes room for all of
 * them; with the last the piece is kept, if all together make its root.
 */
export interface PutPiece {
  readonly agreement: Hash
  readonly piece: Hash
  /** Of the whole piece, as its length. */
  readonly root: Uint8Array
  readonly lengthBytes: number
  /** 0 begins it, also again. */
  readonly fromByte: number
}

const putSchema: Schema<PutPiece> = defineSchema<PutPiece>('PutPiece', 256, {
  agreement: [1, hashField],
  piece: [2, hashField],
  root: [3, fixedBytesField(32)],
  lengthBytes: [4, uintField(PIECE_BYTES_MAX)],
  fromByte: [5, uintField(PIECE_BYTES_MAX)],
})

/** Some blocks of a piece; whoever knows both names may read. */
export interface GetBlocks {
  readonly agreement: Hash
  readonly piece: Hash
  readonly firstBlock: number
  /** 1 .. 16. */
  readonly blocks: number
}

const getSchema: Schema<GetBlocks> = defineSchema<GetBlocks>('GetBlocks', 128, {
  agreement: [1, hashField],
  piece: [2, hashField],
  firstBlock: [3, uintField(65_535)],
  blocks: [4, uintField(BLOCKS_PER_READ_MAX)],
})

/** Either `put` with bytes, or `get`. */
export interface PieceRequest {
  readonly put?: PutPiece
  readonly get?: GetBlocks
  /** Of the piece that is put. The last of the message: see {@link putMessage}. */
  readonly bytes?: Uint8Array
}

const BYTES_NUMBER = 3

/** Encoding of {@link PieceRequest}. */
export const pieceRequestSchema: Schema<PieceRequest> = defineSchema<PieceRequest>(
  'PieceRequest',
  PIECES_MESSAGE_BYTES_MAX,
  {
    put: [1, optionalField(putSchema.asField())],
    get: [2, optionalField(getSchema.asField())],
    bytes: [BYTES_NUMBER, optionalField(bytesField(PART_BYTES_MAX, 1))],
  },
)

/** A {@link PieceRequest} that puts bytes, as what comes before them and they themselves: they are sent from where they are. */
export function putMessage(
  put: PutPiece,
  bytes: Uint8Array,
): { readonly payload: Uint8Array; readonly tail: Uint8Array } {
  const lengthDelimited = 2
  const head = [(BYTES_NUMBER << 3) | lengthDelimited]
  let left = bytes.length
  for (; left >= 0x80; left >>>= 7) head.push((left & 0x7f) | 0x80)
  head.push(left)
  return { payload: concatBytes(pieceRequestSchema.encodeMessage({ put }), Uint8Array.from(head)), tail: bytes }
}

/** Blocks with their proof, or nothing after a put. */
export interface PieceReply {
  readonly bytes: Uint8Array
  readonly siblings: readonly Uint8Array[]
}

/** Encoding of {@link PieceReply}. */
export const pieceReplySchema: Schema<PieceReply> = defineSchema<PieceReply>('PieceReply', PIECES_MESSAGE_BYTES_MAX, {
  bytes: [1, bytesField(BLOCKS_PER_READ_MAX * 65_536)],
  siblings: [2, listField(fixedBytesField(32), 64)],
})
