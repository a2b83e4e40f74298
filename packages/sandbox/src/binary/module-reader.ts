import { SandboxError } from '../errors.ts'
import { checkStaticLimit, type StaticLimit } from '../static-limits.ts'
import {
  checkLimitsFlags,
  checkReferenceType,
  checkTypeForm,
  checkValueType,
  forbiddenFeature,
  forbiddenOperation,
} from '../whitelist.ts'
import { ByteReader } from './byte-reader.ts'
import {
  type BodyRange,
  type ExportKind,
  type FunctionImport,
  type FunctionType,
  type ModuleExport,
  type ModuleView,
  type Range,
  Section,
  type SectionRange,
  sectionOrder,
  type TableType,
} from './module-view.ts'

const exportKinds: readonly ExportKind[] = ['function', 'table', 'memory', 'global']

/**
 * Decodes everything of a module but its instructions, refusing what the whitelist and the static limits refuse.
 * Whether the parts fit together (types, indices) is left to WebAssembly.validate.
 * @throws SandboxError SANDBOX_MALFORMED, SANDBOX_FORBIDDEN_FEATURE, SANDBOX_FORBIDDEN_IMPORT, SANDBOX_MODULE_LIMIT
 */
export function readModule(bytes: Uint8Array): ModuleView {
  checkStaticLimit('moduleBytes', bytes.length, 0)
  const sections = readSections(new ByteReader(bytes))
  const open = (id: number): [ByteReader, number] => {
    const section = sections.get(id)
    if (section === undefined) return [new ByteReader(bytes, 0, 0), 0]
    return [new ByteReader(bytes, section.entriesStart, section.end), section.count]
  }
  const types = readTypes(...open(Section.type))
  const imports = readImports(...open(Section.import))
  const defined = readEntries(...open(Section.function), (reader) => reader.u32())
  checkStaticLimit('functions', defined.length, sections.get(Section.function)?.start ?? 0)
  const tables = readTables(...open(Section.table))
  const memory = readMemory(...open(Section.memory))
  const referencedFunctions: number[] = []
  const globals = readEntries(...open(Section.global), (reader) => readGlobal(reader, referencedFunctions))
  const exports = readEntries(...open(Section.export), readExport)
  const activeElements = readElements(...open(Section.element), referencedFunctions)
  const bodies = readBodies(...open(Section.code))
  const activeDataBytes = readData(...open(Section.data))
  const start = sections.get(Section.start)
  const functionTypes = [...imports.map((entry) => entry.typeIndex), ...defined]
  for (const typeIndex of functionTypes) {
    if (typeIndex >= types.length) throw new ByteReader(bytes).malformed(`type index ${typeIndex} of ${types.length}`)
  }
  if (bodies.length !== defined.length)
    throw new ByteReader(bytes).malformed(`${bodies.length} bodies for ${defined.length} functions`)
  return {
    bytes,
    sections,
    types,
    imports,
    functionTypes,
    tables,
    memory,
    globalCount: globals.length,
    exports,
    startFunction: start?.count,
    activeDataBytes,
    activeElements,
    referencedFunctions,
    bodies,
  }
}

const countLimits: ReadonlyMap<number, StaticLimit> = new Map<number, StaticLimit>([
  [Section.type, 'types'],
  [Section.import, 'imports'],
  [Section.function, 'functions'],
  [Section.table, 'tables'],
  [Section.global, 'globals'],
  [Section.export, 'exports'],
  [Section.element, 'elementSegments'],
  [Section.code, 'functions'],
  [Section.data, 'dataSegments'],
])

function readSections(reader: ByteReader): Map<number, SectionRange> {
  checkHeader(reader)
  const sections = new Map<number, SectionRange>()
  let position = -1
  while (reader.offset < reader.end) {
    const at = reader.offset
    const id = reader.u8()
    const length = reader.u32()
    const start = reader.offset
    reader.skip(length)
    const end = reader.offset
    if (id === Section.custom) {
      new ByteReader(reader.bytes, start, end).name()
      continue
    }
    const order = sectionOrder.indexOf(id)
    if (order < 0) throw forbiddenSection(id, at)
    if (order <= position) throw reader.malformed(`section ${id} out of order`, at)
    position = order
    const content = new ByteReader(reader.bytes, start, end)
    // The start section holds one function index and the data count section one number: both read like a count.
    const single = id === Section.start || id === Section.dataCount
    const count = single ? content.u32() : content.count('entry')
    if (single && content.offset !== end) throw reader.malformed('bytes after the section', content.offset)
    const limit = countLimits.get(id)
    if (limit !== undefined) checkStaticLimit(limit, count, start)
    sections.set(id, { start, end, entriesStart: content.offset, count })
  }
  return sections
}

