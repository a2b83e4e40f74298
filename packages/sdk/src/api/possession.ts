import type { Address, Hash, UnixMs } from '@stead/core'
import { z } from 'zod'
import { addressWire, countWire, hashWire, integerWire, optionalWire, unixMsWire, type Wire } from './scalars.ts'

/** A possession challenge that a node faces or faced. */
export interface FacedChallengeView {
  readonly number: bigint
  readonly agreement: Hash
  readonly revision: number
  readonly challenger: Address
  /**
   * `waiting` for its seed, `answering`, or at risk of a penalty: `offline`, the answer could not be sent; `lost`, a leaf
   * cannot be shown; `lied`, time is over. Then `answered`, `missed` or `reclaimed`.
   */
  readonly state: 'waiting' | 'answering' | 'offline' | 'lost' | 'lied' | 'answered' | 'missed' | 'reclaimed'
  /** Last moment for an answer. */
  readonly endsAt?: UnixMs
  readonly reason?: string
  /** Of this node's transactions about it, since it was started. */
  readonly gasUsed: bigint
  readonly gasCostWei: bigint
  readonly takenTokenUnits?: bigint
}

/** What a node knows of challenges against it. */
export interface PossessionStatus {
  readonly challenges: readonly FacedChallengeView[]
  /** When they were last looked for with success. */
  readonly lookedAt?: UnixMs
  /** Why the last look failed: nothing is known since then. */
  readonly fault?: string
}

/** Wire form of {@link PossessionStatus}. */
export const possessionStatusWire: Wire<PossessionStatus> = z.object({
  challenges: z.array(
    z.object({
      number: integerWire,
      agreement: hashWire,
      revision: countWire,
      challenger: addressWire,
      state: z.enum(['waiting', 'answering', 'offline', 'lost', 'lied', 'answered', 'missed', 'reclaimed']),
      endsAt: optionalWire(unixMsWire),
      reason: optionalWire(z.string()),
      gasUsed: integerWire,
      gasCostWei: integerWire,
      takenTokenUnits: optionalWire(integerWire),
    }),
  ),
  lookedAt: optionalWire(unixMsWire),
  fault: optionalWire(z.string()),
})

/** A possession challenge that this node's payer side announced, or is about to. */
export interface AskedChallengeView {
  /** Missing while it is being announced. */
  readonly number?: bigint
  readonly node: Address
  readonly agreement: Hash
  /** `lied` or `lost`, as off-chain proofs came to; `random`, by lot; `wanted`, by command. */
  readonly why: 'lied' | 'lost' | 'random' | 'wanted'
  /** `waiting` for its seed, `asked`, `due` when time is over; then `answered`, `missed` or `reclaimed`. */
  readonly state: 'announcing' | 'waiting' | 'asked' | 'due' | 'answered' | 'missed' | 'reclaimed'
  /** Last moment for an answer. */
  readonly endsAt?: UnixMs
  /** What kept the last step from being done; it is tried again. */
  readonly reason?: string
  /** Of this payer's transactions about it. */
  readonly gasUsed: bigint
  readonly gasCostWei: bigint
  /** What the node lost. */
  readonly takenTokenUnits?: bigint
}

/** Wire form of {@link AskedChallengeView}. */
export const askedChallengeWire: Wire<AskedChallengeView> = z.object({
  number: optionalWire(integerWire),
  node: addressWire,
  agreement: hashWire,
  why: z.enum(['lied', 'lost', 'random', 'wanted']),
  state: z.enum(['announcing', 'waiting', 'asked', 'due', 'answered', 'missed', 'reclaimed']),
  endsAt: optionalWire(unixMsWire),
  reason: optionalWire(z.string()),
  gasUsed: integerWire,
  gasCostWei: integerWire,
  takenTokenUnits: optionalWire(integerWire),
})

/** Answer to `GET /v1/storage/challenges`. */
export interface ChallengeList {
  /** What one costs when the node answers, besides about 274,000 gas. */
  readonly depositTokenUnits: bigint
  readonly answerSeconds: number
  /** Deposits of what was asked without a command: out now, lost in thirty days, and the most of both. */
  readonly budget: { readonly outTokenUnits: bigint; readonly lostTokenUnits: bigint; readonly limitTokenUnits: bigint }
  readonly challenges: readonly AskedChallengeView[]
}

/** Wire form of {@link ChallengeList}. */
export const challengeListWire: Wire<ChallengeList> = z.object({
  depositTokenUnits: integerWire,
  answerSeconds: countWire,
  budget: z.object({ outTokenUnits: integerWire, lostTokenUnits: integerWire, limitTokenUnits: integerWire }),
  challenges: z.array(askedChallengeWire),
})

/** Body of `POST /v1/storage/challenges`. */
export interface ChallengeRequest {
  /** Who has to prove what it keeps. */
  readonly node: Address
}

/** Wire form of {@link ChallengeRequest}. */
export const challengeRequestWire: Wire<ChallengeRequest> = z.strictObject({ node: addressWire })
