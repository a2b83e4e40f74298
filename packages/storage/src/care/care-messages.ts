import type { Address, ContentId, Hash, MicroUsd, ProtocolLimits } from '@stead/core'
import {
  addressField,
  bytesField,
  contentIdField,
  contentIdOf,
  defineSchema,
  fixedBytesField,
  flagField,
  hashField,
  listField,
  microUsdField,
  optionalField,
  type Schema,
  uintField,
  versionField,
} from '@stead/protocol'
import { type PaidPeriod, paidPeriodSchema } from '../consumer/paid-periods.ts'
import { PIECES_MAX, type PlaceRow, placeSchema } from '../shares/share-desk.ts'

/** The protocol between a payer, its caretaker, and who reads what it keeps: {@link CareRequest} answered by {@link CareReply}. */
export const CARE_PROTOCOL = '/stead/care/1'
/** Segments that one message hands over. */
export const HANDED_MAX = 24
/** Segments that one message takes back. */
export const DROPPED_MAX = 512
/** Paid periods of one bill. */
export const BILL_PERIODS_MAX = 8
/** Nodes that a caretaker tells of. */
const NODES_TOLD_MAX = 1024
const MESSAGE_BYTES_MAX = 512 * 1024

/** Limits of {@link CARE_PROTOCOL}. */
export const CARE_LIMITS: ProtocolLimits = {
  messageBytesMax: MESSAGE_BYTES_MAX,
  inFlightPerPeerMax: 4,
  handlerTimeoutMs: 30_000,
}

/** A segment, and where its payer has its pieces. */
export interface HandedSegment {
  readonly reference: Uint8Array
  readonly places: readonly PlaceRow[]
}

/** Encoding of {@link HandedSegment}. */
export const handedSegmentSchema: Schema<HandedSegment> = defineSchema<HandedSegment>('HandedSegment', 10_240, {
  reference: [1, bytesField(4096)],
  places: [2, listField(placeSchema.asField(), PIECES_MAX)],
})

/** What a payer hands over; the first one appoints. Whatever it says, the payer is there now. */
export interface HandAsk {
  /** Whose first voucher is the budget. */
  readonly channel: Hash
  readonly perDayMicroUsd: MicroUsd
  readonly priceMaxMicroUsdPerTibHour: MicroUsd
  /** One piece of a segment to each /24 and /64. */
  readonly hasDistinctSubnets: boolean
  /** Segments that are new, or lie elsewhere now. */
  readonly put: readonly HandedSegment[]
  /** Segments that are not kept any more, 16 bytes each. */
  readonly drop: readonly Uint8Array[]
  /** With this, everything that changed was handed over: what is not mentioned is as it was. */
  readonly isComplete: boolean
  /** Nothing is to be looked after any more. */
  readonly isDismissed: boolean
}

const handSchema: Schema<HandAsk> = defineSchema<HandAsk>('CareHand', MESSAGE_BYTES_MAX, {
  channel: [1, hashField],
  perDayMicroUsd: [2, microUsdField],
  priceMaxMicroUsdPerTibHour: [3, microUsdField],
  hasDistinctSubnets: [4, flagField],
  put: [5, listField(handedSegmentSchema.asField(), HANDED_MAX)],
  drop: [6, listField(fixedBytesField(16), DROPPED_MAX)],
  isDismissed: [7, flagField],
  isComplete: [8, flagField],
})

/** A question for where the pieces of a segment are, by whoever knows its name. */
export interface CarePlacesAsk {
  readonly segment: Uint8Array
}

const placesSchema: Schema<CarePlacesAsk> = defineSchema<CarePlacesAsk>('CarePlaces', 64, {
  segment: [1, fixedBytesField(16)],
})

/** A question for the next periods of a node that are to be billed. */
export interface CareBillAsk {
  readonly node: Address
  /** A bill that was accepted, by its delivery, or refused, by its name: its periods are over. */
  readonly accepted?: Uint8Array
  readonly refused?: ContentId
}

const billSchema: Schema<CareBillAsk> = defineSchema<CareBillAsk>('CareBill', 256, {
  node: [1, addressField],
  accepted: [2, optionalField(fixedBytesField(16))],
  refused: [3, optionalField(contentIdField)],
})

