import { type Address, address, TOKEN_UNITS } from '@stead/core'
import {
  defaultAuditParameters,
  defaultQualityParameters,
  encodePolicy,
  policyId,
  utilityProgram,
} from '@stead/rewards'
import type { MemoryEconomyOptions } from '@stead/testkit'
import { UNPAID_SECONDS_LEAST } from './storage-terms.ts'

export const EPOCH_SECONDS = 120
const CHALLENGE_SECONDS = 60

export const PROBERS_PER_NODE = 3
export const PROBERS_MIN = 2
/** Few probes, so that an epoch of minutes holds them. */
const QUALITY = {
  ...defaultQualityParameters,
  probersPerNode: PROBERS_PER_NODE,
  probersMin: PROBERS_MIN,
  probesPerEpoch: 4,
  audits: {
    ...defaultAuditParameters,
    auditorsPerNode: PROBERS_PER_NODE,
    auditorsMin: PROBERS_MIN,
    // With an epoch less than a node waits for pay: what it may end is not asked for.
    revisionAgeSecondsMax: UNPAID_SECONDS_LEAST - EPOCH_SECONDS,
  },
}

/** The policy by which epochs of a simulated world are computed. */
export const UTILITY_POLICY: Uint8Array = encodePolicy(utilityProgram, { quality: QUALITY })

/** Epochs of minutes, so that a run of some minutes has several. */
export const EPOCH_ECONOMY: MemoryEconomyOptions = {
  epochSeconds: EPOCH_SECONDS,
  challengeSeconds: CHALLENGE_SECONDS,
  decisionSeconds: CHALLENGE_SECONDS,
  programs: [{ id: policyId(UTILITY_POLICY), source: 'minted' }],
}
/** Blocks are made this often, with or without transactions: a chain without blocks has no epochs. */
export const BLOCK_MS = 2000

/** Stake of an honest node and of one that cheats: with fewer than two cheats on each honest one, the honest decide. */
export const HONEST_STAKE: bigint = 4000n * TOKEN_UNITS
export const CHEAT_STAKE: bigint = 1000n * TOKEN_UNITS
/** For deposits behind proposals and challenges: an honest operator never runs out, a liar has three lies. */
export const HONEST_DEPOSITS: bigint = 10_000n * TOKEN_UNITS
export const CHEAT_DEPOSITS: bigint = 300n * TOKEN_UNITS
/** Who owns all Sybil nodes of a world. */
export const SYBIL: Address = address(`0x${'5b'.repeat(20)}`)
