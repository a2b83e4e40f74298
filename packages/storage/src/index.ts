export { createFrameCipher } from '#create-frame-cipher'
export { loadPairHasher } from '#load-pair-hasher'
export type { Agreement, AgreementParties, SignedAgreement } from './agreement/agreement.ts'
export {
  agreementIdOf,
  agreementNumber,
  agreementSchema,
  openAgreement,
  signAgreement,
  signedAgreementSchema,
} from './agreement/agreement.ts'
export type { SetChange, SetPiece, SetProof, SetRoot } from './agreement/piece-set.ts'
export { PieceSet, verifySetProof } from './agreement/piece-set.ts'
export type { PossessionProof } from './agreement/possession.ts'
export { decodePossession, encodePossession, possessionIdOf, verifyPossession } from './agreement/possession.ts'
export { encodePossessionAnswer } from './agreement/possession-answer.ts'
export type { StorageBillAudit, StorageBillDifference, StorageBilledChannel, StorageBillInput } from './audit.ts'
export { recomputeStorageBill } from './audit.ts'
export type { AppointedCaretaker, CareWish } from './care/care-client.ts'
export { CareClient } from './care/care-client.ts'
export { careAmountOfPeriods } from './care/care-evidence.ts'
export type { CareReply, CareRequest, HandAsk } from './care/care-messages.ts'
export {
  CARE_PROTOCOL,
  careBillIdOf,
  careReplySchema,
  careRequestSchema,
} from './care/care-messages.ts'
export type { CaretakerInput } from './care/care-options.ts'
export { CarePlaces } from './care/care-places.ts'
export { isCareNumber } from './care/care-terms.ts'
export type { CaretakerComponents, WardStatus } from './care/caretaker.ts'
export { Caretaker } from './care/caretaker.ts'
export type { AgreementDriverComponents } from './consumer/agreement-driver.ts'
export { AgreementDriver } from './consumer/agreement-driver.ts'
export type { DepositBudget } from './consumer/ask-limits.ts'
export type { AskedChallenge, AskedState } from './consumer/asked-challenge.ts'
export type { AskReason } from './consumer/asked-rows.ts'
export type { Challengeable, ChallengerComponents, ChallengerOptions } from './consumer/challenger.ts'
export { Challenger } from './consumer/challenger.ts'
export type { PaidPeriod } from './consumer/paid-periods.ts'
export { nextPaidNode, paidPeriodSchema, paidPeriodsOf } from './consumer/paid-periods.ts'
export { remoteCodeOf } from './consumer/remote-code.ts'
export type { SettleOutcome } from './consumer/settle-outcome.ts'
export { javaScriptFrameCipher } from './crypto/create-frame-cipher.ts'
export type { FrameCipher } from './crypto/frame-cipher.ts'
export type { ErasureProfile, NumberedPiece } from './erasure/erasure-code.ts'
export { createErasureKernel, ErasureCode } from './erasure/erasure-code.ts'
export type { ErasureKernel } from './erasure/erasure-kernel.ts'
export { ScalarKernel } from './erasure/scalar-kernel.ts'
export { SimdKernel } from './erasure/simd-kernel.ts'
export type { StorageErrorCode } from './errors.ts'
export { StorageError, storageErrorCatalog } from './errors.ts'
export { GrantDesk } from './grants/grant-desk.ts'
export type { GivenBody, Giving, GivingStand, GrantIntake } from './grants/grant-intake.ts'
export { GIVEN_PART_BYTES_MAX, GRANTS_LIMITS, GRANTS_PROTOCOL } from './grants/grant-messages.ts'
export type { GrantStep, GrantToken } from './grants/grant-scope.ts'
export type { GivenDescription, GivenResult, GivenStand } from './grants/grant-writer.ts'
export { GrantWriter } from './grants/grant-writer.ts'
export type { GrantInfo, GrantTerms, OpenedGrant, WriteGrants } from './grants/write-grants.ts'
export type { WriteLink } from './grants/write-link.ts'
export { formatWriteLink, narrowWriteLink, parseWriteLink, WRITE_LINK_SCHEME } from './grants/write-link.ts'
export { PathSecret } from './keys/path-secret.ts'
export { createRecoveryPhrase, rootSecretOf } from './keys/recovery-phrase.ts'
export type { PieceReply, PieceRequest, StorageReply, StorageRequest } from './messages.ts'
export {
  AGREEMENTS_PROTOCOL,
  PIECES_PROTOCOL,
  pieceReplySchema,
  pieceRequestSchema,
  STORAGE_PROTOCOL,
  shownAskSchema,
  shownReplySchema,
  storageReplySchema,
  storageRequestSchema,
} from './messages.ts'
export { amountOf } from './meter.ts'
export type { CollectReport } from './objects/collect-garbage.ts'
export { MemoryRootPointers } from './objects/memory-root-pointers.ts'
export type { MemorySegmentComponents } from './objects/memory-segment-store.ts'
export { MemorySegmentStore } from './objects/memory-segment-store.ts'
export { isBucketName } from './objects/names.ts'
export type {
  BucketInfo,
  GetOptions,
  ListOptions,
  ObjectBody,
  ObjectInfo,
  ObjectPage,
  ObjectStore,
  PartInfo,
  PutOptions,
  UploadInfo,
  WriteCondition,
} from './objects/object-store.ts'
export { etagOfParts } from './objects/parts-etag.ts'
export type { PointerValue, RootPointer, RootPointers } from './objects/root-pointer.ts'
export { POINTER_VALUE_BYTES_MAX } from './objects/root-pointer.ts'
export type { PayerRow } from './objects/rows.ts'
export type { ListedSegment, SegmentStore } from './objects/segment-store.ts'
export type { ObjectStoreComponents } from './objects/tree-object-store.ts'
export { TreeObjectStore } from './objects/tree-object-store.ts'
export type {
  ObjectStoreInput,
  ObjectStoreOptions,
  PieceLogInput,
  PieceLogOptions,
  StorageConsumerInput,
  StorageConsumerOptions,
  StorageProviderInput,
  StorageProviderOptions,
} from './options.ts'
export {
  objectStoreOptionsSchema,
  pieceLogOptionsSchema,
  STAKED_UNPAID_SECONDS_MIN,
  storageConsumerOptionsSchema,
  storageProviderOptionsSchema,
} from './options.ts'
export type { KeptPiece, PieceLogComponents, PieceLogUsage, ScrubReport } from './pieces/piece-log.ts'
export { PieceLog } from './pieces/piece-log.ts'
export type { PieceWriter } from './pieces/piece-writer.ts'
export type { NodeFacts, Spread } from './placement/choose-nodes.ts'
export { chooseNodes } from './placement/choose-nodes.ts'
export type {
  PlacementReport,
  RecoveredStorage,
  StorageNodeStatus,
  StorageRound,
} from './placement/consumer-reports.ts'
export type { HolderWait } from './placement/holder-reach.ts'
export { HolderReach } from './placement/holder-reach.ts'
export type { NetworkSegmentsComponents, PlacedSegment } from './placement/network-segments.ts'
export { NetworkSegments } from './placement/network-segments.ts'
export { NodeWatch } from './placement/node-watch.ts'
export { needsRepair, repairAt, unreadability } from './placement/readability.ts'
export type { PieceOutlook } from './placement/repair-plan.ts'
export { planRepair } from './placement/repair-plan.ts'
export { SEGMENT_PROFILES, type SegmentProfile } from './placement/segment-profile.ts'
export type { SegmentReaderParts } from './placement/segment-reader.ts'
export { SegmentReader } from './placement/segment-reader.ts'
export type { SegmentReference } from './placement/segment-reference.ts'
export { decodeReference, pieceNameOf } from './placement/segment-reference.ts'
export type { StorageConsumerComponents } from './placement/storage-consumer.ts'
export { StorageConsumer } from './placement/storage-consumer.ts'
export type { NodeSettlement, StorageNodesComponents } from './placement/storage-nodes.ts'
export { StorageNodes } from './placement/storage-nodes.ts'
export { wasmPairHasher } from './proof/load-pair-hasher.ts'
export type { PairHasher } from './proof/pair-hasher.ts'
export type { LeafProof, ProofRoot, RangeProof } from './proof/proof-tree.ts'
export { BLOCK_BYTES, blockCount, leafCount, ProofTree, verifyLeaf, verifyRange } from './proof/proof-tree.ts'
export type { ChallengeAnswer } from './provider/challenge-answer.ts'
export type {
  ChallengeWatchComponents,
  ChallengeWatchOptions,
  ChallengeWatchStatus,
  FacedChallenge,
  FacedState,
} from './provider/challenge-watch.ts'
export { ChallengeWatch } from './provider/challenge-watch.ts'
export type { LeavingProgress } from './provider/leaving.ts'
export { provePossession } from './provider/prove-possession.ts'
export type {
  StorageProviderComponents,
  StorageProviderState,
  StorageProviderStatus,
} from './provider/storage-provider.ts'
export { StorageProvider } from './provider/storage-provider.ts'
export type { NetworkPointer, NetworkRootPointersComponents } from './register/network-root-pointers.ts'
export { NetworkRootPointers } from './register/network-root-pointers.ts'
export { RegisterReader } from './register/register-reader.ts'
export { registerKeyOf, registerOf } from './register/register-record.ts'
export type { CodedPiece, CodedSegment, SegmentCoderComponents } from './segment/coded-segment.ts'
export { codeSegment } from './segment/coded-segment.ts'
export { cutSegments } from './segment/cut-segments.ts'
export { PieceMemory } from './segment/piece-memory.ts'
export type { SealedFrames } from './segment/segment-frames.ts'
export { openFrames, sealSegment } from './segment/segment-frames.ts'
export {
  FRAME_BYTES,
  FRAME_PLAIN_BYTES,
  framesOf,
  framesOfRange,
  pieceBytesOf,
  SEGMENT_BYTES,
  SEGMENT_PLAIN_BYTES,
  sealedBytesOf,
} from './segment/segment-layout.ts'
export type { ObjectShares, OpenedShare, ShareInfo } from './shares/object-shares.ts'
export type { PiecePlace, ShareDesk } from './shares/share-desk.ts'
export { answerShares, deskOfOwner, SHARES_LIMITS, SHARES_PROTOCOL } from './shares/share-desk.ts'
export type { ShareGrant, ShareLink } from './shares/share-link.ts'
export { formatShareLink, narrowLink, parseShareLink, SHARE_LINK_SCHEME } from './shares/share-link.ts'
export type { SharedBody, SharedListing, SharedObject, SharedPage } from './shares/shared-folder.ts'
export { SharedFolder } from './shares/shared-folder.ts'
export { openSharedTree, SharedTree } from './shares/shared-tree.ts'
export type { StorageNeed, StorageTerms } from './terms.ts'
export { storageNeedSchema, storageTermsSchema } from './terms.ts'
