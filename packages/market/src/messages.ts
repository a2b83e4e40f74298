import type { Address, BranchStep, ErrorDetails, Hash, MicroUsd, ProtocolLimits, UnixMs } from '@stead/core'
import {
  addressField,
  bytesField,
  defineSchema,
  fixedBytesField,
  hashField,
  INCREMENT_BYTES_MAX,
  listField,
  microUsdField,
  optionalField,
  PURSE_DEPTH_MAX,
  type PurseSeed,
  RESOURCES,
  type Resource,
  type Schema,
  type SignedDocument,
  signedDocumentSchema,
  textField,
  timeField,
  uint64Field,
  uintField,
  versionField,
  wordField,
} from '@stead/protocol'
import { REJECTIONS_MAX } from './channel/provider-ledger.ts'
import { branchStepSchema, purseSeedSchema } from './journal/rows.ts'
import { REJECT_REASONS, type RejectReason } from './payer/payer-channel.ts'
import { REFUSAL_CODES, type Refusal, type RefusalCode } from './quotes/refusal.ts'

/** Quotes, channels and payments. */
export const MARKET_PROTOCOL = '/stead/market/1'
/** Largest message either way: a full increment with its rejections. */
const MARKET_MESSAGE_BYTES_MAX: number = INCREMENT_BYTES_MAX + 131_072
/** Most deliveries that a channel's state lists. */
const OUTSTANDING_MAX = 8_192
/** Longest need, in bytes. */
export const NEED_BYTES_MAX = 4_096

/** Limits of {@link MARKET_PROTOCOL}. */
export const marketProtocolLimits: ProtocolLimits = {
  messageBytesMax: MARKET_MESSAGE_BYTES_MAX,
  inFlightPerPeerMax: 128,
  handlerTimeoutMs: 15_000,
}

/** Asks for a price. */
export interface QuoteAsk {
  readonly chainId: number
  readonly escrow: Address
  readonly resource: Resource
  readonly need: Uint8Array
}

/** Opens a channel, or gives an open one a new quote. Node and operator are those of the quote. */
export interface OpenAsk {
  readonly seed: PurseSeed
  readonly allocationMicroUsd: MicroUsd
  readonly branchIndex: number
  readonly branch: readonly BranchStep[]
  readonly quote: SignedDocument
}

/** A delivery that will not be paid. */
export interface RejectionMessage {
  readonly delivery: Uint8Array
  readonly reason: RejectReason
}

/** Pays an increment; the channel is in it. */
export interface PayAsk {
  readonly increment: Uint8Array
  readonly voucherSignature: Uint8Array
  readonly rejections: readonly RejectionMessage[]
}

/** Says which deliveries will not be paid. */
export interface RejectAsk {
  readonly channel: Hash
  readonly rejections: readonly RejectionMessage[]
}

/** Asks how a channel stands. */
export interface SyncAsk {
  readonly channel: Hash
}

/** One request; exactly one of the members is there. */
export interface MarketRequest {
  readonly version: 1
  readonly quote?: QuoteAsk
  readonly open?: OpenAsk
  readonly pay?: PayAsk
  readonly reject?: RejectAsk
  readonly sync?: SyncAsk
}

/** A fact of a refusal: text or a number. */
interface DetailMessage {
  readonly key: string
  readonly text?: string
  readonly number?: bigint
}

/** A refusal on the wire. */
export interface RefusalMessage {
  readonly code: RefusalCode
  readonly message: string
  readonly details: readonly DetailMessage[]
}

/** Answers {@link QuoteAsk} with one of the two. */
export interface QuoteReply {
  readonly quote?: SignedDocument
  readonly refusal?: RefusalMessage
}

/** Answers {@link OpenAsk} and {@link SyncAsk}. */
export interface ChannelReply {
  readonly channel: Hash
  /** Missing before the first increment. */
  readonly lastIndex?: number
  readonly deliveredMicroUsd: MicroUsd
  readonly cumulativeMicroUsd: MicroUsd
  readonly windowMicroUsd: MicroUsd
  /** To be paid before anything is delivered; 0 for a payer that is known. */
  readonly prepayMicroUsd: MicroUsd
  /** Ids of what was delivered and waits for payment, 16 bytes each. */
  readonly outstanding: Uint8Array
  readonly quoteExpiresAt: UnixMs
}

/** Answers {@link PayAsk}. */
export interface PayReply {
  readonly providerSignature: Uint8Array
  readonly windowMicroUsd: MicroUsd
}

/** Answers {@link RejectAsk}. */
export interface RejectReply {
  readonly windowMicroUsd: MicroUsd
}

const quoteAskSchema: Schema<QuoteAsk> = defineSchema<QuoteAsk>('QuoteAsk', 8192, {
  chainId: [1, uintField()],
  escrow: [2, addressField],
  resource: [3, wordField(RESOURCES)],
  need: [4, bytesField(NEED_BYTES_MAX)],
})

const openAskSchema: Schema<OpenAsk> = defineSchema<OpenAsk>('OpenAsk', 32_768, {
  seed: [1, purseSeedSchema.asField()],
  allocationMicroUsd: [2, microUsdField],
  branchIndex: [3, uintField(0xffff_ffff)],
  branch: [4, listField(branchStepSchema.asField(), PURSE_DEPTH_MAX)],
  quote: [5, signedDocumentSchema.asField()],
})

