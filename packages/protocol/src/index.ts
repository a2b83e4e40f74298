export { sha256 } from '#sha256'
export {
  addressFromBytes,
  bytesToHex,
  concatBytes,
  equalBytes,
  hashFromBytes,
  hexToBytes,
  uintToBytes,
} from './bytes.ts'
export type { ContentCodec } from './content-id.ts'
export {
  CONTENT_ID_LENGTH,
  checkContent,
  contentIdFromBytes,
  contentIdOf,
  contentIdOfDigest,
  contentIdToBytes,
  digestOfContentId,
  parseContentId,
} from './content-id.ts'
export type { Domain, DomainSeparator } from './eip712.ts'
export { addressWord, domainSeparator, hashWord, keccakText, typedDigest, uintWord } from './eip712.ts'
export type { ProtocolErrorCode } from './errors.ts'
export { ProtocolError, protocolErrorCatalog } from './errors.ts'
export type { BillEntry, Increment, IncrementBefore, Receipt } from './increment.ts'
export {
  checkIncrementFollows,
  checkIncrementSignature,
  INCREMENT_BYTES_MAX,
  INCREMENT_ENTRIES_MAX,
  incrementId,
  incrementSchema,
  incrementSlot,
  receiptSchema,
  signIncrement,
} from './increment.ts'
export {
  addressOfPeerId,
  addressOfPublicKey,
  createSigner,
  peerIdOfPublicKey,
  publicKeyOfPeerId,
  recoverAddress,
} from './keys.ts'
export { nodeConsentSigner, signNodeConsent } from './node-consent.ts'
export { nodeKey } from './node-key.ts'
export type { Offer, Resource, SignedDocument } from './offer.ts'
export {
  OFFER_BYTES_MAX,
  offerDigest,
  offerSchema,
  offerSlot,
  openOffer,
  RESOURCES,
  signedDocumentSchema,
  signOffer,
} from './offer.ts'
export type { PurseBranch, PurseLeaf, PurseTree } from './purse-tree.ts'
export { buildPurseTree, checkPurseBranch, PURSE_DEPTH_MAX, PURSE_LEAVES_MAX, purseRootOf } from './purse-tree.ts'
export type { CreditTerms, Quote } from './quote.ts'
export { openQuote, quoteSchema, quoteSlot, signQuote } from './quote.ts'
export type { Field, ListField, OptionalField, WireType } from './schema/field.ts'
export {
  addressField,
  bytesField,
  contentIdField,
  fixedBytesField,
  flagField,
  fuelField,
  hashField,
  listField,
  microUsdField,
  optionalField,
  textField,
  timeField,
  uint64Field,
  uintField,
  versionField,
  wordField,
} from './schema/field.ts'
export type { Schema, SchemaFields } from './schema/schema.ts'
export { defineSchema } from './schema/schema.ts'
export type { Secp256k1 } from './secp256k1/backend.ts'
export { loadSecp256k1 } from './secp256k1/load.ts'
export { nobleSecp256k1 } from './secp256k1/noble.ts'
export type { Statement } from './statement.ts'
export {
  checkStatement,
  isEquivocation,
  payloadOf,
  signStatement,
  slotOf,
  statementDigest,
  statementSigner,
} from './statement.ts'
export type { OutcomeRecord, OutcomeStatus, Task, TaskFile, TaskKind, TaskLimits } from './task.ts'
export { outcomeIdOf, outcomeRecordSchema, TASK_BYTES_MAX, taskIdOf, taskSchema } from './task.ts'
export type { ChannelTerms, PurseSeed, Voucher } from './voucher.ts'
export { channelIdOf, escrowSeparator, purseIdOf, signVoucher, voucherDigest, voucherSigner } from './voucher.ts'
