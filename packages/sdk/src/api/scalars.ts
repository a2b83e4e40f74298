import type { Address, ContentId, Fuel, Hash, MicroUsd, PeerId, UnixMs, Wei } from '@stead/core'
import { z } from 'zod'
import { bytesOfBase64, bytesToBase64 } from './base64.ts'

/**
 * A value as the program has it (`Value`) and as JSON carries it: `decode` checks and reads the wire form, `encode`
 * makes it. Both sides of the API share each of these.
 */
export type Wire<Value> = z.ZodType<Value>

/** A non-negative integer of any size as a decimal text, because JSON's numbers end at 2^53. */
function integerText<Value extends bigint>(digitsMax: number): Wire<Value> {
  const pattern = new RegExp(`^(0|[1-9][0-9]{0,${digitsMax - 1}})$`)
  return z.codec(
    z.string().regex(pattern),
    z.custom<Value>((value) => typeof value === 'bigint' && value >= 0n, { abort: true }),
    {
      decode: (text) => BigInt(text) as Value,
      encode: (value) => value.toString(),
    },
  )
}

function patternText<Value extends string>(pattern: RegExp): Wire<Value> {
  return z.string().regex(pattern) as unknown as Wire<Value>
}

/** Millionths of a dollar as decimal text. */
export const microUsdWire: Wire<MicroUsd> = integerText<MicroUsd>(39)
/** Units of fuel as decimal text. */
export const fuelWire: Wire<Fuel> = integerText<Fuel>(19)
/** A big integer of another unit as decimal text; the field's name says which. */
export const integerWire: Wire<bigint> = integerText<bigint>(78)
/** An amount of the chain's own coin, in wei, as decimal text. */
export const weiWire: Wire<Wei> = integerText<Wei>(78)
/** `0x` and 40 lower-case hexadecimal digits. */
export const addressWire: Wire<Address> = patternText<Address>(/^0x[0-9a-f]{40}$/)
/** `0x` and 64 lower-case hexadecimal digits. */
export const hashWire: Wire<Hash> = patternText<Hash>(/^0x[0-9a-f]{64}$/)
/** A CIDv1 in base32. */
export const contentIdWire: Wire<ContentId> = patternText<ContentId>(/^b[a-z2-7]{58}$/)
/** A libp2p peer id. */
export const peerIdWire: Wire<PeerId> = patternText<PeerId>(/^[1-9A-HJ-NP-Za-km-z]{32,64}$/)
/** The last millisecond that a date can be of. */
const DATE_MS_MAX = 8_640_000_000_000_000
/** Milliseconds since 1970 as a whole number, of a time that can be shown. */
export const unixMsWire: Wire<UnixMs> = z.int().min(0).max(DATE_MS_MAX) as unknown as Wire<UnixMs>
/** A whole number from 0 to 2^53-1. */
export const countWire: Wire<number> = z.int().min(0)
/** Bytes as base64. */
export const bytesWire: Wire<Uint8Array> = z.codec(
  z.base64(),
  z.custom<Uint8Array>((value) => value instanceof Uint8Array, { abort: true }),
  { decode: bytesOfBase64, encode: bytesToBase64 },
)

/**
 * A member that may be missing. Like zod's own exactOptional, which however hands a missing member's `undefined` to the
 * `encode` of a codec.
 */
export function optionalWire<Value>(wire: Wire<Value>): z.ZodExactOptional<Wire<Value>> {
  return z.optional(wire) as unknown as z.ZodExactOptional<Wire<Value>>
}

/** The sentence of a failed check, with the place of the first problem: `tasks.3.key: …`. */
export function describeIssues(error: z.ZodError): string {
  const issue = error.issues[0]
  if (issue === undefined) return 'not the expected form'
  const place = issue.path.map(String).join('.')
  return place === '' ? issue.message : `${place}: ${issue.message}`
}
