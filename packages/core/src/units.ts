declare const brand: unique symbol
/** A value of type `Value` that the type checker keeps apart from every other brand; at run time just the value. */
export type Branded<Value, Name extends string> = Value & { readonly [brand]: Name }

/** Money: an integer number of millionths of the settlement dollar (6-decimals token), 0 .. 2^128-1. */
export type MicroUsd = Branded<bigint, 'MicroUsd'>
/** Compute work: an integer number of metered units as counted by one meter version, 0 .. 2^63-1. */
export type Fuel = Branded<bigint, 'Fuel'>
/** The chain's native coin in its smallest unit; pays gas. */
export type Wei = Branded<bigint, 'Wei'>
/** Wall-clock time: milliseconds since 1970-01-01T00:00:00Z, an integer. May jump; never measure durations with it. */
export type UnixMs = Branded<number, 'UnixMs'>
/** libp2p peer id of a node in its base58btc spelling (`16Uiu2…` for secp256k1 keys). */
export type PeerId = Branded<string, 'PeerId'>
/** EVM address, `0x` and 40 lower-case hexadecimal digits. */
export type Address = Branded<`0x${string}`, 'Address'>
/** 32 bytes as `0x` and 64 lower-case hexadecimal digits: hashes, slots, purse and channel ids. */
export type Hash = Branded<`0x${string}`, 'Hash'>
/** CIDv1 (raw or dag-cbor, sha2-256) in its base32 spelling (`b…`). */
export type ContentId = Branded<string, 'ContentId'>

/** What the token counts in: it has 18 decimals. */
export const TOKEN_UNITS: bigint = 10n ** 18n
const MONEY_MAX = (1n << 128n) - 1n
const FUEL_MAX = (1n << 63n) - 1n
const ADDRESS_PATTERN = /^0x[0-9a-f]{40}$/
const HASH_PATTERN = /^0x[0-9a-f]{64}$/

/** Checks and brands an amount of money. @throws RangeError when negative or above 2^128-1. */
export function microUsd(value: bigint | number): MicroUsd {
  const integer = BigInt(value)
  if (integer < 0n || integer > MONEY_MAX)
    throw new RangeError(`money must be 0 .. 2^128-1 micro-dollars, not ${value}`)
  return integer as MicroUsd
}

/** Checks and brands an amount of fuel. @throws RangeError when negative or above 2^63-1. */
export function fuel(value: bigint | number): Fuel {
  const integer = BigInt(value)
  if (integer < 0n || integer > FUEL_MAX) throw new RangeError(`fuel must be 0 .. 2^63-1 units, not ${value}`)
  return integer as Fuel
}

/** Checks and brands an EVM address of any letter case. @throws RangeError when it is not 20 bytes of hexadecimal. */
export function address(value: string): Address {
  const lower = value.toLowerCase()
  if (!ADDRESS_PATTERN.test(lower)) throw new RangeError(`not an EVM address: ${JSON.stringify(value.slice(0, 80))}`)
  return lower as Address
}

/** Checks and brands 32 bytes of hexadecimal. @throws RangeError when they are not. */
export function hash(value: string): Hash {
  const lower = value.toLowerCase()
  if (!HASH_PATTERN.test(lower)) throw new RangeError(`not a 32-byte hash: ${JSON.stringify(value.slice(0, 80))}`)
  return lower as Hash
}

/** Prints money for people: 1234567n becomes `1.234567 USD`. */
export function formatMicroUsd(amount: bigint): string {
  const sign = amount < 0n ? '-' : ''
  const absolute = amount < 0n ? -amount : amount
  return `${sign}${absolute / 1_000_000n}.${(absolute % 1_000_000n).toString().padStart(6, '0')} USD`
}

/** Prints an amount of the network's token for people, rounded down to a millionth: 1234500000000000000n becomes `1.234500 STEAD`. */
export function formatTokenUnits(amount: bigint): string {
  const sign = amount < 0n ? '-' : ''
  const millionths = (amount < 0n ? -amount : amount) / 1_000_000_000_000n
  return `${sign}${millionths / 1_000_000n}.${(millionths % 1_000_000n).toString().padStart(6, '0')} STEAD`
}
