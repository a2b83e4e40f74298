import type { Address, ContentId, Hash, MicroUsd, PeerId, UnixMs, Wei } from '@stead/core'
import { z } from 'zod'
import type { JsonValue } from '../job/job-package.ts'
import { type WardView, wardViewWire } from './care.ts'
import { type CountedReason, countedReasonWire } from './jobs.ts'
import { type PlacementView, placementWire } from './objects.ts'
import { type PossessionStatus, possessionStatusWire } from './possession.ts'
import {
  addressWire,
  contentIdWire,
  countWire,
  hashWire,
  microUsdWire,
  optionalWire,
  peerIdWire,
  unixMsWire,
  type Wire,
  weiWire,
} from './scalars.ts'

/** Answer to `POST /v1/blobs`. */
export interface BlobStored {
  readonly id: ContentId
  readonly bytes: number
}

/** Wire form of {@link BlobStored}. */
export const blobStoredWire: Wire<BlobStored> = z.object({ id: contentIdWire, bytes: countWire })

/** What an account of this node holds; `stale` is why the numbers are missing or old. */
export interface AccountStatus {
  readonly account: Address
  readonly dollarMicroUsd?: MicroUsd
  readonly gasWei?: Wei
  readonly stale?: string
}

/** The provider side of a node. */
export interface ProviderStatus {
  readonly state: 'off' | 'serving' | 'paused' | 'finishing' | 'finished'
  /** Why it is not serving, or why no work comes; a code. */
  readonly reason?: string
  readonly running: number
  readonly queued: number
  readonly succeeded: number
  readonly failed: number
  readonly timedOut: number
  readonly rejected: number
  readonly unclaimedMicroUsd: MicroUsd
}

/** Disk space that a node sells. */
export interface StorageStatus {
  readonly state: 'serving' | 'paused' | 'finishing' | 'finished'
  readonly agreements: number
  /** What payers have agreements for. */
  readonly agreedBytes: number
  /** On disk: kept for payers, proofs included; deleted and not compacted yet; shared in all. */
  readonly liveBytes: number
  readonly trashBytes: number
  readonly capacityBytes: number
  /** What is asked of this node on chain. */
  readonly possession: PossessionStatus
  /** What auditors found last; missing before they did, and where the node takes no part in epochs. */
  readonly audits?: AuditStatus
  /** Missing while the operator does not want to go. */
  readonly leaving?: LeavingStatus
}

/** What the auditors of one epoch found of a node that keeps pieces. */
export interface AuditStatus {
  readonly epoch: number
  /** Whether it is proven that the node keeps what it is paid for; null when too few audits count. */
  readonly isProven: boolean | null
  /** How many auditors came to what: proven, late, offline, lost, lied, none. */
  readonly outcomes: Readonly<Record<string, number>>
  /** The next epoch in which it is not proven costs a part of its quality. */
  readonly isWarned: boolean
  /** This one did. */
  readonly isPenalised: boolean
  /** End of the epoch whose audits decide whether it costs something; missing where it is not warned. */
  readonly decidedAt?: UnixMs
}

/** How far a node that hands its pieces over has come. */
export interface LeavingStatus {
  readonly since: UnixMs
  readonly piecesAtFirst: number
  readonly bytesAtFirst: number
  readonly piecesLeft: number
  readonly bytesLeft: number
  /** Agreements about pieces, or with something to pay. */
  readonly agreementsLeft: number
  /** By the pace so far, in milliseconds. */
  readonly leftMs?: number
  /** All is handed over; until then a node with stake can still be asked about old revisions, and stays up. */
  readonly answerableUntil?: UnixMs
}

/** Body of `POST /v1/storage/leave`. */
export interface LeaveRequest {
  /** False takes it back. */
  readonly leave: boolean
}

/** Wire form of {@link LeaveRequest}. */
export const leaveRequestWire: Wire<LeaveRequest> = z.strictObject({ leave: z.boolean() })

