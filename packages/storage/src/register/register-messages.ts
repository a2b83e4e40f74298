import type { Hash } from '@stead/core'
import {
  defineSchema,
  fixedBytesField,
  flagField,
  hashField,
  optionalField,
  type Schema,
  uintField,
} from '@stead/protocol'
import { KEEPER_BYTES } from './quorum.ts'
import { RECORD_BYTES_MAX, type SignedWord, signedWordSchema, WRITER_BYTES } from './register-record.ts'

/** The protocol of registers: {@link RegisterRequest} answered by {@link RegisterReply}. */
export const ROOTS_PROTOCOL = '/stead/roots/1'
/** Largest message: two records with what is signed of them. */
export const ROOTS_MESSAGE_BYTES_MAX: number = 2 * RECORD_BYTES_MAX + 2048

/** A word for a keeper; without one it is asked what it has. */
export interface RegisterRequest {
  /** The register's public key. */
  readonly key: Uint8Array
  /** With its record when it proposes or decides. */
  readonly word?: SignedWord
  /** Says that the step before was decided; its record comes along when the keeper asked for it. */
  readonly base?: SignedWord
  /** A record that need not be told. */
  readonly known?: Hash
}

/** Encoding of {@link RegisterRequest}. */
export const registerRequestSchema: Schema<RegisterRequest> = defineSchema<RegisterRequest>(
  'RegisterRequest',
  ROOTS_MESSAGE_BYTES_MAX,
  {
    key: [1, fixedBytesField(KEEPER_BYTES)],
    word: [2, optionalField(signedWordSchema.asField())],
    base: [3, optionalField(signedWordSchema.asField())],
    known: [4, optionalField(hashField)],
  },
)

/** How a keeper stands. */
export interface RegisterReply {
  /** It did as it was told, and has it on disk. */
  readonly isTaken: boolean
  /** It does not have the record of the step before. */
  readonly needsBase: boolean
  /** The newest step that it knows to be decided; without its record when that is known to the other side. */
  readonly decided?: SignedWord
  /** What it took for the step after. */
  readonly accepted?: SignedWord
  /** Lower turns than this one it takes nothing from. @default none was promised */
  readonly promisedRound?: number
  readonly promisedWriter?: Uint8Array
}

/** Encoding of {@link RegisterReply}. */
export const registerReplySchema: Schema<RegisterReply> = defineSchema<RegisterReply>(
  'RegisterReply',
  ROOTS_MESSAGE_BYTES_MAX,
  {
    isTaken: [1, flagField],
    needsBase: [2, flagField],
    decided: [3, optionalField(signedWordSchema.asField())],
    accepted: [4, optionalField(signedWordSchema.asField())],
    promisedRound: [5, optionalField(uintField(0xffff_ffff))],
    promisedWriter: [6, optionalField(fixedBytesField(WRITER_BYTES))],
  },
)