function checkHeader(reader: ByteReader): void {
  if (reader.u8() !== 0x00 || reader.u8() !== 0x61 || reader.u8() !== 0x73 || reader.u8() !== 0x6d)
    throw reader.malformed('no WebAssembly magic number', 0)
  const version = reader.u8() | (reader.u8() << 8)
  const layer = reader.u8() | (reader.u8() << 8)
  if (layer === 1) throw forbiddenFeature('component-model', 4, 'component header')
  if (version !== 1 || layer !== 0) throw reader.malformed(`binary version ${version}`, 4)
}

function forbiddenSection(id: number, offset: number): SandboxError {
  const what = `section ${id}`
  if (id === 13) return forbiddenFeature('exception-handling', offset, what)
  if (id === 14) return forbiddenFeature('stringref', offset, what)
  return forbiddenFeature('unknown-section', offset, what)
}

function readEntries<Entry>(reader: ByteReader, count: number, read: (reader: ByteReader) => Entry): Entry[] {
  const entries: Entry[] = []
  for (let index = 0; index < count; index++) entries.push(read(reader))
  if (reader.offset !== reader.end) throw reader.malformed('bytes after the section')
  return entries
}

function readTypes(reader: ByteReader, count: number): FunctionType[] {
  const valueTypes = (limit: 'typeParameters' | 'typeResults'): number[] => {
    const at = reader.offset
    const length = reader.count('value type')
    checkStaticLimit(limit, length, at)
    return Array.from({ length }, () => checkValueType(reader.u8(), reader.offset - 1))
  }
  return readEntries(reader, count, () => {
    checkTypeForm(reader.u8(), reader.offset - 1)
    return { parameters: valueTypes('typeParameters'), results: valueTypes('typeResults') }
  })
}

/** A name of an import or export. */
function readName(reader: ByteReader): string {
  const at = reader.offset
  checkStaticLimit('nameBytes', reader.u32(), at)
  reader.offset = at
  return reader.name()
}

function readImports(reader: ByteReader, count: number): FunctionImport[] {
  return readEntries(reader, count, () => {
    const offset = reader.offset
    const module = readName(reader)
    const name = readName(reader)
    const kind = reader.u8()
    if (kind === 0) return { module, name, typeIndex: reader.u32(), offset }
    if (kind === 4) throw forbiddenFeature('exception-handling', offset, `imported tag ${module}.${name}`)
    const what = exportKinds[kind]
    if (what === undefined) throw reader.malformed(`import kind ${kind}`, reader.offset - 1)
    throw new SandboxError(
      'SANDBOX_FORBIDDEN_IMPORT',
      `module imports the ${what} ${module}.${name}; a guest brings its own`,
      {
        details: { module, name, kind: what, offset },
      },
    )
  })
}

function readRange(reader: ByteReader): Range {
  const flags = reader.u8()
  checkLimitsFlags(flags, reader.offset - 1)
  const min = reader.u32()
  return { min, max: flags === 1 ? reader.u32() : undefined }
}

function readTables(reader: ByteReader, count: number): TableType[] {
  return readEntries(reader, count, () => {
    const at = reader.offset
    const form = reader.u8()
    if (form === 0x40) throw forbiddenFeature('typed-function-references', at, 'table with initial value')
    const referenceType = checkReferenceType(form, at)
    const range = readRange(reader)
    checkStaticLimit('tableEntries', range.min, at)
    return { referenceType, ...range }
  })
}