/** Answer to `GET /v1/status`. */
export interface NodeStatus {
  readonly version: string
  readonly node: Address
  readonly peer: PeerId
  readonly operator?: Address
  readonly dataDirectory: string
  readonly processId: number
  readonly startedAt: UnixMs
  readonly roles: readonly string[]
  readonly addresses: readonly string[]
  readonly peers: number
  readonly offers: number
  readonly chain: {
    readonly chainId: number
    readonly escrow: Address
    readonly reachable: boolean
    readonly account: AccountStatus
  }
  readonly provider: ProviderStatus
  /** Missing where no disk space is shared. */
  readonly storage?: StorageStatus
  /** Payers that it looks after; missing when it sells no care. */
  readonly wards?: readonly WardView[]
  /** How what it keeps on other nodes lies there, as of a minute ago at most; missing when it keeps nothing. */
  readonly kept?: PlacementView
  /** The payer side: jobs that run, and what is locked in purses and not spent. */
  readonly payer: { readonly jobsRunning: number; readonly lockedMicroUsd: MicroUsd }
}

const accountStatusWire: Wire<AccountStatus> = z.object({
  account: addressWire,
  dollarMicroUsd: optionalWire(microUsdWire),
  gasWei: optionalWire(weiWire),
  stale: optionalWire(z.string()),
})

const providerStatusWire: Wire<ProviderStatus> = z.object({
  state: z.enum(['off', 'serving', 'paused', 'finishing', 'finished']),
  reason: optionalWire(z.string()),
  running: countWire,
  queued: countWire,
  succeeded: countWire,
  failed: countWire,
  timedOut: countWire,
  rejected: countWire,
  unclaimedMicroUsd: microUsdWire,
})

const leavingStatusWire: Wire<LeavingStatus> = z.object({
  since: unixMsWire,
  piecesAtFirst: countWire,
  bytesAtFirst: countWire,
  piecesLeft: countWire,
  bytesLeft: countWire,
  agreementsLeft: countWire,
  leftMs: optionalWire(countWire),
  answerableUntil: optionalWire(unixMsWire),
})

const auditStatusWire: Wire<AuditStatus> = z.object({
  epoch: countWire,
  isProven: z.nullable(z.boolean()),
  outcomes: z.record(z.string(), countWire),
  isWarned: z.boolean(),
  isPenalised: z.boolean(),
  decidedAt: optionalWire(unixMsWire),
})

/** Wire form of {@link StorageStatus}. */
export const storageStatusWire: Wire<StorageStatus> = z.object({
  state: z.enum(['serving', 'paused', 'finishing', 'finished']),
  agreements: countWire,
  agreedBytes: countWire,
  liveBytes: countWire,
  trashBytes: countWire,
  capacityBytes: countWire,
  possession: possessionStatusWire,
  audits: optionalWire(auditStatusWire),
  leaving: optionalWire(leavingStatusWire),
})

/** Wire form of {@link NodeStatus}. */
export const nodeStatusWire: Wire<NodeStatus> = z.object({
  version: z.string(),
  node: addressWire,
  peer: peerIdWire,
  operator: optionalWire(addressWire),
  dataDirectory: z.string(),
  processId: countWire,
  startedAt: unixMsWire,
  roles: z.array(z.string()),
  addresses: z.array(z.string()),
  peers: countWire,
  offers: countWire,
  chain: z.object({ chainId: countWire, escrow: addressWire, reachable: z.boolean(), account: accountStatusWire }),
  provider: providerStatusWire,
  storage: optionalWire(storageStatusWire),
  wards: optionalWire(z.array(wardViewWire)),
  kept: optionalWire(placementWire),
  payer: z.object({ jobsRunning: countWire, lockedMicroUsd: microUsdWire }),
})

/** A peer that this node is connected to. */
export interface PeerStatus {
  readonly peer: PeerId
  readonly node?: Address
  readonly addresses: readonly string[]
  readonly rttMs?: number
}

/** Answer to `GET /v1/peers`. */
export interface PeerList {
  readonly peers: readonly PeerStatus[]
}

/** Wire form of {@link PeerList}. */
export const peerListWire: Wire<PeerList> = z.object({
  peers: z.array(
    z.object({
      peer: peerIdWire,
      node: optionalWire(addressWire),
      addresses: z.array(z.string()),
      rttMs: optionalWire(z.number()),
    }),
  ),
})

/** An offer that this node holds as valid. */
export interface OfferStatus {
  readonly node: Address
  readonly peer: PeerId
  readonly operator: Address
  readonly resource: string
  readonly region?: string
  readonly expiresAt: UnixMs
  /** The resource's own terms; big integers as decimal text. */
  readonly terms: JsonValue
}

