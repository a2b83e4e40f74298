import type { Address, Hash, MicroUsd, Signer } from '@stead/core'
import {
  addressField,
  addressWord,
  bytesField,
  checkStatement,
  defineSchema,
  equalBytes,
  fixedBytesField,
  hashWord,
  microUsdField,
  payloadOf,
  type Schema,
  type Secp256k1,
  signStatement,
  slotOf,
  uint64Field,
  uintField,
  uintToBytes,
  uintWord,
  versionField,
} from '@stead/protocol'
import { StorageError } from '../errors.ts'
import { byteSecondsOf } from '../meter.ts'
import { type SetSums, SLOTS_MAX } from './piece-set.ts'

/** Who agrees, where it is paid, and which of their agreements it is. */
export interface AgreementParties {
  readonly chainId: number
  readonly escrow: Address
  readonly payer: Address
  readonly node: Address
  /** 16 bytes that the payer chose: see {@link agreementNumber}. */
  readonly number: Uint8Array
}

/**
 * One revision of what a payer and a node agree on: which pieces are kept, at which price, and what is due for the time
 * until now. Both sign it, into a slot of its own: who signs two of one number is caught. A higher revision replaces a
 * lower one.
 */
export interface Agreement extends AgreementParties {
  readonly version: 1
  /** 0, 1, 2, … */
  readonly revision: number
  /** From when on it holds, in whole seconds since 1970. */
  readonly atSecond: number
  /** Root of the {@link PieceSet}, 32 bytes. */
  readonly root: Uint8Array
  readonly leaves: number
  readonly slots: number
  readonly pieces: number
  /** Bytes of all pieces together. */
  readonly bytes: number
  /** Locked for as long as the agreement lasts. */
  readonly priceMicroUsdPerTibHour: MicroUsd
  /** Kept until `atSecond` and not billed yet. */
  readonly dueByteSeconds: bigint
}

/** Most bytes of one agreement: the largest pieces in all slots; a day of them is far from what 64 bits hold. */
const AGREEMENT_BYTES_MAX: number = 2 ** 44

/**
 * Encodings of {@link Agreement}. The possession adjudicator on chain reads documents of exactly these fields (ADR 18): with
 * another field it cannot hear what a node signed.
 */
export const agreementSchema: Schema<Agreement> = defineSchema<Agreement>('Agreement', 512, {
  version: [1, versionField(1)],
  chainId: [2, uintField()],
  escrow: [3, addressField],
  payer: [4, addressField],
  node: [5, addressField],
  number: [6, fixedBytesField(16)],
  revision: [7, uintField(0xffff_ffff)],
  atSecond: [8, uintField(0xffff_ffff)],
  root: [9, fixedBytesField(32)],
  leaves: [10, uintField()],
  slots: [11, uintField(SLOTS_MAX)],
  pieces: [12, uintField(SLOTS_MAX)],
  bytes: [13, uintField(AGREEMENT_BYTES_MAX)],
  priceMicroUsdPerTibHour: [14, microUsdField],
  dueByteSeconds: [15, uint64Field()],
})

/** A revision as both sides keep it. */
export interface SignedAgreement {
  /** The revision's DAG-CBOR bytes. */
  readonly document: Uint8Array
  /** 65 bytes. */
  readonly payerSignature: Uint8Array
  /** 65 bytes. */
  readonly nodeSignature: Uint8Array
}

/** Encodings of {@link SignedAgreement}. */
export const signedAgreementSchema: Schema<SignedAgreement> = defineSchema<SignedAgreement>('SignedAgreement', 768, {
  document: [1, bytesField(512)],
  payerSignature: [2, fixedBytesField(65)],
  nodeSignature: [3, fixedBytesField(65)],
})

/** The number of a payer's first, second, … agreement with a node: whoever knows both can name the agreement. */
export function agreementNumber(ordinal: number): Uint8Array {
  return uintToBytes(BigInt(ordinal), 16)
}

/** The name of an agreement through all its revisions. */
export function agreementIdOf({ chainId, escrow, payer, node, number }: AgreementParties): Hash {
  const padded = new Uint8Array(32)
  padded.set(number)
  const words = [uintWord(chainId), addressWord(escrow), addressWord(payer), addressWord(node), padded]
  return slotOf('stead/agreement', words)
}

/** The slot in which payer and node each say one revision. */
function agreementSlot(id: Hash, revision: number): Hash {
  return slotOf('stead/agreement-revision', [hashWord(id), uintWord(revision)])
}

/** A signature (65 bytes) over a revision, by either side. The caller journals first. */
export function signAgreement(signer: Signer, agreement: Agreement, document: Uint8Array): Uint8Array {
  const slot = agreementSlot(agreementIdOf(agreement), agreement.revision)
  return signStatement(signer, slot, payloadOf(document)).signature
}