const rejectionSchema: Schema<RejectionMessage> = defineSchema<RejectionMessage>('Rejection', 64, {
  delivery: [1, fixedBytesField(16)],
  reason: [2, wordField(REJECT_REASONS)],
})

const payAskSchema: Schema<PayAsk> = defineSchema<PayAsk>('PayAsk', MARKET_MESSAGE_BYTES_MAX, {
  increment: [1, bytesField(INCREMENT_BYTES_MAX)],
  voucherSignature: [2, fixedBytesField(65)],
  rejections: [3, listField(rejectionSchema.asField(), REJECTIONS_MAX)],
})

const rejectAskSchema: Schema<RejectAsk> = defineSchema<RejectAsk>('RejectAsk', 131_072, {
  channel: [1, hashField],
  rejections: [2, listField(rejectionSchema.asField(), REJECTIONS_MAX)],
})

const syncAskSchema: Schema<SyncAsk> = defineSchema<SyncAsk>('SyncAsk', 64, { channel: [1, hashField] })

/** Encodings of {@link MarketRequest}. */
export const marketRequestSchema: Schema<MarketRequest> = defineSchema<MarketRequest>(
  'MarketRequest',
  MARKET_MESSAGE_BYTES_MAX,
  {
    version: [1, versionField(1)],
    quote: [2, optionalField(quoteAskSchema.asField())],
    open: [3, optionalField(openAskSchema.asField())],
    pay: [4, optionalField(payAskSchema.asField())],
    reject: [5, optionalField(rejectAskSchema.asField())],
    sync: [6, optionalField(syncAskSchema.asField())],
  },
)

const detailSchema: Schema<DetailMessage> = defineSchema<DetailMessage>('Detail', 512, {
  key: [1, textField(64)],
  text: [2, optionalField(textField(256))],
  number: [3, optionalField(uint64Field())],
})

const refusalSchema: Schema<RefusalMessage> = defineSchema<RefusalMessage>('Refusal', 8192, {
  code: [1, wordField(REFUSAL_CODES)],
  message: [2, textField(2_000)],
  details: [3, listField(detailSchema.asField(), 16)],
})

/** Encodings of {@link QuoteReply}. */
export const quoteReplySchema: Schema<QuoteReply> = defineSchema<QuoteReply>('QuoteReply', 32_768, {
  quote: [1, optionalField(signedDocumentSchema.asField())],
  refusal: [2, optionalField(refusalSchema.asField())],
})

/** Encodings of {@link ChannelReply}. */
export const channelReplySchema: Schema<ChannelReply> = defineSchema<ChannelReply>('ChannelReply', 196_608, {
  channel: [1, hashField],
  lastIndex: [2, optionalField(uintField(0xffff_ffff))],
  deliveredMicroUsd: [3, microUsdField],
  cumulativeMicroUsd: [4, microUsdField],
  windowMicroUsd: [5, microUsdField],
  prepayMicroUsd: [6, microUsdField],
  outstanding: [7, bytesField(OUTSTANDING_MAX * 16)],
  quoteExpiresAt: [8, timeField],
})

/** Encodings of {@link PayReply}. */
export const payReplySchema: Schema<PayReply> = defineSchema<PayReply>('PayReply', 256, {
  providerSignature: [1, fixedBytesField(65)],
  windowMicroUsd: [2, microUsdField],
})

/** Encodings of {@link RejectReply}. */
export const rejectReplySchema: Schema<RejectReply> = defineSchema<RejectReply>('RejectReply', 64, {
  windowMicroUsd: [1, microUsdField],
})

const UINT64_MAX = (1n << 64n) - 1n
const MESSAGE_CHARACTERS_MAX = 500
const TEXT_CHARACTERS_MAX = 64
const DETAIL_KEY_PATTERN = /^[A-Za-z][A-Za-z0-9]{0,63}$/

/** Cuts a refusal down to what the message may hold. */
export function refusalToMessage(refusal: Refusal): RefusalMessage {
  const details = Object.entries(refusal.details)
    .filter(([key]) => DETAIL_KEY_PATTERN.test(key))
    .slice(0, 16)
    .map(([key, value]) => detailOf(key, value))
  return { code: refusal.code, message: refusal.message.slice(0, MESSAGE_CHARACTERS_MAX), details }
}

function detailOf(key: string, value: ErrorDetails[string]): DetailMessage {
  const number = typeof value === 'bigint' || Number.isSafeInteger(value) ? BigInt(value as bigint | number) : undefined
  if (number !== undefined && number >= 0n && number <= UINT64_MAX) return { key, number }
  return { key, text: String(value).slice(0, TEXT_CHARACTERS_MAX) }
}

/** A peer's refusal as it is shown. */
export function refusalFromMessage(message: RefusalMessage): Refusal {
  const details: Record<string, ErrorDetails[string]> = {}
  for (const { key, text, number } of message.details) details[key] = number ?? text
  return { code: message.code, message: message.message, details }
}
