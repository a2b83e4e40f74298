import { wasiSignatures } from '../src/wasi/signatures.ts'
import { type Code, I32, I64, ModuleBuilder, op } from './module-builder.ts'

const names = Object.keys(wasiSignatures)

/** An instruction that the small assembler of these tests has no name for. */
export const more: {
  readonly drop: number[]
  readonly add: number[]
  readonly lessThan: number[]
  load(at: number): Code
  store(at: number, value: Code): Code
} = {
  drop: [0x1a],
  add: [0x6a],
  lessThan: [0x49],
  /** Reads the i32 at a fixed address. */
  load: (at) => [op.i32(at), 0x28, 2, 0],
  /** Writes an i32 to a fixed address. */
  store: (at, value) => [op.i32(at), value, 0x36, 2, 0],
}

/** A parameter of a WASI call: a constant, or code that pushes it. */
type Parameter = number | bigint | Code

/** Pushes parameters by the function's type, and calls it; leaves the error number, if it returns one. */
export function wasiCall(name: string, ...parameters: readonly Parameter[]): Code {
  const [types = ''] = (wasiSignatures[name] ?? '').split(':')
  if (types.length !== parameters.length) throw new Error(`${name} takes ${types.length} parameters`)
  const pushed = parameters.map((parameter, index) => {
    if (typeof parameter === 'object') return parameter
    return types[index] === 'I' ? op.i64(parameter) : op.i32(Number(parameter))
  })
  return [pushed, op.call(names.indexOf(name))]
}

/** As {@link wasiCall}, and forgets the error number. */
export function wasiDo(name: string, ...parameters: readonly Parameter[]): Code {
  return [wasiCall(name, ...parameters), (wasiSignatures[name] ?? '').endsWith(':') ? [] : more.drop]
}

/** Ends the program with the value that the code pushes as its exit code. */
export function exitWith(code: Code): Code {
  return [code, op.call(names.indexOf('proc_exit'))]
}

/** Calls the body of the program again, inside itself. */
export const recurse: Code = op.call(names.length)

/** Initial contents of memory by address; text is written as UTF-8. */
export type Data = Readonly<Record<number, string | readonly number[]>>

/** A command that imports every WASI function and runs one body, with 4 locals of type i32 and 2 of i64. */
export function wasiProgram(body: Code, data: Data = {}, pages = 1): Uint8Array {
  const builder = new ModuleBuilder()
  for (const name of names) {
    const [parameters = '', results = ''] = (wasiSignatures[name] ?? '').split(':')
    builder.importFunction('wasi_snapshot_preview1', name, types(parameters), types(results))
  }
  builder.memory(pages).export('memory', 2, 0)
  builder.function({
    locals: [
      [4, I32],
      [2, I64],
    ],
    body,
    export: '_start',
  })
  for (const [at, content] of Object.entries(data))
    builder.data(Number(at), typeof content === 'string' ? [...new TextEncoder().encode(content)] : content)
  return builder.build()
}

/** An iovec for {@link Data}. */
export function slice(pointer: number, length: number): number[] {
  const view = new DataView(new ArrayBuffer(8))
  view.setUint32(0, pointer, true)
  view.setUint32(4, length, true)
  return [...new Uint8Array(view.buffer)]
}

function types(letters: string): number[] {
  return [...letters].map((letter) => (letter === 'I' ? I64 : I32))
}
