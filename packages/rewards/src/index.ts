export type { EpochAudit, EpochAuditInput, EpochProposal } from './audit/audit-epoch.ts'
export { auditEpoch } from './audit/audit-epoch.ts'
export type { EpochDifference } from './audit/epoch-difference.ts'
export { describeDifference } from './audit/epoch-difference.ts'
export type { EpochEarnings, ExplainedEpoch, ProgramEarnings } from './audit/explain-earnings.ts'
export { explainEarnings } from './audit/explain-earnings.ts'
export { auditSeed, drawClaimant } from './audits/audit-draw.ts'
export type { AuditParameters } from './audits/audit-parameters.ts'
export { defaultAuditParameters } from './audits/audit-parameters.ts'
export type { AuditEvidence, AuditOutcome, AuditReport } from './audits/audit-report.ts'
export {
  AUDIT_OUTCOMES,
  AUDIT_REPORTS_MAX,
  AUDIT_TOOK_MS_MAX,
  auditEvidenceSchema,
  auditReportSchema,
} from './audits/audit-report.ts'
export type { AuditQuestion, AuditRules } from './audits/check-audit.ts'
export { agreementIn, isProven } from './audits/check-audit.ts'
export type {
  AccruableEpoch,
  ClaimableLine,
  RewardClaimInput,
  RewardClaimPlan,
} from './claims/plan-reward-claim.ts'
export { planRewardClaim } from './claims/plan-reward-claim.ts'
export type { ComputedEpoch, EpochComponents, NamedDocument } from './epoch/compute-epoch.ts'
export { computeEpoch } from './epoch/compute-epoch.ts'
export { decisionPayload } from './epoch/decision.ts'
export type { EpochEvidence } from './epoch/evidence.ts'
export {
  EVIDENCE_BYTES_MAX,
  EVIDENCE_LOGS_MAX,
  encodeEvidence,
  evidenceDigest,
  evidenceIdOf,
  openEvidence,
} from './epoch/evidence.ts'
export type { LoadDocument } from './epoch/load-document.ts'
export type { QualitySheet } from './epoch/quality-sheet.ts'
export { openSheet, SHEET_BYTES_MAX } from './epoch/quality-sheet.ts'
export type { EpochResult, OpenLot, ResultLine } from './epoch/result.ts'
export {
  encodeResult,
  OPEN_LOTS_MAX,
  openResult,
  RESULT_BYTES_MAX,
  RESULT_LINES_MAX,
  treeOfResult,
} from './epoch/result.ts'
export type { RewardLeaf } from './epoch/reward-tree.ts'
export { EMPTY_ROOT, RewardTree, rewardLeafHash, rootOfBranch } from './epoch/reward-tree.ts'
export type { EpochCalendar, EpochSpan } from './epoch-time.ts'
export { calendarOf, epochAt, epochSpan, probeWindow } from './epoch-time.ts'
export type { RewardsErrorCode } from './errors.ts'
export { RewardsError, rewardsErrorCatalog } from './errors.ts'
export type { BondedNode, ChainFacts, LotSale, NodeFees, SponsoredProgram } from './facts/chain-facts.ts'
export {
  encodeChainFacts,
  FACT_NODES_MAX,
  FACT_PROGRAMS_MAX,
  FACT_SALES_MAX,
  FACTS_BYTES_MAX,
  factsUnder,
  KAPPA_BPS_MAX,
  mintCap,
  openChainFacts,
} from './facts/chain-facts.ts'
export type { ChainFactsPorts, EpochBegin } from './facts/chain-facts-reader.ts'
export { ChainFactsReader } from './facts/chain-facts-reader.ts'
export type { ClaimEvent, ClaimTotals } from './facts/claim-tally.ts'
export { ClaimTally } from './facts/claim-tally.ts'
export type { AuditFacts, Claimant } from './facts/claimants.ts'
export { CLAIMANT_EPOCHS, CLAIMANTS_PER_NODE_MAX } from './facts/claimants.ts'
export type { ProbePair } from './probes/answer-chain.ts'
export { answerStatement, firstLink, nextLink, probeNonce } from './probes/answer-chain.ts'
export type { AnswerContext, ProbeRefusal } from './probes/answer-probe.ts'
export { answerProbe } from './probes/answer-probe.ts'
export { Assignment } from './probes/assignment.ts'
export type { AuditReports, ProbeLog, ProbeReport } from './probes/probe-log.ts'
export {
  openProbeLog,
  PROBE_LOG_BYTES_MAX,
  PROBE_LOG_REPORTS_MAX,
  probeLogSlot,
  resourceBits,
  signProbeLog,
} from './probes/probe-log.ts'
export type { ProbeAnswer, ProbeRequest } from './probes/probe-messages.ts'
export { PROBES_MAX, probeAnswerSchema, probeRequestSchema } from './probes/probe-messages.ts'
export type { AnswerRefusal, AnswerVerdict, ProbeLimits, ProbeRecord } from './probes/probe-session.ts'
export { ProbeSession } from './probes/probe-session.ts'
export type { CoverageParameters } from './programs/coverage.ts'
export { coverageProgram } from './programs/coverage.ts'
export type {
  BoundProgram,
  LotPart,
  Policy,
  Program,
  ProgramInput,
  Share,
  SharedInput,
  SoldLot,
} from './programs/program.ts'
export { encodePolicy, POLICY_BYTES_MAX, ProgramRegistry, policyId } from './programs/program.ts'
export type { KnownReason, ShareReason } from './programs/reasons.ts'
export { REASONS_MAX } from './programs/reasons.ts'
export type { UtilityParameters } from './programs/utility.ts'
export { firstUtilityProgram, utilityProgram } from './programs/utility.ts'
export type { AuditCounts, AuditMeasures } from './quality/audit-columns.ts'
export type { LogRefusal, LogRefusals, NodeQuality } from './quality/node-quality.ts'
export { QualityTable } from './quality/node-quality.ts'
export type { LogEquivocation, ProbeFindings } from './quality/probe-tally.ts'
export { ProbeTally } from './quality/probe-tally.ts'
export type { LatencyClass, QualityParameters } from './quality/quality-parameters.ts'
export {
  checkQualityParameters,
  defaultQualityParameters,
  firstQualityParameters,
} from './quality/quality-parameters.ts'
export type { ProbeScore } from './quality/score.ts'
export { scoreProbes } from './quality/score.ts'
export type { EpochNumber, Ppm, RewardUnits, TokenUnits } from './units.ts'
export {
  epochField,
  epochNumber,
  PPM,
  ppm,
  ppmField,
  ppmOf,
  rewardUnits,
  rewardUnitsField,
  tokenUnits,
  tokenUnitsField,
  uint128Field,
} from './units.ts'
