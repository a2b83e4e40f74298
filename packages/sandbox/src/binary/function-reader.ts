import { checkStaticLimit } from '../static-limits.ts'
import {
  checkMemoryIndex,
  checkReferenceType,
  checkValueType,
  forbiddenFeature,
  forbiddenOperation,
} from '../whitelist.ts'
import { ByteReader } from './byte-reader.ts'
import type { BodyRange } from './module-view.ts'
import { Immediate, immediateOf, Op } from './opcodes.ts'

/** Block type of a block without parameters and results. */
export const EMPTY_BLOCK = -64

/**
 * The instructions of one function, decoded into parallel arrays that are reused from function to function: valid until
 * the next {@link FunctionReader.read}.
 */
export class FunctionCode {
  /** Instructions, the final `end` included. */
  count = 0
  /** Operation numbers (see opcodes.ts). */
  operations: Int32Array<ArrayBuffer> = new Int32Array(4096)
  /** First immediate: index, label, signed constant or block type; for br_table the start in `labels`. */
  first: Int32Array<ArrayBuffer> = new Int32Array(4096)
  /** Second immediate where there are two; for br_table the number of labels, default included. */
  second: Int32Array<ArrayBuffer> = new Int32Array(4096)
  /** Byte offset of each instruction; one more entry says where the last one ends. */
  offsets: Int32Array<ArrayBuffer> = new Int32Array(4097)
  labels: number[] = []
  /** Declared locals without parameters. */
  localCount = 0
  /** Value type of each run of declared locals and how many they are. */
  localRuns: { readonly count: number; readonly type: number }[] = []
  /** Where the first instruction begins. */
  codeStart = 0

  grow(): void {
    const wider = (old: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> => {
      const grown = new Int32Array(old.length * 2)
      grown.set(old)
      return grown
    }
    this.operations = wider(this.operations)
    this.first = wider(this.first)
    this.second = wider(this.second)
    this.offsets = wider(this.offsets)
  }
}

/** Decodes function bodies and refuses every operation that the whitelist does not allow, by name and offset. */
export class FunctionReader {
  readonly #reader: ByteReader
  readonly #code = new FunctionCode()

  constructor(bytes: Uint8Array) {
    this.#reader = new ByteReader(bytes)
  }

  /**
   * Decodes one body. Block structure is checked (each block ends, each label exists), types are not.
   * @throws SandboxError SANDBOX_MALFORMED, SANDBOX_FORBIDDEN_FEATURE, SANDBOX_MODULE_LIMIT
   */
  read(body: BodyRange): FunctionCode {
    const reader = this.#reader
    const code = this.#code
    reader.offset = body.start
    reader.end = body.end
    this.#readLocals()
    code.codeStart = reader.offset
    code.count = 0
    code.labels.length = 0
    let depth = 0
    while (reader.offset < body.end) {
      if (depth < 0) throw reader.malformed('instructions after the end of a function')
      const index = code.count
      if (index + 1 >= code.operations.length) code.grow()
      const offset = reader.offset
      const operation = this.#readOperation()
      code.offsets[index] = offset
      code.operations[index] = operation
      code.first[index] = 0
      this.#readImmediate(operation, index)
      code.count = index + 1
      if (operation === Op.end) depth--
      else if (operation === Op.block || operation === Op.loop || operation === Op.if) {
        depth++
        checkStaticLimit('nesting', depth, offset)
      } else if (operation >= Op.br && operation <= Op.brTable) this.#checkLabels(index, depth)
    }
    if (depth !== -1) throw reader.malformed('function without end', body.end)
    code.offsets[code.count] = body.end
    return code
  }

  #readLocals(): void {
    const reader = this.#reader
    const code = this.#code
    const runs = reader.count('local run')
    code.localCount = 0
    code.localRuns = []
    for (let index = 0; index < runs; index++) {
      const at = reader.offset
      const count = reader.u32()
      code.localCount += count
      checkStaticLimit('locals', code.localCount, at)
      code.localRuns.push({ count, type: checkValueType(reader.u8(), reader.offset - 1) })
    }
  }

