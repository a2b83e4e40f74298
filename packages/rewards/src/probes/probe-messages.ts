import type { Address, Hash } from '@stead/core'
import {
  addressField,
  defineSchema,
  fixedBytesField,
  hashField,
  optionalField,
  type Schema,
  uintField,
  versionField,
} from '@stead/protocol'
import { type EpochNumber, epochField } from '../units.ts'

/** A prober asks a node whether it is there. */
export interface ProbeRequest {
  readonly version: 1
  readonly epoch: EpochNumber
  readonly beacon: Hash
  readonly prober: Address
  readonly node: Address
  /** Number of the probe in the epoch, from 0. */
  readonly index: number
  /** 32 bytes. */
  readonly nonce: Uint8Array
  /** The link that the node's last answer to this prober stands for; missing at its first answer. */
  readonly previousLink?: Uint8Array
  /** That answer's signature: the node recognises its own word and keeps no books on probers. */
  readonly previousSignature?: Uint8Array
}

/** A node is there: its signature over all that it has answered this prober in this epoch. */
export interface ProbeAnswer {
  readonly version: 1
  readonly epoch: EpochNumber
  readonly prober: Address
  readonly node: Address
  /** The request's. */
  readonly nonce: Uint8Array
  /** 65 bytes over the new link. */
  readonly signature: Uint8Array
}

/** Most probes of one prober to one node in one epoch. */
export const PROBES_MAX = 256

/** Encodings of {@link ProbeRequest}. */
export const probeRequestSchema: Schema<ProbeRequest> = defineSchema<ProbeRequest>('ProbeRequest', 512, {
  version: [1, versionField(1)],
  epoch: [2, epochField],
  beacon: [3, hashField],
  prober: [4, addressField],
  node: [5, addressField],
  index: [6, uintField(PROBES_MAX - 1)],
  nonce: [7, fixedBytesField(32)],
  previousLink: [8, optionalField(fixedBytesField(32))],
  previousSignature: [9, optionalField(fixedBytesField(65))],
})

/** Encodings of {@link ProbeAnswer}. */
export const probeAnswerSchema: Schema<ProbeAnswer> = defineSchema<ProbeAnswer>('ProbeAnswer', 256, {
  version: [1, versionField(1)],
  epoch: [2, epochField],
  prober: [3, addressField],
  node: [4, addressField],
  nonce: [5, fixedBytesField(32)],
  signature: [6, fixedBytesField(65)],
})
