import { isSteadError } from '@stead/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodePage, encodePage, nodeBytes } from '../../src/tree/page-codec.ts'
import { keyOfBytes } from '../../src/tree/tree-key.ts'
import type { PageSegment, TreeNode } from '../../src/tree/tree-node.ts'

const segment = (number: number): PageSegment => ({
  number,
  reference: new Uint8Array(1 + (number % 50)).fill(number),
  wrappedKey: new Uint8Array(40).fill(number),
})
const key = fc.uint8Array({ maxLength: 40 }).map(keyOfBytes)
const number = fc.nat(2 ** 31 - 1)
const leaf = fc
  .array(fc.record({ key, value: fc.uint8Array({ maxLength: 60 }) }), { maxLength: 20 })
  .map((entries): TreeNode => ({ kind: 'leaf', entries }))
const child = fc.record({
  firstKey: key,
  page: fc.record({
    segment: fc.integer({ min: 1, max: 6 }).map(segment),
    fromByte: number,
    lengthBytes: number,
    oldest: fc.nat(2 ** 40),
  }),
})
const inner = fc
  .array(child, { minLength: 1, maxLength: 20 })
  .map((children): TreeNode => ({ kind: 'inner', children }))
const own = segment(3)

describe('a page', () => {
  it('comes back as it was, and is not longer than was said', () => {
    fc.assert(
      fc.property(fc.oneof(leaf, inner), (node) => {
        const bytes = encodePage(node, own)
        expect(bytes.length).toBeLessThanOrEqual(nodeBytes(node))
        expect(decodePage(bytes, own)).toEqual(node)
      }),
    )
  })

  it('that was changed or cut is a page or refused, never anything else', () => {
    const hostile = fc.record({ node: fc.oneof(leaf, inner), at: fc.nat(), bit: fc.nat(7), cut: fc.nat() })
    fc.assert(
      fc.property(hostile, fc.uint8Array({ maxLength: 80 }), ({ node, at, bit, cut }, noise) => {
        const bytes = Uint8Array.from(encodePage(node, own))
        const place = at % bytes.length
        bytes[place] = (bytes[place] ?? 0) ^ (1 << bit)
        for (const bad of [bytes, bytes.subarray(0, cut % bytes.length), noise])
          try {
            decodePage(bad, own)
          } catch (error) {
            expect(isSteadError(error) && /^PROTOCOL_(MALFORMED|VERSION)$/.test(error.code)).toBe(true)
          }
      }),
    )
  })
})
