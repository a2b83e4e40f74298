import type { Branded } from '@stead/core'
import { bytesField, type Field, ProtocolError, uintField, uintToBytes } from '@stead/protocol'

/** SteadToken in its smallest unit (18 decimals), 0 .. 2^128-1. */
export type TokenUnits = Branded<bigint, 'TokenUnits'>
/**
 * What a program pays, in the smallest unit of its own currency: token (18 decimals) by program 0, settlement dollars
 * (6 decimals) by programs of sponsors. 0 .. 2^128-1.
 */
export type RewardUnits = Branded<bigint, 'RewardUnits'>
/** Number of a reward period, 0 .. 2^32-1. */
export type EpochNumber = Branded<number, 'EpochNumber'>
/** A share in parts per million, 0 .. 1,000,000. */
export type Ppm = Branded<number, 'Ppm'>

/** All of it, in parts per million. */
export const PPM: Ppm = 1_000_000 as Ppm
/** All of it, in ten-thousandths: the unit of κ and φ on chain. */
export const BPS = 10_000n

const UINT128_MAX = (1n << 128n) - 1n
const EPOCH_MAX = 0xffff_ffff

/** Checks and brands an amount of token. @throws RangeError when negative or above 2^128-1 */
export function tokenUnits(value: bigint): TokenUnits {
  if (value < 0n || value > UINT128_MAX) throw new RangeError(`token units must be 0 .. 2^128-1, not ${value}`)
  return value as TokenUnits
}

/** Checks and brands what a program pays. @throws RangeError when negative or above 2^128-1 */
export function rewardUnits(value: bigint): RewardUnits {
  if (value < 0n || value > UINT128_MAX) throw new RangeError(`a reward must be 0 .. 2^128-1 units, not ${value}`)
  return value as RewardUnits
}

/** Checks and brands the number of an epoch. @throws RangeError when it is not an integer 0 .. 2^32-1 */
export function epochNumber(value: number): EpochNumber {
  if (!Number.isInteger(value) || value < 0 || value > EPOCH_MAX) {
    throw new RangeError(`an epoch is an integer 0 .. ${EPOCH_MAX}, not ${value}`)
  }
  return value as EpochNumber
}

/** Checks and brands a share. @throws RangeError when it is not an integer 0 .. 1,000,000 */
export function ppm(value: number): Ppm {
  if (!Number.isInteger(value) || value < 0 || value > PPM) {
    throw new RangeError(`a share is an integer 0 .. ${PPM} parts per million, not ${value}`)
  }
  return value as Ppm
}

/** `part` of `whole` in parts per million, rounded down; both are integers 0 .. 2^31, `whole` is above 0. */
export function ppmOf(part: number, whole: number): Ppm {
  return ppm(Math.floor((part * PPM) / whole))
}

const minimalBytes = bytesField(16)

/** Most significant byte first, without leading zeros, so that each number has one spelling. */
function toMinimalBytes(value: bigint): Uint8Array {
  const bytes = uintToBytes(value, 16)
  const first = bytes.findIndex((byte) => byte !== 0)
  return first < 0 ? new Uint8Array(0) : bytes.subarray(first)
}

function fromMinimalBytes(bytes: Uint8Array, name: string): bigint {
  if (bytes[0] === 0) {
    throw new ProtocolError('PROTOCOL_MALFORMED', `field ${name} must be an integer without leading zeros`)
  }
  let value = 0n
  for (const byte of bytes) value = (value << 8n) | BigInt(byte)
  return value
}

/** An integer 0 .. 2^128-1 as at most 16 bytes, most significant first, without leading zeros. */
export const uint128Field: Field<bigint> = {
  wireType: 2,
  protoType: 'bytes',
  presence: 'required',
  write: (writer, value) => minimalBytes.write(writer, toMinimalBytes(value)),
  read: (reader, name) => fromMinimalBytes(minimalBytes.read(reader, name), name),
  writeCbor: (out, value) => minimalBytes.writeCbor(out, toMinimalBytes(value)),
  fromPlain: (plain, name) => fromMinimalBytes(minimalBytes.fromPlain(plain, name), name),
}

/** Token units, 0 .. 2^128-1. */
export const tokenUnitsField: Field<TokenUnits> = uint128Field as Field<bigint> as Field<TokenUnits>
/** What a program pays, 0 .. 2^128-1. */
export const rewardUnitsField: Field<RewardUnits> = uint128Field as Field<bigint> as Field<RewardUnits>
/** The number of an epoch, 0 .. 2^32-1. */
export const epochField: Field<EpochNumber> = uintField(EPOCH_MAX) as Field<number> as Field<EpochNumber>
/** Parts per million, 0 .. 1,000,000. */
export const ppmField: Field<Ppm> = uintField(PPM) as Field<number> as Field<Ppm>