/** Checks one side's signature over a revision. @throws ProtocolError PROTOCOL_SIGNATURE */
export function checkAgreementSignature(
  secp256k1: Secp256k1,
  by: Address,
  agreement: Agreement,
  signed: { readonly document: Uint8Array; readonly signature: Uint8Array },
): void {
  const slot = agreementSlot(agreementIdOf(agreement), agreement.revision)
  checkStatement(secp256k1, by, { slot, payload: payloadOf(signed.document), signature: signed.signature })
}

/** Reads a revision that both sides signed. @throws ProtocolError when it is none */
export function openAgreement(secp256k1: Secp256k1, signed: SignedAgreement): Agreement {
  const { document } = signed
  const agreement = agreementSchema.decodeDocument(document)
  checkAgreementSignature(secp256k1, agreement.payer, agreement, { document, signature: signed.payerSignature })
  checkAgreementSignature(secp256k1, agreement.node, agreement, { document, signature: signed.nodeSignature })
  return agreement
}

/** The first revision: no pieces, nothing due. */
export function firstAgreement(
  parties: AgreementParties,
  {
    atSecond,
    priceMicroUsdPerTibHour,
    set,
  }: Pick<Agreement, 'atSecond' | 'priceMicroUsdPerTibHour'> & { readonly set: SetSums },
): Agreement {
  const { chainId, escrow, payer, node, number } = parties
  return {
    version: 1,
    chainId,
    escrow,
    payer,
    node,
    number,
    revision: 0,
    atSecond,
    root: set.root,
    leaves: set.leaves,
    slots: set.slots,
    pieces: set.pieces,
    bytes: set.bytes,
    priceMicroUsdPerTibHour,
    dueByteSeconds: 0n,
  }
}

/** How a revision differs from the one before. */
export interface NextRevision {
  readonly atSecond: number
  readonly set: SetSums
  /** How much of what is due until then goes on a bill; 0 when nothing does. */
  readonly billedByteSeconds: bigint
  /** Of a bill that came to nothing, and is due again. @default 0 */
  readonly restoredByteSeconds?: bigint
}

/** The revision that follows. @throws RangeError when its time is before that of the one before, or more is billed than due */
export function nextAgreement(
  before: Agreement,
  { atSecond, set, billedByteSeconds, restoredByteSeconds = 0n }: NextRevision,
): Agreement {
  const due = dueAt(before, atSecond) + restoredByteSeconds
  if (billedByteSeconds < 0n || billedByteSeconds > due)
    throw new RangeError(`${billedByteSeconds} byte-seconds are billed, ${due} are due`)
  return {
    ...before,
    revision: before.revision + 1,
    atSecond,
    root: set.root,
    leaves: set.leaves,
    slots: set.slots,
    pieces: set.pieces,
    bytes: set.bytes,
    dueByteSeconds: due - billedByteSeconds,
  }
}

/** What is due for the time until a moment, billed or not. @throws RangeError when that is before the revision */
export function dueAt({ atSecond, bytes, dueByteSeconds }: Agreement, toSecond: number): bigint {
  if (toSecond < atSecond) throw new RangeError(`an agreement of second ${atSecond} is not revised at ${toSecond}`)
  return dueByteSeconds + byteSecondsOf({ bytes, fromSecond: atSecond, toSecond })
}

/**
 * The first part of what is due that so many byte-seconds pay for: until an earlier second, so that little or nothing before it
 * stays unpaid. A node signs no later time while too much is.
 */
export function partOf(
  before: Agreement,
  byteSecondsMax: bigint,
): { readonly atSecond: number; readonly billedByteSeconds: bigint } {
  const { atSecond, bytes, dueByteSeconds } = before
  const more = byteSecondsMax - dueByteSeconds
  if (more < 0n || bytes === 0) return { atSecond, billedByteSeconds: least(byteSecondsMax, dueByteSeconds) }
  const seconds = Number(more / BigInt(bytes))
  // Where not even the next second can be paid whole, a part of it.
  const toSecond = atSecond + (seconds === 0 && dueByteSeconds === 0n ? 1 : seconds)
  return { atSecond: toSecond, billedByteSeconds: least(byteSecondsMax, dueAt(before, toSecond)) }
}

function least(one: bigint, other: bigint): bigint {
  return one < other ? one : other
}

/** Checks that a revision is exactly what follows. @throws StorageError STORAGE_AGREEMENT_DIFFERS with what does not */
export function checkNextAgreement(next: Agreement, expected: Agreement): void {
  for (const key of Object.keys(expected) as (keyof Agreement)[]) {
    const [have, need] = [next[key], expected[key]]
    const isSame = have instanceof Uint8Array && need instanceof Uint8Array ? equalBytes(have, need) : have === need
    if (isSame) continue
    const message = `revision ${expected.revision} of an agreement has another ${key} than what was agreed before gives`
    throw new StorageError('STORAGE_AGREEMENT_DIFFERS', message, {
      details: { field: key, revision: expected.revision },
    })
  }
}
