export type { MarketErrorCode } from './errors.ts'
export { MarketError, marketErrorCatalog } from './errors.ts'
export type { ChannelReply, MarketRequest, OpenAsk, RejectionMessage } from './messages.ts'
export {
  channelReplySchema,
  MARKET_PROTOCOL,
  marketRequestSchema,
  payReplySchema,
  quoteReplySchema,
} from './messages.ts'
export type { OfferBookComponents, OfferWish } from './offers/offer-book.ts'
export { OfferBook } from './offers/offer-book.ts'
export type { OfferEntry, OfferSource } from './offers/offer-entry.ts'
export { OFFERS_FIND_TIMEOUT_MS } from './offers/offer-exchange.ts'
export {
  OFFERS_PER_ANSWER_MAX,
  OFFERS_PROTOCOL,
  offersReplySchema,
  offersRequestSchema,
  offersTopic,
} from './offers/offer-messages.ts'
export { OfferReader, type OfferSigner } from './offers/offer-reader.ts'
export type { TellingPace } from './offers/telling-pace.ts'
export { tellingPace } from './offers/telling-pace.ts'
export type {
  MarketPayerInput,
  MarketPayerOptions,
  MarketProviderInput,
  MarketProviderOptions,
  OfferBookInput,
  OfferBookOptions,
} from './options.ts'
export { marketPayerOptionsSchema, marketProviderOptionsSchema, offerBookOptionsSchema } from './options.ts'
export type {
  MarketPayerComponents,
  OpenedChannels,
  QuotesRequest,
} from './payer/market-payer.ts'
export { MarketPayer } from './payer/market-payer.ts'
export type {
  LostReason,
  PayerChannel,
  PayerChannelState,
  PayerChannelStats,
  RefusedOpening,
  RejectReason,
  Reservation,
} from './payer/payer-channel.ts'
export { REJECT_REASONS } from './payer/payer-channel.ts'
export type { PaymentReport, SettleOptions, UnsettledChannel } from './payer/payment-report.ts'
export type { ChannelShare } from './payer/purse-desk.ts'
export type { PurseRecord, PurseStage } from './payer/purse-record.ts'
export type { Admission, AdmissionRequest } from './provider/admission.ts'
export type { MarketProviderComponents } from './provider/market-provider.ts'
export { MarketProvider } from './provider/market-provider.ts'
export type { OpenedQuote, QuoteAnswer } from './quotes/quote-answer.ts'
export type { Refusal, RefusalCode } from './quotes/refusal.ts'
export { REFUSAL_CODES } from './quotes/refusal.ts'
export type { ResourceSeller, SellerQuote, SellerRequest } from './quotes/seller.ts'
export type { ReceiptBundle } from './receipts/receipt-bundle.ts'
export {
  bundleReceipts,
  decodeReceiptBundle,
  encodeReceiptBundle,
  RECEIPT_BUNDLE_BYTES_MAX,
} from './receipts/receipt-bundle.ts'
export type { ReceiptChain } from './receipts/receipt-store.ts'
export type { ChannelEvidence, ReceiptFilter, ReceiptSums, StoredReceipt } from './receipts/stored-receipt.ts'
export type {
  ReceiptChainEvidence,
  ReceiptChainVerdict,
  ReceiptDifference,
} from './receipts/verify-receipt-chain.ts'
export { verifyReceiptChain } from './receipts/verify-receipt-chain.ts'
export type {
  ClaimReason,
  ClaimState,
  ClaimWaitReason,
  EarningsReport,
  ProviderChannelReport,
  ProviderChannelState,
  SettledChannel,
  SettlementRecord,
  SettlementReport,
} from './settlement/settlement-record.ts'
