import type { MicroUsd } from '@stead/core'
import { defineSchema, microUsdField, optionalField, type Schema, uintField, versionField } from '@stead/protocol'

/** Price and limits of storage; the `terms` of an offer and, locked, of a quote. */
export interface StorageTerms {
  readonly version: 1
  /** Price of 2^40 bytes that are kept and proven for an hour. */
  readonly priceMicroUsdPerTibHour: MicroUsd
  /** In an offer only: room that is left, rounded down to a power of two; how full a disk is to the byte is nobody's business. */
  readonly freeBytes?: number
  /** Largest piece. */
  readonly pieceBytesMax: number
  /** A payer proves and pays at least so often, in seconds. */
  readonly periodSecondsMax: number
  /** Time without a payment after which the node need not keep pieces, in seconds. */
  readonly unpaidSecondsMax: number
  /** For so long a channel must have money before the node takes more, in seconds. */
  readonly runwaySecondsMin: number
}

/** Encodings of {@link StorageTerms}. */
export const storageTermsSchema: Schema<StorageTerms> = defineSchema<StorageTerms>('StorageTerms', 256, {
  version: [1, versionField(1)],
  priceMicroUsdPerTibHour: [2, microUsdField],
  freeBytes: [3, optionalField(uintField())],
  pieceBytesMax: [4, uintField(0xffff_ffff)],
  periodSecondsMax: [5, uintField(0xffff_ffff)],
  unpaidSecondsMax: [6, uintField(0xffff_ffff)],
  runwaySecondsMin: [7, uintField(0xffff_ffff)],
})

/** What a payer wants to keep at a node; the `need` of a request for a quote. */
export interface StorageNeed {
  readonly version: 1
  readonly bytes: number
  readonly pieceBytes: number
}

/** Encodings of {@link StorageNeed}. */
export const storageNeedSchema: Schema<StorageNeed> = defineSchema<StorageNeed>('StorageNeed', 64, {
  version: [1, versionField(1)],
  bytes: [2, uintField()],
  pieceBytes: [3, uintField(0xffff_ffff)],
})

/** A need that terms do not meet. */
export interface StorageMismatch {
  readonly limit: 'room' | 'piece-size'
  readonly need: number
  readonly have: number
}

/** The first respect in which terms do not meet a need; undefined when they do. */
export function storageMismatch(terms: StorageTerms, need: StorageNeed): StorageMismatch | undefined {
  const { freeBytes = Number.POSITIVE_INFINITY } = terms
  if (need.bytes > freeBytes) return { limit: 'room', need: need.bytes, have: freeBytes }
  if (need.pieceBytes > terms.pieceBytesMax)
    return { limit: 'piece-size', need: need.pieceBytes, have: terms.pieceBytesMax }
  return undefined
}
