import { readSections, type Section, SectionId, SectionReader, SectionWriter, writeSections } from './wasm-sections.ts'

const I32 = 0x7f
const I64 = 0x7e
const CONST_OPCODES: Readonly<Record<number, number>> = { [I32]: 0x41, [I64]: 0x42 }
const END = 0x0b
const PAGE_BYTES = 65_536
/** A segment's own frame takes up to 9 bytes; shorter runs of zeros between data are cheaper kept. */
const ZERO_RUN_MIN = 12

/** The state of an instance that a snapshot keeps. */
export interface InstanceState {
  readonly memory: Uint8Array
  /** Values of the exported mutable globals, by name. */
  readonly globals: Readonly<Record<string, number | bigint>>
}

/**
 * The module whose fresh instance is in a state that an instance of `binary` reached: its memory becomes data segments,
 * its mutable globals begin with their values (the idea of Wizer). Tables must not have changed.
 * @param keptExports all other exports, the globals' too, are dropped
 * @throws TypeError when the binary has state that this cannot keep
 */
export function snapshotModule(
  binary: Uint8Array,
  state: InstanceState,
  keptExports: ReadonlySet<string>,
): Uint8Array<ArrayBuffer> {
  const sections = readSections(binary)
  const exports = readExports(sections)
  if (sections.some(({ id }) => id === SectionId.dataCount)) checkNoPassiveData(sections)
  const written: Section[] = []
  for (const { id, content } of sections) {
    if (id === SectionId.memory) written.push({ id, content: memorySection(content, state.memory.length) })
    else if (id === SectionId.global) written.push({ id, content: globalSection(content, exports, state.globals) })
    else if (id === SectionId.export) written.push({ id, content: exportSection(exports, keptExports) })
    else if (id !== SectionId.data && id !== SectionId.dataCount && id !== SectionId.custom)
      written.push({ id, content })
  }
  written.push({ id: SectionId.data, content: dataSection(state.memory) })
  return writeSections(written)
}

interface Export {
  readonly name: string
  readonly kind: number
  readonly index: number
}

const EXPORTED_GLOBAL = 3

function readExports(sections: readonly Section[]): Export[] {
  const section = sections.find(({ id }) => id === SectionId.export)
  if (section === undefined) throw new TypeError('the module exports nothing')
  const reader = new SectionReader(section.content)
  return Array.from({ length: reader.unsigned() }, () => {
    const name = new TextDecoder().decode(reader.bytes(reader.unsigned()))
    return { name, kind: reader.byte(), index: reader.unsigned() }
  })
}

function exportSection(exports: readonly Export[], kept: ReadonlySet<string>): Uint8Array {
  const wanted = exports.filter(({ name }) => kept.has(name))
  const writer = new SectionWriter().unsigned(wanted.length)
  for (const { name, kind, index } of wanted) {
    const bytes = new TextEncoder().encode(name)
    writer.unsigned(bytes.length).bytes(bytes).byte(kind).unsigned(index)
  }
  return writer.finish()
}

/** One memory that begins with what is there now; its maximum, if any, stays. */
function memorySection(content: Uint8Array, bytes: number): Uint8Array {
  const reader = new SectionReader(content)
  if (reader.unsigned() !== 1) throw new TypeError('the module has not exactly one memory')
  const flags = reader.byte()
  reader.unsigned()
  const writer = new SectionWriter()
    .unsigned(1)
    .byte(flags)
    .unsigned(bytes / PAGE_BYTES)
  if (flags === 1) writer.unsigned(reader.unsigned())
  return writer.finish()
}

function globalSection(
  content: Uint8Array,
  exports: readonly Export[],
  values: Readonly<Record<string, number | bigint>>,
): Uint8Array {
  const reader = new SectionReader(content)
  const count = reader.unsigned()
  const writer = new SectionWriter().unsigned(count)
  for (let index = 0; index < count; index++) {
    const type = reader.byte()
    const isMutable = reader.byte() === 1
    const opcode = reader.byte()
    if (CONST_OPCODES[type] !== opcode) throw new TypeError(`global ${index} does not begin with a constant integer`)
    let value = reader.signed()
    reader.byte()
    if (isMutable) {
      const name = exports.find((entry) => entry.kind === EXPORTED_GLOBAL && entry.index === index)?.name
      const current = name === undefined ? undefined : values[name]
      if (current === undefined) throw new TypeError(`the value of mutable global ${index} is not known`)
      value = type === I32 ? BigInt.asIntN(32, BigInt(current)) : BigInt.asIntN(64, BigInt(current))
    }
    writer
      .byte(type)
      .byte(isMutable ? 1 : 0)
      .byte(opcode)
      .signed(value)
      .byte(END)
  }
  return writer.finish()
}

function checkNoPassiveData(sections: readonly Section[]): void {
  const reader = new SectionReader(sections.find(({ id }) => id === SectionId.data)?.content ?? Uint8Array.of(0))
  const count = reader.unsigned()
  for (let index = 0; index < count; index++) {
    if (reader.unsigned() !== 0 || reader.byte() !== 0x41) throw new TypeError('the module has passive data')
    reader.signed()
    reader.byte()
    reader.bytes(reader.unsigned())
  }
}

/** Active segments for all that is not zero. */
function dataSection(memory: Uint8Array): Uint8Array {
  const runs = nonZeroRuns(memory)
  const writer = new SectionWriter().unsigned(runs.length)
  for (const [start, end] of runs) {
    writer.unsigned(0).byte(0x41).signed(BigInt(start)).byte(END)
    writer.unsigned(end - start).bytes(memory.subarray(start, end))
  }
  return writer.finish()
}

function nonZeroRuns(memory: Uint8Array): (readonly [start: number, end: number])[] {
  const runs: (readonly [number, number])[] = []
  let start = -1
  let end = -1
  for (let at = 0; at < memory.length; at++) {
    if (memory[at] === 0) continue
    if (start >= 0 && at - end >= ZERO_RUN_MIN) {
      runs.push([start, end])
      start = -1
    }
    if (start < 0) start = at
    end = at + 1
  }
  if (start >= 0) runs.push([start, end])
  return runs
}