function readMemory(reader: ByteReader, count: number): Range | undefined {
  if (count > 1) throw forbiddenFeature('multi-memory', reader.offset, `${count} memories`)
  const memories = readEntries(reader, count, () => {
    const range = readRange(reader)
    checkStaticLimit('memoryPages', range.min, reader.offset)
    return range
  })
  return memories[0]
}

function readGlobal(reader: ByteReader, references: number[]): undefined {
  checkValueType(reader.u8(), reader.offset - 1)
  const mutability = reader.u8()
  if ((mutability & 0x02) !== 0) throw forbiddenFeature('threads', reader.offset - 1, 'shared global')
  if (mutability > 1) throw reader.malformed(`mutability ${mutability}`, reader.offset - 1)
  skipConstant(reader, references)
}

function readExport(reader: ByteReader): ModuleExport {
  const offset = reader.offset
  const name = readName(reader)
  const kindByte = reader.u8()
  if (kindByte === 4) throw forbiddenFeature('exception-handling', offset, `exported tag ${name}`)
  const kind = exportKinds[kindByte]
  if (kind === undefined) throw reader.malformed(`export kind ${kindByte}`, reader.offset - 1)
  return { name, kind, index: reader.u32() }
}

/** Reads past one constant expression; only single constants are allowed. */
function skipConstant(reader: ByteReader, references: number[] = []): void {
  const at = reader.offset
  const opcode = reader.u8()
  if (opcode === 0x41) reader.s32()
  else if (opcode === 0x42) reader.skipS64()
  else if (opcode === 0x43) reader.skip(4)
  else if (opcode === 0x44) reader.skip(8)
  else if (opcode === 0xd0) checkReferenceType(reader.u8(), reader.offset - 1)
  else if (opcode === 0xd2) references.push(reader.u32())
  else if (opcode === 0x23) throw forbiddenFeature('extended-const', at, 'global.get of a global that is not imported')
  else if (opcode === 0xfd) {
    if (reader.u32() !== 12) throw reader.malformed('constant expression', at)
    reader.skip(16)
  } else if (opcode === 0xfb) throw forbiddenOperation(opcode, reader.u32(), at)
  else throw reader.malformed('constant expression', at)
  const after = reader.offset
  if (reader.u8() !== 0x0b) throw forbiddenFeature('extended-const', after, 'computed constant')
}

/** Checks element segments, counts the entries that active ones set, and notes the functions that they refer to. */
function readElements(reader: ByteReader, count: number, references: number[]): number {
  let total = 0
  let active = 0
  readEntries(reader, count, () => {
    const at = reader.offset
    const flags = reader.u32()
    if (flags > 7) throw reader.malformed(`element segment flags ${flags}`, at)
    const isActive = (flags & 1) === 0
    const hasIndex = (flags & 2) !== 0
    const asExpressions = (flags & 4) !== 0
    if (isActive) {
      if (hasIndex) reader.u32()
      skipConstant(reader)
    }
    if ((flags & 3) !== 0) {
      if (asExpressions) checkReferenceType(reader.u8(), reader.offset - 1)
      else if (reader.u8() !== 0x00) throw reader.malformed('element kind', reader.offset - 1)
    }
    const length = reader.count('element')
    total += length
    checkStaticLimit('elements', total, at)
    if (isActive) active += length
    for (let index = 0; index < length; index++) {
      if (asExpressions) skipConstant(reader, references)
      else references.push(reader.u32())
    }
  })
  return active
}

/** Checks data segments and counts the bytes that active ones copy. */
function readData(reader: ByteReader, count: number): number {
  let active = 0
  readEntries(reader, count, () => {
    const at = reader.offset
    const flags = reader.u32()
    if (flags > 2) throw reader.malformed(`data segment flags ${flags}`, at)
    if (flags === 2 && reader.u32() !== 0) throw forbiddenFeature('multi-memory', at, 'data segment of another memory')
    if (flags !== 1) skipConstant(reader)
    const length = reader.u32()
    reader.skip(length)
    if (flags !== 1) active += length
  })
  return active
}

function readBodies(reader: ByteReader, count: number): BodyRange[] {
  return readEntries(reader, count, () => {
    const length = reader.u32()
    const start = reader.offset
    checkStaticLimit('functionBytes', length, start)
    reader.skip(length)
    return { start, end: reader.offset }
  })
}
