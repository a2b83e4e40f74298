export type {
  Balances,
  BranchStep,
  Chain,
  ChainIdentity,
  ChannelClaim,
  ChannelShareOnChain,
  ClaimedChannel,
  ClaimOutcome,
  FundRequest,
  PurseState,
  TransactionOutcome,
} from './chain.ts'
export type { Clock, Timer } from './clock.ts'
export type { Disk, DiskFile, DiskSpace } from './disk.ts'
export { checkDiskName } from './disk.ts'
export type {
  BlockMark,
  BlockSpan,
  BondState,
  ClaimBatch,
  Economy,
  EconomyHistory,
  EpochTerms,
  FinalRoot,
  LotForSale,
  LotSale,
  LotSold,
  NodeBonded,
  ProgramChanged,
  ProgramSponsored,
  RewardClaim,
  RewardState,
  RootProposal,
  RootResult,
  RootTerms,
  SaleTerms,
  SignedPayload,
} from './economy.ts'
export type {
  CapAccrued,
  ClaimsCredited,
  EconomyLedger,
  EventPlace,
  LotBought,
  OperatorPaid,
  RewardPaid,
  RootEvent,
} from './economy-ledger.ts'
export type {
  CoreErrorCode,
  ErrorCatalog,
  ErrorDefinition,
  ErrorDetails,
  ErrorKind,
  SteadErrorOptions,
} from './errors.ts'
export { CoreError, coreErrorCatalog, hasCode, isSteadError, messageOf, SteadError } from './errors.ts'
export type { Exchange, PoolState, SwapDirection, SwapQuote, SwapRequest } from './exchange.ts'
export { freeMemory } from './free-memory.ts'
export type { LogFields, Logger } from './logger.ts'
export { silentLogger } from './logger.ts'
export type { Counter, Gauge, Histogram, MetricLabels, Metrics } from './metrics.ts'
export { silentMetrics } from './metrics.ts'
export { nameDistance } from './name-distance.ts'
export type {
  GossipHandler,
  GossipVerdict,
  IncomingRequest,
  Network,
  NetworkEvents,
  PeerInfo,
  ProtocolLimits,
  RequestHandler,
  RequestOptions,
} from './network.ts'
export type { PeerReport } from './peer-report.ts'
export { cleanPeerReport, internalPeerReport, peerReportOf, remoteErrorOf } from './peer-report.ts'
export type {
  PossessionAdjudicator,
  PossessionAnnouncement,
  PossessionChallenge,
  PossessionEnd,
  PossessionTerms,
  SignedRevision,
} from './possession.ts'
export { POSSESSION_DRAW_BLOCKS, POSSESSION_REVISION_SECONDS_MAX } from './possession.ts'
export type { Random } from './random.ts'
export type { Signer } from './signer.ts'
export type { Size } from './size.ts'
export type { Durability, ScanRange, Store, StoreOperation, StoreRow } from './store.ts'
export {
  checkScanRange,
  checkStoreBatch,
  checkStoreKey,
  checkStoreTable,
  storeKeyBytesMax,
  storeValueBytesMax,
} from './store-limits.ts'
export type { Address, Branded, ContentId, Fuel, Hash, MicroUsd, PeerId, UnixMs, Wei } from './units.ts'
export { address, formatMicroUsd, formatTokenUnits, fuel, hash, microUsd, TOKEN_UNITS } from './units.ts'
