export { ChainTime } from './chain-time.ts'
export type { ClaimedReward, ClaimKind } from './claim-journal.ts'
export type { EpochBook } from './epoch-earnings-book.ts'
export {
  DOCUMENTS_PROTOCOL,
  EPOCHS_TOPIC,
  type EpochNotice,
  NOTICES_PROTOCOL,
  noticesReplySchema,
  PROBE_PROTOCOL,
} from './epoch-messages.ts'
export { EpochService, type EpochServiceOptions, type EpochServiceParts } from './epoch-service.ts'
export { EpochsError, type EpochsErrorCode, epochsErrorCatalog } from './errors.ts'
export type { OwnAudits } from './own-audits.ts'
export { PolicyBook } from './policy-book.ts'
export type { EpochPorts } from './ports.ts'
export { RewardClaimer, type RewardClaimOptions } from './reward-claimer.ts'
export { type EpochSchedule, scheduleOf } from './schedule.ts'