/** A bill that the payer found right, as a delivery of the channel. */
export interface CareSettleAsk {
  readonly node: Address
  readonly channel: Hash
  /** 16 bytes. */
  readonly delivery: Uint8Array
  readonly bill: ContentId
  readonly amountMicroUsd: MicroUsd
}

const settleSchema: Schema<CareSettleAsk> = defineSchema<CareSettleAsk>('CareSettle', 256, {
  node: [1, addressField],
  channel: [2, hashField],
  delivery: [3, fixedBytesField(16)],
  bill: [4, contentIdField],
  amountMicroUsd: [5, microUsdField],
})

/** Exactly one of these. */
export interface CareRequest {
  readonly hand?: HandAsk
  readonly places?: CarePlacesAsk
  readonly standing?: boolean
  readonly bill?: CareBillAsk
  readonly settle?: CareSettleAsk
}

/** Encoding of {@link CareRequest}. */
export const careRequestSchema: Schema<CareRequest> = defineSchema<CareRequest>('CareRequest', MESSAGE_BYTES_MAX, {
  hand: [1, optionalField(handSchema.asField())],
  places: [2, optionalField(placesSchema.asField())],
  standing: [3, optionalField(flagField)],
  bill: [4, optionalField(billSchema.asField())],
  settle: [5, optionalField(settleSchema.asField())],
})

/** A node that keeps pieces for a ward. */
export interface CareNodeRow {
  /** 33 bytes. */
  readonly node: Uint8Array
  readonly agreement: Hash
  readonly pieces: number
}

const nodeSchema: Schema<CareNodeRow> = defineSchema<CareNodeRow>('CareNode', 128, {
  node: [1, fixedBytesField(33)],
  agreement: [2, hashField],
  pieces: [3, uintField()],
})

/** How a caretaker stands with a payer, as it says. */
export interface CareStanding {
  readonly segments: number
  /** Pieces in agreements of the caretaker's. */
  readonly pieces: number
  readonly bytes: number
  /** Made since it was appointed. */
  readonly madePieces: number
  /** Segments that need repair and did not get it in its last round. */
  readonly unrepairedSegments: number
  /** What is paid ahead on the channel, and what of it is spent, billed or not. */
  readonly budgetMicroUsd: MicroUsd
  readonly spentMicroUsd: MicroUsd
  readonly nodes: readonly CareNodeRow[]
}

const standingSchema: Schema<CareStanding> = defineSchema<CareStanding>('CareStanding', MESSAGE_BYTES_MAX, {
  segments: [1, uintField()],
  pieces: [2, uintField()],
  bytes: [3, uintField()],
  madePieces: [4, uintField()],
  unrepairedSegments: [5, uintField()],
  budgetMicroUsd: [6, microUsdField],
  spentMicroUsd: [7, microUsdField],
  nodes: [8, listField(nodeSchema.asField(), NODES_TOLD_MAX)],
})

/** What was asked for. */
export interface CareReply {
  readonly standing?: CareStanding
  /** None for a segment that is not looked after. */
  readonly places: readonly PlaceRow[]
  readonly periods: readonly PaidPeriod[]
}

/** Encoding of {@link CareReply}. */
export const careReplySchema: Schema<CareReply> = defineSchema<CareReply>('CareReply', MESSAGE_BYTES_MAX, {
  standing: [1, optionalField(standingSchema.asField())],
  places: [2, listField(placeSchema.asField(), 2 * PIECES_MAX)],
  periods: [3, listField(paidPeriodSchema.asField(), BILL_PERIODS_MAX)],
})

interface CareBill {
  readonly version: 1
  readonly periods: readonly PaidPeriod[]
}

const careBillSchema: Schema<CareBill> = defineSchema<CareBill>('CareBillDocument', MESSAGE_BYTES_MAX, {
  version: [1, versionField(1)],
  periods: [2, listField(paidPeriodSchema.asField(), BILL_PERIODS_MAX)],
})

/** The name of a bill: its evidence on a receipt. */
export function careBillIdOf(periods: readonly PaidPeriod[]): ContentId {
  return contentIdOf('dag-cbor', careBillSchema.encodeDocument({ version: 1, periods }))
}
