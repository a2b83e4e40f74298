import type { Address, ContentId, Hash, MicroUsd, Signer } from '@stead/core'
import { contentIdOf } from './content-id.ts'
import { hashWord, uintWord } from './eip712.ts'
import { ProtocolError } from './errors.ts'
import {
  bytesField,
  contentIdField,
  fixedBytesField,
  hashField,
  listField,
  microUsdField,
  optionalField,
  uint64Field,
  uintField,
  versionField,
} from './schema/field.ts'
import { defineSchema, type Schema } from './schema/schema.ts'
import type { Secp256k1 } from './secp256k1/backend.ts'
import { checkStatement, payloadOf, signStatement, slotOf } from './statement.ts'

/** One delivered unit of work on a bill, of any resource. */
export interface BillEntry {
  /** 16 random bytes that the payer chose for this delivery; a provider bills each once. */
  readonly delivery: Uint8Array
  /** What was asked for: the task, piece or block. */
  readonly item: ContentId
  /** What was delivered: the outcome's record. */
  readonly evidence: ContentId
  /** Metered units: fuel for compute, bytes for storage and bandwidth. */
  readonly quantity: bigint
  readonly amountMicroUsd: MicroUsd
}

/**
 * One increment of a channel's bill. Increments form a chain by hash; `cumulative` is the previous one's plus the
 * amounts of these entries (plus `prepaid`, which later entries consume), and is exactly what the voucher says.
 */
export interface Increment {
  readonly version: 1
  readonly channel: Hash
  /** 0, 1, 2, … per channel. */
  readonly index: number
  /** The increment before; missing in the first. */
  readonly previous?: ContentId
  readonly entries: readonly BillEntry[]
  /** Delivered since the channel began: the sum of all entries' amounts so far. */
  readonly deliveredMicroUsd: MicroUsd
  /** The voucher's amount: delivered, or more where the payer pays ahead. */
  readonly cumulativeMicroUsd: MicroUsd
}

/** Most entries in one increment. */
export const INCREMENT_ENTRIES_MAX = 2048
/** Largest increment in bytes. */
export const INCREMENT_BYTES_MAX = 524_288

const entrySchema: Schema<BillEntry> = defineSchema<BillEntry>('BillEntry', 256, {
  delivery: [1, fixedBytesField(16)],
  item: [2, contentIdField],
  evidence: [3, contentIdField],
  quantity: [4, uint64Field()],
  amountMicroUsd: [5, microUsdField],
})

/** Encodings of {@link Increment}. */
export const incrementSchema: Schema<Increment> = defineSchema<Increment>('Increment', INCREMENT_BYTES_MAX, {
  version: [1, versionField(1)],
  channel: [2, hashField],
  index: [3, uintField(0xffff_ffff)],
  previous: [4, optionalField(contentIdField)],
  entries: [5, listField(entrySchema.asField(), INCREMENT_ENTRIES_MAX)],
  deliveredMicroUsd: [6, microUsdField],
  cumulativeMicroUsd: [7, microUsdField],
})

/** A provider statement over an increment and the voucher that paid for it, kept together by both sides. */
export interface Receipt {
  /** The increment's DAG-CBOR bytes as signed. */
  readonly increment: Uint8Array
  /** The provider's signature over its statement, 65 bytes. */
  readonly providerSignature: Uint8Array
  /** The voucher's signature over the increment's cumulative amount, 65 bytes. */
  readonly voucherSignature: Uint8Array
}

/** Encodings of {@link Receipt}. */
export const receiptSchema: Schema<Receipt> = defineSchema<Receipt>('Receipt', INCREMENT_BYTES_MAX + 256, {
  increment: [1, bytesField(INCREMENT_BYTES_MAX)],
  providerSignature: [2, fixedBytesField(65)],
  voucherSignature: [3, fixedBytesField(65)],
})

/** The slot in which a provider says increment `index` of a channel. */
export function incrementSlot(channel: Hash, index: number): Hash {
  return slotOf('stead/increment', [hashWord(channel), uintWord(index)])
}

/** The content id of an increment's bytes: what the next one calls `previous`. */
export function incrementId(bytes: Uint8Array): ContentId {
  return contentIdOf('dag-cbor', bytes)
}

/** The provider's signature (65 bytes) over an increment's bytes. The caller journals first. */
export function signIncrement(
  signer: Signer,
  increment: Pick<Increment, 'channel' | 'index'>,
  bytes: Uint8Array,
): Uint8Array {
  return signStatement(signer, incrementSlot(increment.channel, increment.index), payloadOf(bytes)).signature
}

/** Checks the provider's signature over an increment. @throws ProtocolError PROTOCOL_SIGNATURE */
export function checkIncrementSignature(
  secp256k1: Secp256k1,
  node: Address,
  increment: Pick<Increment, 'channel' | 'index'>,
  signed: { readonly bytes: Uint8Array; readonly signature: Uint8Array },
): void {
  const slot = incrementSlot(increment.channel, increment.index)
  checkStatement(secp256k1, node, { slot, payload: payloadOf(signed.bytes), signature: signed.signature })
}

/** What an increment must follow; undefined at a channel's beginning. */
export interface IncrementBefore {
  readonly id: ContentId
  readonly index: number
  readonly deliveredMicroUsd: MicroUsd
  readonly cumulativeMicroUsd: MicroUsd
}

/**
 * Checks that an increment follows the one before: index, link, sums, and that the debt never falls.
 * @throws ProtocolError PROTOCOL_CONTENT with the numbers that disagree
 */
export function checkIncrementFollows(increment: Increment, before: IncrementBefore | undefined): void {
  const wrong = (what: string, need: bigint | number | string, have: bigint | number | string): never => {
    throw new ProtocolError('PROTOCOL_CONTENT', `increment ${increment.index}: ${what} must be ${need}, not ${have}`, {
      details: { channel: increment.channel, index: increment.index, need, have },
    })
  }
  const index = before === undefined ? 0 : before.index + 1
  if (increment.index !== index) wrong('index', index, increment.index)
  if (increment.previous !== before?.id) wrong('previous', before?.id ?? 'missing', increment.previous ?? 'missing')
  let delivered: bigint = before?.deliveredMicroUsd ?? 0n
  for (const entry of increment.entries) delivered += entry.amountMicroUsd
  if (increment.deliveredMicroUsd !== delivered) wrong('delivered', delivered, increment.deliveredMicroUsd)
  const least = before?.cumulativeMicroUsd ?? 0n
  if (increment.cumulativeMicroUsd < least) wrong('cumulative at least', least, increment.cumulativeMicroUsd)
}
