import { type Address, address, type Hash, hash, type UnixMs } from '@stead/core'
import { ChainError } from './errors.ts'

/** Bytes as `0x` and hexadecimal digits of any letter case. */
export type Hex = `0x${string}`

/** Numbers longer than this many digits are not numbers that a chain can mean. */
const QUANTITY_PATTERN = /^0x[0-9a-fA-F]{1,64}$/
const DATA_PATTERN = /^0x(?:[0-9a-fA-F]{2})*$/

function bad(field: string, value: unknown): ChainError {
  const shown = JSON.stringify(value)?.slice(0, 100) ?? 'nothing'
  return new ChainError('CHAIN_BAD_ANSWER', `the RPC endpoint answered ${field} with ${shown}`, { details: { field } })
}

/** An object of an answer. @throws ChainError CHAIN_BAD_ANSWER */
export function recordAnswer(value: unknown, field: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad(field, value)
  return value as Readonly<Record<string, unknown>>
}

/** A list of an answer. @throws ChainError CHAIN_BAD_ANSWER */
export function listAnswer(value: unknown, field: string): readonly unknown[] {
  if (!Array.isArray(value)) throw bad(field, value)
  return value
}

/** An unsigned integer (`0x…`, up to 256 bits). @throws ChainError CHAIN_BAD_ANSWER */
export function quantityAnswer(value: unknown, field: string): bigint {
  if (typeof value !== 'string' || !QUANTITY_PATTERN.test(value)) throw bad(field, value)
  return BigInt(value)
}

/** An unsigned integer up to 2^53-1. @throws ChainError CHAIN_BAD_ANSWER */
export function numberAnswer(value: unknown, field: string): number {
  const quantity = quantityAnswer(value, field)
  if (quantity > BigInt(Number.MAX_SAFE_INTEGER)) throw bad(field, value)
  return Number(quantity)
}

/** Bytes in hexadecimal. @throws ChainError CHAIN_BAD_ANSWER */
export function dataAnswer(value: unknown, field: string): Hex {
  if (typeof value !== 'string' || !DATA_PATTERN.test(value)) throw bad(field, value)
  return value as Hex
}

/** 32 bytes. @throws ChainError CHAIN_BAD_ANSWER */
export function hashAnswer(value: unknown, field: string): Hash {
  try {
    return hash(String(value))
  } catch {
    throw bad(field, value)
  }
}

/** An account or contract. @throws ChainError CHAIN_BAD_ANSWER */
export function addressAnswer(value: unknown, field: string): Address {
  try {
    return address(String(value))
  } catch {
    throw bad(field, value)
  }
}

/** Seconds of the chain as milliseconds. */
export function unixMs(seconds: bigint | number): UnixMs {
  return (Number(seconds) * 1000) as UnixMs
}