/** Answer to `GET /v1/offers`. */
export interface OfferList {
  readonly offers: readonly OfferStatus[]
}

/** Wire form of {@link OfferList}. */
export const offerListWire: Wire<OfferList> = z.object({
  offers: z.array(
    z.object({
      node: addressWire,
      peer: peerIdWire,
      operator: addressWire,
      resource: z.string(),
      region: optionalWire(z.string()),
      expiresAt: unixMsWire,
      terms: z.json() as unknown as Wire<JsonValue>,
    }),
  ),
})

/** One thing that was looked at, and what to do when it is not right. */
export interface DoctorCheck {
  readonly name: string
  readonly state: 'ok' | 'warning' | 'failed'
  /** What was found, with its numbers. */
  readonly detail: string
  /** The next command; missing when all is well. */
  readonly next?: string
}

/** Answer to `GET /v1/doctor` and `POST /v1/selftest`. */
export interface DoctorReport {
  readonly healthy: boolean
  readonly checks: readonly DoctorCheck[]
}

/** Wire form of {@link DoctorReport}. */
export const doctorReportWire: Wire<DoctorReport> = z.object({
  healthy: z.boolean(),
  checks: z.array(
    z.object({
      name: z.string(),
      state: z.enum(['ok', 'warning', 'failed']),
      detail: z.string(),
      next: optionalWire(z.string()),
    }),
  ),
})

/** Answer to `POST /v1/finish`: no new work is taken from now on. */
export interface FinishAnswer {
  readonly running: number
  readonly reasons: readonly CountedReason[]
}

/** Wire form of {@link FinishAnswer}. */
export const finishAnswerWire: Wire<FinishAnswer> = z.object({
  running: countWire,
  reasons: z.array(countedReasonWire),
})

/** Money of this node that is, or was, locked for providers. */
export interface PurseView {
  readonly purse: Hash
  /** `funding` until the chain is known to have it; `thawing` for a day at least before the rest comes home. */
  readonly stage: 'funding' | 'funded' | 'thawing' | 'closed'
  readonly createdAt: UnixMs
  readonly totalMicroUsd: MicroUsd
  /** On vouchers: it is, or will be, the providers'. */
  readonly signedMicroUsd: MicroUsd
  readonly providers: number
  readonly thawEndsAt?: UnixMs
  /** What came home; of a closed one. */
  readonly refundMicroUsd?: MicroUsd
}

/** Wire form of {@link PurseView}. */
const purseViewWire: Wire<PurseView> = z.object({
  purse: hashWire,
  stage: z.enum(['funding', 'funded', 'thawing', 'closed']),
  createdAt: unixMsWire,
  totalMicroUsd: microUsdWire,
  signedMicroUsd: microUsdWire,
  providers: countWire,
  thawEndsAt: optionalWire(unixMsWire),
  refundMicroUsd: optionalWire(microUsdWire),
})

/** Query of `GET /v1/purses`. */
export interface PurseQuery {
  /** Closed ones as well. @default false */
  readonly all?: boolean
}

/** Wire form of {@link PurseQuery}. */
export const purseQueryWire: Wire<PurseQuery> = z.strictObject({ all: optionalWire(z.stringbool()) })

/** Answer to `GET /v1/purses`, newest first. */
export interface PurseList {
  readonly purses: readonly PurseView[]
}

/** Wire form of {@link PurseList}. */
export const purseListWire: Wire<PurseList> = z.object({ purses: z.array(purseViewWire) })

/** Body of `POST /v1/thaw`. */
export interface ThawRequest {
  readonly purse: Hash
}

/** Wire form of {@link ThawRequest}. */
export const thawRequestWire: Wire<ThawRequest> = z.strictObject({ purse: hashWire })

/** Answer to `POST /v1/thaw`. */
export interface ThawAnswer {
  readonly purse: Hash
  readonly endsAt: UnixMs
  readonly transaction: Hash
}

/** Wire form of {@link ThawAnswer}. */
export const thawAnswerWire: Wire<ThawAnswer> = z.object({ purse: hashWire, endsAt: unixMsWire, transaction: hashWire })