  #readOperation(): number {
    const reader = this.#reader
    const offset = reader.offset
    const opcode = reader.u8()
    if (opcode < 0xfb || opcode > 0xfe) {
      if (immediateOf[opcode] === Immediate.refused) throw forbiddenOperation(0, opcode, offset)
      return opcode
    }
    const code = reader.u32()
    const base = opcode === 0xfc ? 0x100 : 0x200
    if (opcode === 0xfb || opcode === 0xfe || code > 0xff || immediateOf[base + code] === Immediate.refused)
      throw forbiddenOperation(opcode, code, offset)
    return base + code
  }

  #readImmediate(operation: number, index: number): void {
    const reader = this.#reader
    const code = this.#code
    switch (immediateOf[operation]) {
      case Immediate.none:
        return
      case Immediate.index:
        code.first[index] = reader.u32()
        return
      case Immediate.i32:
        code.first[index] = reader.s32()
        return
      case Immediate.block:
        code.first[index] = this.#readBlockType()
        return
      case Immediate.memoryArgument:
        this.#readMemoryArgument()
        return
      case Immediate.i64:
        reader.skipS64()
        return
      case Immediate.bytes4:
        reader.skip(4)
        return
      case Immediate.bytes8:
        reader.skip(8)
        return
      case Immediate.bytes16:
        reader.skip(16)
        return
      case Immediate.lane:
        reader.u8()
        return
      case Immediate.memoryArgumentLane:
        this.#readMemoryArgument()
        reader.u8()
        return
      case Immediate.callIndirect:
      case Immediate.indexPair:
        code.first[index] = reader.u32()
        code.second[index] = reader.u32()
        return
      case Immediate.memoryIndex:
        checkMemoryIndex(reader.u32(), reader.offset - 1)
        return
      case Immediate.indexMemory:
        code.first[index] = reader.u32()
        checkMemoryIndex(reader.u32(), reader.offset - 1)
        return
      case Immediate.memoryMemory:
        checkMemoryIndex(reader.u32(), reader.offset - 1)
        checkMemoryIndex(reader.u32(), reader.offset - 1)
        return
      case Immediate.labelTable:
        this.#readLabelTable(index)
        return
      case Immediate.referenceType:
        checkReferenceType(reader.u8(), reader.offset - 1)
        return
      default:
        this.#readValueTypes()
    }
  }

  #readBlockType(): number {
    const reader = this.#reader
    const offset = reader.offset
    const type = reader.s33()
    if (type >= 0) {
      if (type > 0x7fffffff) throw reader.malformed(`block type ${type}`, offset)
      return type
    }
    if (type === EMPTY_BLOCK) return type
    if (type < -64) throw reader.malformed(`block type ${type}`, offset)
    checkValueType(type + 128, offset)
    return type
  }

  #readMemoryArgument(): void {
    const reader = this.#reader
    const offset = reader.offset
    const align = reader.u32()
    if (align >= 64 && align < 128) throw forbiddenFeature('multi-memory', offset, 'memory argument with an index')
    if (align > 31) throw reader.malformed(`alignment 2^${align}`, offset)
    // Since 64-bit memories this number is one of 64 bits, which engines that know them accept in up to ten bytes.
    if (reader.isLongerThan(5)) throw forbiddenFeature('memory64', reader.offset, 'memory offset of more than 5 bytes')
    reader.u32()
  }

  #readLabelTable(index: number): void {
    const reader = this.#reader
    const code = this.#code
    const offset = reader.offset
    const count = reader.count('label')
    checkStaticLimit('branchTargets', count, offset)
    code.first[index] = code.labels.length
    code.second[index] = count + 1
    for (let label = 0; label <= count; label++) code.labels.push(reader.u32())
  }

  #readValueTypes(): void {
    const reader = this.#reader
    const count = reader.count('value type')
    for (let index = 0; index < count; index++) checkValueType(reader.u8(), reader.offset - 1)
  }

  #checkLabels(index: number, depth: number): void {
    const code = this.#code
    const check = (label: number): void => {
      if (label > depth) throw this.#reader.malformed(`label ${label} of ${depth + 1}`, code.offsets[index])
    }
    if (code.operations[index] !== Op.brTable) {
      check((code.first[index] as number) >>> 0)
      return
    }
    const from = code.first[index] as number
    for (let position = 0; position < (code.second[index] as number); position++)
      check(code.labels[from + position] as number)
  }
}
