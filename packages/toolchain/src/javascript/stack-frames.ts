import type binaryen from 'binaryen'
import { readSections, SectionId, SectionReader } from './wasm-sections.ts'

type Binaryen = typeof binaryen
type Module = binaryen.Module

/** The C stack is kept aligned to this. */
const ALIGNMENT_BYTES = 16
/** What the sandbox counts for a function, rounded up: fixed part and short callees, each local, a share of its code. */
const FRAME_BYTES = 256
const LOCAL_BYTES = 8
const CODE_SHARE = 1 / 110
/** Functions with less code call nothing that could come back to them, or are counted with those that call them. */
const CODE_BYTES_MIN = 60
/** The interpreter's loop is left alone, in a function of its own: inlined again it became slower. */
const CODE_BYTES_INLINE_MAX = 30_000
/** Everything that decides what {@link takeStackFrames} does, for caches. */
export const stackFrameParts: readonly string[] = [FRAME_BYTES, LOCAL_BYTES, CODE_SHARE, CODE_BYTES_MIN].map(String)

/** Keeps a function from being inlined while it is there. */
const ANCHOR = 'stead_anchor'

/** What is known of a function from its code. */
export interface FunctionShape {
  readonly codeBytes: number
  /** What it already takes of the C stack; 0 when that is not plain to see. */
  readonly frameBytes: number
}

/** The shapes of a module's own functions, in the order of its binary. */
export function readShapes(binary: Uint8Array): FunctionShape[] {
  const section = readSections(binary).find(({ id }) => id === SectionId.code)
  if (section === undefined) throw new TypeError('the engine has no code')
  const reader = new SectionReader(section.content)
  return Array.from({ length: reader.unsigned() }, () => {
    const code = reader.bytes(reader.unsigned())
    return { codeBytes: code.length, frameBytes: frameBytesOf(code) }
  })
}

const Op = { globalGet: 0x23, i32Const: 0x41, i32Sub: 0x6b } as const

/** The constant of `stack pointer - constant`, with which clang lets a function begin. */
function frameBytesOf(code: Uint8Array): number {
  const reader = new SectionReader(code)
  for (let runs = reader.unsigned(); runs > 0; runs--) {
    reader.unsigned()
    reader.byte()
  }
  if (reader.byte() !== Op.globalGet || reader.unsigned() !== 0 || reader.byte() !== Op.i32Const) return 0
  const bytes = Number(reader.signed())
  return reader.byte() === Op.i32Sub ? bytes : 0
}

/** What {@link takeStackFrames} works on. */
export interface FrameInput {
  readonly module: Module
  /** By the place among the module's own functions. */
  readonly shapes: readonly FunctionShape[]
  /** Exported name of the global that points into the C stack. */
  readonly stackPointer: string
}

/**
 * Lets every function take as much of the C stack in memory as the sandbox counts for it of the machine stack.
 *
 * The engine ends endless recursion with a RangeError by looking at its C stack, the sandbox with a trap by counting
 * machine stack, and functions differ thirtyfold in what they take of the one and the other. With this they agree, so
 * that the RangeError comes first, whatever recurses.
 */
export function takeStackFrames(library: Binaryen, { module, shapes, stackPointer }: FrameInput): void {
  const pointer = library.getExportInfo(module.getExport(stackPointer)).value
  const functions: Wrapped[] = []
  for (let index = 0; index < module.getNumFunctions(); index++) {
    const info = library.getFunctionInfo(module.getFunctionByIndex(index))
    // An imported function has the name of its module.
    if (info.module) continue
    const shape = shapes[functions.length]
    if (shape !== undefined) functions.push({ info, ...shape })
    else throw new TypeError('the engine has more functions than code')
  }
  for (const each of functions) if (each.codeBytes >= CODE_BYTES_MIN) wrap(library, { module, pointer, ...each })
  inlineSingleCalls(library, module)
  for (const name of anchorsOf(library, module)) module.removeExport(name)
}

interface Wrapped extends FunctionShape {
  readonly info: binaryen.FunctionInfo
}

/** Makes of a function one that takes a frame, calls what the function was, and gives the frame back. */
function wrap(
  library: Binaryen,
  { module, pointer, info, codeBytes, frameBytes }: Wrapped & { readonly module: Module; readonly pointer: string },
): void {
  const { name, params, results, vars, body } = info
  const types = library.expandType(params)
  const estimate = FRAME_BYTES + (types.length + vars.length) * LOCAL_BYTES + codeBytes * CODE_SHARE - frameBytes
  const bytes = Math.max(1, Math.ceil(estimate / ALIGNMENT_BYTES)) * ALIGNMENT_BYTES
  const inner = `${name}$inner`
  module.removeFunction(name)
  module.addFunction(inner, params, results, vars, body)
  if (codeBytes > CODE_BYTES_INLINE_MAX) module.addFunctionExport(inner, `${ANCHOR}_${name}`)
  const moved = (operation: 'add' | 'sub'): binaryen.ExpressionRef =>
    module.global.set(pointer, module.i32[operation](module.global.get(pointer, library.i32), module.i32.const(bytes)))
  const parameters = types.map((type, index) => module.local.get(index, type))
  const call = module.call(inner, parameters, results)
  const hasResult = results !== library.none
  const steps = [moved('sub'), hasResult ? module.local.set(types.length, call) : call, moved('add')]
  if (hasResult) steps.push(module.local.get(types.length, results))
  module.addFunction(name, params, results, hasResult ? [results] : [], module.block(null, steps, results))
}

/** Each inner function is called once, so all are put back into their place; nothing else is inlined. */
function inlineSingleCalls(library: Binaryen, module: Module): void {
  // The settings are the library's, which the AssemblyScript compiler uses, too.
  const before = [
    library.getAlwaysInlineMaxSize(),
    library.getFlexibleInlineMaxSize(),
    library.getOneCallerInlineMaxSize(),
  ] as const
  const set = (always: number, flexible: number, oneCaller: number): void => {
    library.setAlwaysInlineMaxSize(always)
    library.setFlexibleInlineMaxSize(flexible)
    library.setOneCallerInlineMaxSize(oneCaller)
  }
  set(0, 0, CODE_BYTES_INLINE_MAX)
  module.runPasses(['inlining', 'remove-unused-module-elements', 'coalesce-locals', 'vacuum', 'reorder-locals'])
  set(...before)
}

function anchorsOf(library: Binaryen, module: Module): string[] {
  const names = Array.from({ length: module.getNumExports() }, (_, index) => {
    return library.getExportInfo(module.getExportByIndex(index)).name
  })
  return names.filter((name) => name.startsWith(ANCHOR))
}
