import type { Address, UnixMs } from '@stead/core'
import {
  addressField,
  defineSchema,
  fixedBytesField,
  optionalField,
  type Schema,
  timeField,
  uintField,
  versionField,
} from '@stead/protocol'
import { KEEPER_BYTES } from './quorum.ts'
import { RECORD_BYTES_MAX, type SignedWord, signedWordSchema, WRITER_BYTES } from './register-record.ts'

/** A register as its keeper has it on disk. */
export interface RegisterRow {
  readonly version: 1
  readonly key: Uint8Array
  /** Who wrote to it first, and whose room it takes. */
  readonly owner: Address
  /** When it was last asked for, to a day. */
  readonly askedAt: UnixMs
  readonly decided?: SignedWord
  readonly accepted?: SignedWord
  readonly promisedRound?: number
  readonly promisedWriter?: Uint8Array
}

export const registerRowSchema: Schema<RegisterRow> = defineSchema<RegisterRow>(
  'RegisterRow',
  2 * RECORD_BYTES_MAX + 2048,
  {
    version: [1, versionField(1)],
    key: [2, fixedBytesField(KEEPER_BYTES)],
    owner: [3, addressField],
    askedAt: [4, timeField],
    decided: [5, optionalField(signedWordSchema.asField())],
    accepted: [6, optionalField(signedWordSchema.asField())],
    promisedRound: [7, optionalField(uintField(0xffff_ffff))],
    promisedWriter: [8, optionalField(fixedBytesField(WRITER_BYTES))],
  },
)

/** register -> RegisterRow */
export const REGISTERS_TABLE = 'storage-registers'
