import type { Address, ContentId, Hash, MicroUsd, UnixMs } from '@stead/core'
import {
  addressField,
  contentIdField,
  defineSchema,
  fixedBytesField,
  flagField,
  hashField,
  listField,
  microUsdField,
  optionalField,
  type Schema,
  textField,
  timeField,
  uint64Field,
  uintField,
  versionField,
} from '@stead/protocol'
import { PIECES_MAX, type PlaceRow, placeSchema } from '../shares/share-desk.ts'

/** A payer whose segments a caretaker looks after, as the caretaker keeps it. */
export interface WardRow {
  readonly version: 1
  readonly peer: string
  readonly channel: Hash
  readonly sharePpm: number
  readonly perDayMicroUsd: MicroUsd
  readonly priceMaxMicroUsdPerTibHour: MicroUsd
  readonly hasDistinctSubnets: boolean
  /** When the channel was first named. */
  readonly appointedAt: UnixMs
  readonly heardAt: UnixMs
  /** On bills that were put on the channel's books, or refused: spent, whatever became of them. */
  readonly billedMicroUsd: MicroUsd
  readonly madePieces: number
  readonly isDismissed: boolean
  /** Where the payer has its pieces is known as of its return: what it has again may be given up. */
  readonly isCurrent: boolean
}

/** Encodings of {@link WardRow}. */
export const wardRowSchema: Schema<WardRow> = defineSchema<WardRow>('WardRow', 512, {
  version: [1, versionField(1)],
  peer: [2, textField(128)],
  channel: [3, hashField],
  sharePpm: [4, uintField()],
  perDayMicroUsd: [5, microUsdField],
  priceMaxMicroUsdPerTibHour: [6, microUsdField],
  hasDistinctSubnets: [7, flagField],
  appointedAt: [8, timeField],
  heardAt: [9, timeField],
  billedMicroUsd: [10, microUsdField],
  madePieces: [11, uintField()],
  isDismissed: [12, flagField],
  isCurrent: [13, flagField],
})

/** payer -> WardRow; not scoped */
export const WARDS_TABLE = 'care-wards'

/** Where a ward itself has the pieces of a segment. */
export interface GivenRow {
  readonly version: 1
  readonly places: readonly PlaceRow[]
}

/** Encodings of {@link GivenRow}. */
export const givenRowSchema: Schema<GivenRow> = defineSchema<GivenRow>('GivenRow', 6144, {
  version: [1, versionField(1)],
  places: [2, listField(placeSchema.asField(), PIECES_MAX)],
})

/** segment -> GivenRow; scoped */
export const GIVEN_TABLE = 'given'

/** A bill that is on a channel's books, or was going to be, and of which it is not known whether it was accepted. */
export interface SentBillRow {
  readonly version: 1
  readonly bill: ContentId
  readonly channel: Hash
  readonly delivery: Uint8Array
  readonly agreement: Hash
  /** The first so many of the agreement's. */
  readonly periods: number
}

/** Encodings of {@link SentBillRow}. */
export const sentBillRowSchema: Schema<SentBillRow> = defineSchema<SentBillRow>('SentBillRow', 256, {
  version: [1, versionField(1)],
  bill: [2, contentIdField],
  channel: [3, hashField],
  delivery: [4, fixedBytesField(16)],
  agreement: [5, hashField],
  periods: [6, uintField(255)],
})

/** node -> SentBillRow; scoped */
export const SENT_BILLS_TABLE = 'sent-bills'

/** A payer's caretaker, as the payer keeps it. */
export interface AppointedRow {
  readonly version: 1
  readonly peer: string
  readonly node: Address
  readonly channel: Hash
  readonly sharePpm: number
  readonly budgetMicroUsd: MicroUsd
  readonly perDayMicroUsd: MicroUsd
  readonly appointedAt: UnixMs
  /** When it last took what was handed over. */
  readonly heardAt: UnixMs
  /** After so long without that it looks after everything alone, in seconds. */
  readonly absentSeconds: number
  /** When it last did so: what it bills of that time was to be given up by nobody. */
  readonly aloneFrom: UnixMs
  readonly aloneTo: UnixMs
  readonly acceptedMicroUsd: MicroUsd
  readonly refusedMicroUsd: MicroUsd
  /** Why a bill was last refused. */
  readonly refusal?: string
}

/** Encodings of {@link AppointedRow}. */
export const appointedRowSchema: Schema<AppointedRow> = defineSchema<AppointedRow>('AppointedRow', 1024, {
  version: [1, versionField(1)],
  peer: [2, textField(128)],
  node: [3, addressField],
  channel: [4, hashField],
  sharePpm: [5, uintField()],
  budgetMicroUsd: [6, microUsdField],
  perDayMicroUsd: [7, microUsdField],
  appointedAt: [8, timeField],
  heardAt: [9, timeField],
  absentSeconds: [10, uintField(0xffff_ffff)],
  aloneFrom: [11, timeField],
  aloneTo: [12, timeField],
  acceptedMicroUsd: [13, microUsdField],
  refusedMicroUsd: [14, microUsdField],
  refusal: [15, optionalField(textField(256))],
})

/** {@link APPOINTED_KEY} -> AppointedRow */
export const APPOINTED_TABLE = 'storage-caretaker'
export const APPOINTED_KEY = 'appointed'

/** segment -> SHA-256 of what the caretaker was told of it last (zeros before it has taken it) || the segment's reference */
export const HANDED_TABLE = 'storage-handed'

/** Up to where a payer has accepted what is billed of one agreement of its caretaker's, and by which delivery. */
export interface AcceptedRow {
  readonly version: 1
  readonly node: Address
  readonly agreement: Hash
  readonly revision: number
  readonly atSecond: number
  readonly bytes: number
  readonly delivery: Uint8Array
  /** Kept until then and not billed yet. */
  readonly leftByteSeconds: bigint
}

/** Encodings of {@link AcceptedRow}. */
export const acceptedRowSchema: Schema<AcceptedRow> = defineSchema<AcceptedRow>('AcceptedCare', 256, {
  version: [1, versionField(1)],
  node: [2, addressField],
  agreement: [3, hashField],
  revision: [4, uintField(0xffff_ffff)],
  atSecond: [5, uintField(0xffff_ffff)],
  bytes: [6, uintField()],
  delivery: [7, fixedBytesField(16)],
  leftByteSeconds: [8, uint64Field()],
})

/** agreement -> AcceptedRow */
export const ACCEPTED_CARE_TABLE = 'storage-care-accepted'
