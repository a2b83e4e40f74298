import type { Address, Hash } from '@stead/core'
import { addressField, defineSchema, hashField, type Schema, textField, uint64Field, uintField } from '@stead/protocol'

/** Why a payer asked: its off-chain proofs, by lot, or because its owner wanted it. */
export type AskReason = 'lied' | 'lost' | 'random' | 'wanted'

/** A challenge that is about to be announced; a crash may leave it announced and not known. */
export interface AskIntent {
  readonly agreement: Hash
  readonly node: Address
  readonly why: AskReason
  /** Not announced before this block. */
  readonly fromBlock: number
}

/** A challenge that this payer announced. */
export interface AskedRow extends AskIntent {
  readonly number: bigint
  readonly revision: number
  readonly gasUsed: bigint
  readonly gasCostWei: bigint
}

interface AskMessage extends Omit<AskIntent, 'why'> {
  readonly why: string
}
interface AskedMessage extends Omit<AskedRow, 'why'> {
  readonly why: string
}

const intentFields = {
  agreement: [1, hashField],
  node: [2, addressField],
  why: [3, textField(16)],
  fromBlock: [4, uintField()],
} as const

const intentSchema: Schema<AskMessage> = defineSchema<AskMessage>('AskIntent', 256, intentFields)
const askedSchema: Schema<AskedMessage> = defineSchema<AskedMessage>('AskedChallenge', 512, {
  ...intentFields,
  number: [5, uint64Field()],
  revision: [6, uintField(0xffff_ffff)],
  gasUsed: [7, uint64Field()],
  gasCostWei: [8, uint64Field()],
})

/** agreement -> AskIntent */
export const ASKING_TABLE = 'storage-asking'
/** number -> AskedRow */
export const ASKED_TABLE = 'storage-asked'

export function encodeIntent(intent: AskIntent): Uint8Array {
  return intentSchema.encodeMessage(intent)
}

/** @throws ProtocolError when it is damaged */
export function decodeIntent(bytes: Uint8Array): AskIntent {
  const { why, ...rest } = intentSchema.decodeMessage(bytes)
  return { ...rest, why: why as AskReason }
}

export function encodeAsked(row: AskedRow): Uint8Array {
  return askedSchema.encodeMessage(row)
}

/** @throws ProtocolError when it is damaged */
export function decodeAsked(bytes: Uint8Array): AskedRow {
  const { why, ...rest } = askedSchema.decodeMessage(bytes)
  return { ...rest, why: why as AskReason }
}
