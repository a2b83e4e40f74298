import type { Address, Hash, PossessionEnd, UnixMs } from '@stead/core'
import {
  addressField,
  defineSchema,
  hashField,
  type Schema,
  textField,
  timeField,
  uint64Field,
  uintField,
  wordField,
} from '@stead/protocol'

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

/** A challenge of this payer that is over. */
export interface EndedAsk {
  readonly number: bigint
  readonly node: Address
  readonly why: AskReason
  /** By the chain's time, when it was noticed. */
  readonly endedAt: UnixMs
  readonly end: PossessionEnd['kind']
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

const endedSchema: Schema<EndedAsk> = defineSchema<EndedAsk>('EndedAsk', 256, {
  number: [1, uint64Field()],
  node: [2, addressField],
  why: [3, wordField(['lied', 'lost', 'random', 'wanted'])],
  endedAt: [4, timeField],
  end: [5, wordField(['answered', 'missed', 'reclaimed'])],
})

/** agreement -> AskIntent */
export const ASKING_TABLE = 'storage-asking'
/** number -> AskedRow */
export const ASKED_TABLE = 'storage-asked'
/** number -> EndedAsk */
export const ENDED_ASKS_TABLE = 'storage-asked-ended'

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

export function encodeEnded(row: EndedAsk): Uint8Array {
  return endedSchema.encodeMessage(row)
}

/** @throws ProtocolError when it is damaged */
export function decodeEnded(bytes: Uint8Array): EndedAsk {
  return endedSchema.decodeMessage(bytes)
}

/** The key of a challenge's rows, in the order of their numbers. */
export function askedKey({ number }: Pick<AskedRow, 'number'>): string {
  return number.toString().padStart(20, '0')
}
