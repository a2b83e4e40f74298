import { microUsd } from '@stead/core'
import {
  checkContent,
  checkIncrementFollows,
  checkIncrementSignature,
  contentIdOf,
  createSigner,
  type Increment,
  incrementId,
  incrementSchema,
  nobleSecp256k1,
  ProtocolError,
  parseContentId,
  signIncrement,
} from '@stead/protocol'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anyEntry, anyHash } from './arbitraries.ts'

const [channel] = fc.sample(anyHash, 1)
// Free entries would make some wrong sums right.
const costly = anyEntry.filter(({ amountMicroUsd }) => amountMicroUsd > 0n)
const [first, second] = fc.sample(costly, 2)
if (channel === undefined || first === undefined || second === undefined) throw new Error('no sample')

const opening: Increment = {
  version: 1,
  channel,
  index: 0,
  entries: [first],
  deliveredMicroUsd: first.amountMicroUsd,
  cumulativeMicroUsd: first.amountMicroUsd,
}
const before = { id: incrementId(incrementSchema.encodeDocument(opening)), ...opening }
const delivered = microUsd(first.amountMicroUsd + second.amountMicroUsd)
const next: Increment = {
  version: 1,
  channel,
  index: 1,
  previous: before.id,
  entries: [second],
  deliveredMicroUsd: delivered,
  cumulativeMicroUsd: delivered,
}

describe('increments', () => {
  test('a chain of increments is accepted', () => {
    checkIncrementFollows(opening, undefined)
    checkIncrementFollows(next, before)
  })

  test('a skipped or repeated index, another predecessor, a wrong sum and a falling debt are refused', () => {
    const wrong: Increment[] = [
      { ...next, index: 0 },
      { ...next, index: 2 },
      { ...next, previous: contentIdOf('dag-cbor', new Uint8Array(3)) },
      { ...next, deliveredMicroUsd: microUsd(delivered + 1n) },
      { ...next, entries: [second, second] },
      ...(opening.cumulativeMicroUsd > 0n
        ? [{ ...next, cumulativeMicroUsd: microUsd(opening.cumulativeMicroUsd - 1n) }]
        : []),
    ]
    for (const increment of wrong) expect(() => checkIncrementFollows(increment, before)).toThrow(ProtocolError)
    expect(() => checkIncrementFollows(next, undefined)).toThrow(ProtocolError)
  })

  test('a provider’s signature counts for these bytes of this increment only', () => {
    const signer = createSigner(nobleSecp256k1, new Uint8Array(32).fill(8))
    const bytes = incrementSchema.encodeDocument(next)
    const signature = signIncrement(signer, next, bytes)
    checkIncrementSignature(nobleSecp256k1, signer.address, next, { bytes, signature })
    const other = incrementSchema.encodeDocument({ ...next, entries: [] })
    expect(() => checkIncrementSignature(nobleSecp256k1, signer.address, next, { bytes: other, signature })).toThrow(
      ProtocolError,
    )
    expect(() => checkIncrementSignature(nobleSecp256k1, signer.address, opening, { bytes, signature })).toThrow(
      ProtocolError,
    )
  })
})

describe('content ids', () => {
  test('name exactly their bytes', () => {
    const bytes = new Uint8Array([1, 2, 3])
    const id = contentIdOf('raw', bytes)
    expect(id).toBe('bafkreiadsbmmn4waznesyuz3bjgrj33xzqhxrk6mz3ksq7meugrachh3qe')
    checkContent(id, bytes)
    expect(() => checkContent(id, new Uint8Array([1, 2, 4]))).toThrow(ProtocolError)
    expect(parseContentId(id)).toBe(id)
  })

  test('other spellings, hashes and versions are refused', () => {
    const id = contentIdOf('raw', new Uint8Array(1))
    for (const text of ['', 'b', 'Qmabc', id.slice(0, -1), `${id}a`, id.toUpperCase(), 'x'.repeat(100_000)]) {
      expect(() => parseContentId(text)).toThrow(ProtocolError)
    }
  })
})
