import { type Hash, hasCode } from '@stead/core'
import {
  bytesField,
  bytesToHex,
  concatBytes,
  defineSchema,
  equalBytes,
  fixedBytesField,
  flagField,
  hashField,
  hashFromBytes,
  optionalField,
  type Schema,
  type Secp256k1,
  sha256,
  uintField,
  versionField,
  wordField,
} from '@stead/protocol'
import { StorageError } from '../errors.ts'
import { POINTER_VALUE_BYTES_MAX } from '../objects/root-pointer.ts'
import { KEEPER_BYTES, KEEPERS_BYTES_MAX } from './quorum.ts'

/** Bytes that a process which writes is known by, drawn at each start. */
export const WRITER_BYTES = 16
const ROUND_MAX = 0xffff_ffff

/** What a register says after one step. Step by step it is decided once, by the keepers that the step before names. */
export interface RegisterRecord {
  readonly version: 1
  /** 1, 2, 3 …; also grows when only the keepers change. */
  readonly step: number
  /** The pointer's own number: 0 while it has no value. */
  readonly sequence: number
  readonly value: Uint8Array
  /** Public keys of those who decide the next step, 33 bytes each. */
  readonly keepers: Uint8Array
  /** The process that made it; it alone may propose the next step without asking first. */
  readonly writer: Uint8Array
  /** Keepers tell the network's table that they have it. */
  readonly isAnnounced: boolean
}

/** Largest encoding of a {@link RegisterRecord}. */
export const RECORD_BYTES_MAX: number = POINTER_VALUE_BYTES_MAX + KEEPERS_BYTES_MAX + 256

export const recordSchema: Schema<RegisterRecord> = defineSchema<RegisterRecord>('RegisterRecord', RECORD_BYTES_MAX, {
  version: [1, versionField(1)],
  step: [2, uintField()],
  sequence: [3, uintField()],
  value: [4, bytesField(POINTER_VALUE_BYTES_MAX)],
  keepers: [5, bytesField(KEEPERS_BYTES_MAX, KEEPER_BYTES)],
  writer: [6, fixedBytesField(WRITER_BYTES)],
  isAnnounced: [7, flagField],
})

/** A turn of one process to propose; of two the one with the higher round goes first, then the one with the higher writer. */
export interface Ballot {
  readonly round: number
  readonly writer: Uint8Array
}

/** Negative when the first ballot is lower. */
export function compareBallots(left: Ballot, right: Ballot): number {
  if (left.round !== right.round) return left.round - right.round
  const [mine, theirs] = [bytesToHex(left.writer), bytesToHex(right.writer)]
  return mine < theirs ? -1 : mine > theirs ? 1 : 0
}

/** What whoever has a register's key says to its keepers. */
export interface RegisterWord extends Ballot {
  readonly version: 1
  /** `prepare` asks for a turn, `propose` uses it, `decide` says that a quorum took a record. */
  readonly kind: 'prepare' | 'propose' | 'decide'
  readonly register: Hash
  readonly step: number
  /** SHA-256 of the record's encoding; zeros where there is none. */
  readonly record: Hash
}

const WORD_BYTES_MAX = 256

const wordSchema: Schema<RegisterWord> = defineSchema<RegisterWord>('RegisterWord', WORD_BYTES_MAX, {
  version: [1, versionField(1)],
  kind: [2, wordField(['prepare', 'propose', 'decide'])],
  register: [3, hashField],
  step: [4, uintField()],
  round: [5, uintField(ROUND_MAX)],
  writer: [6, fixedBytesField(WRITER_BYTES)],
  record: [7, hashField],
})

/** A word with its signature, and the record that it is about where it comes along. */
export interface SignedWord {
  readonly word: Uint8Array
  /** 65 bytes. */
  readonly signature: Uint8Array
  readonly record?: Uint8Array
}

export const signedWordSchema: Schema<SignedWord> = defineSchema<SignedWord>('SignedWord', RECORD_BYTES_MAX + 512, {
  word: [1, bytesField(WORD_BYTES_MAX)],
  signature: [2, fixedBytesField(65)],
  record: [3, optionalField(bytesField(RECORD_BYTES_MAX, 1))],
})

/** A word that was checked. */
export interface OpenedWord {
  readonly signed: SignedWord
  readonly word: RegisterWord
}

/** A word that was checked, with its record. */
export interface OpenedRecord extends OpenedWord {
  readonly bytes: Uint8Array
  readonly record: RegisterRecord
}

const NO_RECORD: Hash = hashFromBytes(new Uint8Array(32))

/** The name of a register: whoever knows it may read what is sealed there, and cannot tell whose it is. */
export function registerIdOf(publicKey: Uint8Array): Hash {
  return hashFromBytes(sha256(publicKey))
}

