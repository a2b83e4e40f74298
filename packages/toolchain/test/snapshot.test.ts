import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { snapshotModule } from '../src/javascript/snapshot.ts'
import {
  readSections,
  type Section,
  SectionId,
  SectionReader,
  SectionWriter,
  writeSections,
} from '../src/javascript/wasm-sections.ts'
import { type WasmGlobal, type WasmMemory, webAssembly } from '../src/javascript/webassembly.ts'

const PAGE_BYTES = 65_536

function named(name: string): Uint8Array {
  const bytes = new TextEncoder().encode(name)
  return new SectionWriter().unsigned(bytes.length).bytes(bytes).finish()
}

/** One page of memory that begins with "abc", a mutable i32 and i64 (exported), a constant i32. */
function moduleWithState(passive = false): Uint8Array<ArrayBuffer> {
  const globals = [
    [0x7f, 1, 0x41, 5, 0x0b],
    [0x7e, 1, 0x42, 6, 0x0b],
    [0x7f, 0, 0x41, 7, 0x0b],
  ]
  const exports = new SectionWriter().unsigned(3)
  exports.bytes(named('memory')).byte(2).unsigned(0)
  exports.bytes(named('small')).byte(3).unsigned(0)
  exports.bytes(named('large')).byte(3).unsigned(1)
  const data = passive ? [1, 1, 1, 97] : [1, 0, 0x41, 8, 0x0b, 3, 97, 98, 99]
  const sections: Section[] = [
    { id: SectionId.memory, content: Uint8Array.of(1, 1, 1, 4) },
    { id: SectionId.global, content: Uint8Array.of(3, ...globals.flat()) },
    { id: SectionId.export, content: exports.finish() },
    ...(passive ? [{ id: SectionId.dataCount, content: Uint8Array.of(1) }] : []),
    { id: SectionId.data, content: Uint8Array.from(data) },
  ]
  return writeSections(sections)
}

const KEPT = new Set(['memory', 'small', 'large'])

describe('a snapshot', () => {
  test('begins where the instance was: memory, its size, and globals', () => {
    const chunks = fc.array(fc.tuple(fc.nat(2 * PAGE_BYTES - 40), fc.uint8Array({ maxLength: 40 })), { maxLength: 20 })
    fc.assert(
      fc.property(
        chunks,
        fc.integer(),
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        (writes, small, large) => {
          const memory = new Uint8Array(2 * PAGE_BYTES)
          for (const [at, bytes] of writes) memory.set(bytes, at)
          const binary = snapshotModule(moduleWithState(), { memory, globals: { small, large } }, KEPT)
          const { exports } = new webAssembly.Instance(new webAssembly.Module(binary), {})
          expect(Buffer.compare(new Uint8Array((exports.memory as WasmMemory).buffer), memory)).toBe(0)
          expect([(exports.small as WasmGlobal).value, (exports.large as WasmGlobal).value]).toEqual([small, large])
        },
      ),
      { numRuns: 200 },
    )
  })

  test('keeps only the exports that are asked for', () => {
    const state = { memory: new Uint8Array(PAGE_BYTES), globals: { small: 1, large: 2n } }
    const binary = snapshotModule(moduleWithState(), state, new Set(['memory']))
    expect(Object.keys(new webAssembly.Instance(new webAssembly.Module(binary), {}).exports)).toEqual(['memory'])
  })

  test('is refused where state would be lost', () => {
    const state = { memory: new Uint8Array(PAGE_BYTES), globals: { small: 1 } }
    expect(() => snapshotModule(moduleWithState(), state, KEPT)).toThrow('the value of mutable global 1 is not known')
    const whole = { ...state, globals: { small: 1, large: 2n } }
    expect(() => snapshotModule(moduleWithState(true), whole, KEPT)).toThrow('passive data')
  })
})

test('numbers and sections come back as they were written', () => {
  fc.assert(
    fc.property(fc.nat(2 ** 32 - 1), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (unsigned, signed) => {
      const reader = new SectionReader(new SectionWriter().unsigned(unsigned).signed(signed).finish())
      expect([reader.unsigned(), reader.signed(), reader.atEnd]).toEqual([unsigned, signed, true])
    }),
  )
  const sections = [
    { id: 0, content: Uint8Array.of(1, 2, 3) },
    { id: 7, content: new Uint8Array(300) },
  ]
  expect(readSections(writeSections(sections))).toEqual(sections)
})
