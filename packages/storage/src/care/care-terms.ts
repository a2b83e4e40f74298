import { type Address, type MicroUsd, microUsd } from '@stead/core'
import {
  concatBytes,
  defineSchema,
  equalBytes,
  hexToBytes,
  microUsdField,
  type Schema,
  sha256,
  uintField,
  uintToBytes,
  versionField,
} from '@stead/protocol'

const PPM = 1_000_000n
/** Ten times as much as the nodes get. */
const SHARE_PPM_MAX = 10_000_000
const NUMBER_TAG: Uint8Array = new TextEncoder().encode('stead/care-agreement/1')
const TAG_BYTES = 12
const ORDINAL_BYTES = 4

/** Price and limits of care; the `terms` of an offer and, locked, of a quote. */
export interface CareTerms {
  readonly version: 1
  /** What is billed on top of what nodes are paid, in millionths of that. */
  readonly sharePpm: number
  /** Most segments of one payer. */
  readonly segmentsMax: number
  /** A payer that was not heard of for so long is away, in seconds: from then on nothing is given up. */
  readonly absentSeconds: number
}

/** Encodings of {@link CareTerms}. */
export const careTermsSchema: Schema<CareTerms> = defineSchema<CareTerms>('CareTerms', 64, {
  version: [1, versionField(1)],
  sharePpm: [2, uintField(SHARE_PPM_MAX)],
  segmentsMax: [3, uintField(0xffff_ffff)],
  absentSeconds: [4, uintField(0xffff_ffff)],
})

/** What a payer wants looked after; the `need` of a request for a quote. */
export interface CareNeed {
  readonly version: 1
  /** What will be paid ahead. */
  readonly budgetMicroUsd: MicroUsd
}

/** Encodings of {@link CareNeed}. */
export const careNeedSchema: Schema<CareNeed> = defineSchema<CareNeed>('CareNeed', 64, {
  version: [1, versionField(1)],
  budgetMicroUsd: [2, microUsdField],
})

/** What a caretaker bills for what it paid to nodes. */
export function careAmountOf(paidMicroUsd: bigint, sharePpm: number): MicroUsd {
  return microUsd(paidMicroUsd + (paidMicroUsd * BigInt(sharePpm)) / PPM)
}

/**
 * The number of a caretaker's first, second, … agreement with a node for one payer. Nothing but that payer's pieces is in it:
 * to nobody else can its periods be billed.
 */
export function careNumber(payer: Address, ordinal: number): Uint8Array {
  return concatBytes(tagOf(payer), uintToBytes(BigInt(ordinal), ORDINAL_BYTES))
}

/** Whether an agreement's number is of those for a payer. */
export function isCareNumber(number: Uint8Array, payer: Address): boolean {
  return equalBytes(number.subarray(0, TAG_BYTES), tagOf(payer))
}

/** Under which a caretaker is found in the network's table by who reads what a payer keeps. */
export function careKey(payer: Address): string {
  return `stead/care/1/${payer}`
}

function tagOf(payer: Address): Uint8Array {
  return sha256(concatBytes(NUMBER_TAG, hexToBytes(payer))).slice(0, TAG_BYTES)
}