/** The public key of the register of a seed: whoever has it reads what is sealed there. */
export function registerKeyOf(secp256k1: Secp256k1, seed: Uint8Array): Uint8Array {
  return new RegisterKey(secp256k1, seed).publicKey
}

/** What the network's table is asked for: who keeps a register. */
export function registerTableKey(register: Hash): string {
  return `stead/register/${register.slice(2)}`
}

function recordHashOf(bytes: Uint8Array): Hash {
  return hashFromBytes(sha256(bytes))
}

const PURPOSE: Uint8Array = new TextEncoder().encode('stead register 1')

function digestOf(word: Uint8Array): Uint8Array {
  return sha256(concatBytes(PURPOSE, word))
}

/** The key of one register: everything that its keepers believe is signed with it. */
export class RegisterKey {
  readonly publicKey: Uint8Array
  readonly id: Hash
  readonly #secp256k1: Secp256k1
  readonly #privateKey: Uint8Array

  /** @param seed 32 secret bytes */
  constructor(secp256k1: Secp256k1, seed: Uint8Array) {
    this.#secp256k1 = secp256k1
    this.#privateKey = sha256(concatBytes(PURPOSE, seed))
    this.publicKey = secp256k1.publicKey(this.#privateKey)
    this.id = registerIdOf(this.publicKey)
  }

  /** Signs a word about this register. */
  sign(
    said: Pick<RegisterWord, 'kind' | 'step' | 'round' | 'writer'>,
    record?: Uint8Array,
  ): { readonly signed: SignedWord; readonly word: RegisterWord } {
    const word: RegisterWord = {
      version: 1,
      register: this.id,
      record: record === undefined ? NO_RECORD : recordHashOf(record),
      ...said,
    }
    const bytes = wordSchema.encodeDocument(word)
    const signature = this.#secp256k1.sign(digestOf(bytes), this.#privateKey)
    return { word, signed: { word: bytes, signature, ...(record === undefined ? {} : { record }) } }
  }
}

/** The name of the register of a seed. */
export function registerOf(secp256k1: Secp256k1, seed: Uint8Array): Hash {
  return new RegisterKey(secp256k1, seed).id
}

/** Checks words that came from others. */
export class RegisterVerifier {
  readonly #secp256k1: Secp256k1
  readonly #publicKey: Uint8Array
  readonly id: Hash

  constructor(secp256k1: Secp256k1, publicKey: Uint8Array) {
    this.#secp256k1 = secp256k1
    this.#publicKey = publicKey
    this.id = registerIdOf(publicKey)
  }

  /** @throws StorageError STORAGE_NOT_AUTHENTIC for what was not signed with the register's key */
  word(signed: SignedWord): OpenedWord {
    const word = checked(() => wordSchema.decodeDocument(signed.word))
    const isSigned =
      word.register === this.id && this.#secp256k1.verify(digestOf(signed.word), signed.signature, this.#publicKey)
    if (!isSigned) throw notAuthentic()
    return { signed, word }
  }

  /** The same with its record. @throws StorageError STORAGE_NOT_AUTHENTIC also for a record that is another one */
  record(signed: SignedWord, bytes: Uint8Array | undefined = signed.record): OpenedRecord {
    const { word } = this.word(signed)
    if (bytes === undefined || recordHashOf(bytes) !== word.record) throw notAuthentic()
    const record = checked(() => recordSchema.decodeDocument(bytes))
    if (record.step !== word.step || record.keepers.length % KEEPER_BYTES !== 0) throw notAuthentic()
    return { signed: { ...signed, record: bytes }, word, bytes, record }
  }
}

function checked<Value>(decode: () => Value): Value {
  try {
    return decode()
  } catch (error) {
    if (
      hasCode(error, 'PROTOCOL_MALFORMED') ||
      hasCode(error, 'PROTOCOL_VERSION') ||
      hasCode(error, 'PROTOCOL_TOO_LARGE')
    )
      throw notAuthentic(error)
    throw error
  }
}

function notAuthentic(cause?: unknown): StorageError {
  return new StorageError('STORAGE_NOT_AUTHENTIC', 'this was not signed with the key of the register', { cause })
}

/** Splits the keepers of a record. */
export function keepersOf(keepers: Uint8Array): readonly Uint8Array[] {
  return Array.from({ length: keepers.length / KEEPER_BYTES }, (_, number) =>
    keepers.slice(number * KEEPER_BYTES, (number + 1) * KEEPER_BYTES),
  )
}

export function sameWriter(left: Pick<Ballot, 'writer'>, right: Pick<Ballot, 'writer'>): boolean {
  return equalBytes(left.writer, right.writer)
}
