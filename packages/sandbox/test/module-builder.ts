import { ByteWriter } from '../src/binary/byte-writer.ts'

/** Value types. */
export const I32 = 0x7f
export const I64 = 0x7e
export const F64 = 0x7c

/** Code bytes, nested at will. */
export type Code = readonly (number | Code)[]

const scratch = new ByteWriter(16)

/** Unsigned LEB128 as code bytes. */
export function u32(value: number): number[] {
  scratch.clear()
  scratch.u32(value)
  return [...scratch.view()]
}

/** Signed LEB128 as code bytes. */
function s64(value: number | bigint): number[] {
  scratch.clear()
  scratch.s64(BigInt(value))
  return [...scratch.view()]
}

/** Instructions as code bytes. */
export interface Instructions {
  readonly unreachable: number[]
  i32(value: number): number[]
  i64(value: number | bigint): number[]
  get(local: number): number[]
  set(local: number): number[]
  tee(local: number): number[]
  call(index: number): number[]
  br(label: number): number[]
  brIf(label: number): number[]
  block(...body: Code): Code
  loop(...body: Code): Code
  if(...body: Code): Code
}

export const op: Instructions = {
  unreachable: [0x00],
  i32: (value: number): number[] => [0x41, ...s64(value)],
  i64: (value: number | bigint): number[] => [0x42, ...s64(value)],
  get: (local: number): number[] => [0x20, ...u32(local)],
  set: (local: number): number[] => [0x21, ...u32(local)],
  tee: (local: number): number[] => [0x22, ...u32(local)],
  call: (index: number): number[] => [0x10, ...u32(index)],
  br: (label: number): number[] => [0x0c, ...u32(label)],
  brIf: (label: number): number[] => [0x0d, ...u32(label)],
  block: (...body: Code): Code => [0x02, 0x40, ...body, 0x0b],
  loop: (...body: Code): Code => [0x03, 0x40, ...body, 0x0b],
  if: (...body: Code): Code => [0x04, 0x40, ...body, 0x0b],
}

interface FunctionSpec {
  readonly parameters?: readonly number[]
  readonly results?: readonly number[]
  readonly locals?: readonly (readonly [count: number, type: number])[]
  readonly body: Code
  readonly export?: string
}

function flat(code: Code): number[] {
  return (code as readonly unknown[]).flat(Number.POSITIVE_INFINITY) as number[]
}

/** Assembles small modules by hand, valid or not, so that each test shows the bytes that matter. */
export class ModuleBuilder {
  readonly #types: number[][] = []
  readonly #typeIndices = new Map<string, number>()
  readonly #imports: number[][] = []
  readonly #functions: number[] = []
  readonly #bodies: number[][] = []
  readonly #tables: number[][] = []
  readonly #memories: number[][] = []
  readonly #globals: number[][] = []
  readonly #exports: number[][] = []
  readonly #elements: number[][] = []
  readonly #data: number[][] = []
  readonly #extra: { readonly id: number; readonly bytes: readonly number[] }[] = []
  #importedFunctions = 0
  #start: number | undefined
  #withDataCount = false

  type(parameters: readonly number[], results: readonly number[]): number {
    const bytes = [0x60, ...u32(parameters.length), ...parameters, ...u32(results.length), ...results]
    const key = bytes.join()
    const known = this.#typeIndices.get(key)
    if (known !== undefined) return known
    const index = this.#types.push(bytes) - 1
    this.#typeIndices.set(key, index)
    return index
  }

  importFunction(module: string, name: string, parameters: readonly number[], results: readonly number[]): number {
    this.#imports.push([...text(module), ...text(name), 0, ...u32(this.type(parameters, results))])
    return this.#importedFunctions++
  }

  importRaw(module: string, name: string, ...kind: number[]): this {
    this.#imports.push([...text(module), ...text(name), ...kind])
    return this
  }

  /** Index of the function that the next {@link function} makes. */
  get nextFunction(): number {
    return this.#importedFunctions + this.#functions.length
  }

  function(spec: FunctionSpec): number {
    const index = this.nextFunction
    this.#functions.push(this.type(spec.parameters ?? [], spec.results ?? []))
    const locals = (spec.locals ?? []).flatMap(([count, type]) => [...u32(count), type])
    this.#bodies.push([...u32(spec.locals?.length ?? 0), ...locals, ...flat(spec.body), 0x0b])
    if (spec.export !== undefined) this.export(spec.export, 0, index)
    return index
  }

  memory(min: number, max?: number): this {
    this.#memories.push(max === undefined ? [0, ...u32(min)] : [1, ...u32(min), ...u32(max)])
    return this
  }

  memoryRaw(...bytes: number[]): this {
    this.#memories.push(bytes)
    return this
  }

  table(min: number, max?: number, type = 0x70): this {
    this.#tables.push([type, ...(max === undefined ? [0, ...u32(min)] : [1, ...u32(min), ...u32(max)])])
    return this
  }

  global(type: number, mutable: boolean, ...init: number[]): this {
    this.#globals.push([type, mutable ? 1 : 0, ...init, 0x0b])
    return this
  }

  export(name: string, kind: number, index: number): this {
    this.#exports.push([...text(name), kind, ...u32(index)])
    return this
  }

  elements(offset: number, ...functions: number[]): this {
    this.#elements.push([0, 0x41, ...s64(offset), 0x0b, ...u32(functions.length), ...functions.flatMap(u32)])
    return this
  }

  passiveElements(...functions: number[]): this {
    this.#elements.push([1, 0, ...u32(functions.length), ...functions.flatMap(u32)])
    return this
  }

  data(offset: number, bytes: readonly number[]): this {
    this.#data.push([0, 0x41, ...s64(offset), 0x0b, ...u32(bytes.length), ...bytes])
    return this
  }

  passiveData(bytes: readonly number[]): this {
    this.#data.push([1, ...u32(bytes.length), ...bytes])
    this.#withDataCount = true
    return this
  }

  start(index: number): this {
    this.#start = index
    return this
  }

  /** Adds a section as it is, after all others. */
  section(id: number, bytes: readonly number[]): this {
    this.#extra.push({ id, bytes })
    return this
  }

  /** The exports of a function module: memory, an allocator that always answers 1024, and `stead_run` with this body. */
  steadFunction(body: Code, locals: readonly (readonly [number, number])[] = []): this {
    if (this.#memories.length === 0) this.memory(1)
    this.export('memory', 2, 0)
    this.function({ parameters: [I32], results: [I32], body: op.i32(1024), export: 'stead_alloc' })
    this.function({ parameters: [I32, I32], results: [I64], locals, body, export: 'stead_run' })
    return this
  }

  build(): Uint8Array {
    const out = new ByteWriter()
    out.raw(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0)
    const section = (id: number, entries: readonly (readonly number[])[]): void => {
      if (entries.length === 0) return
      out.u8(id)
      out.vector(Uint8Array.from([...u32(entries.length), ...entries.flat()]))
    }
    section(1, this.#types)
    section(2, this.#imports)
    section(
      3,
      this.#functions.map((type) => u32(type)),
    )
    section(4, this.#tables)
    section(5, this.#memories)
    section(6, this.#globals)
    section(7, this.#exports)
    if (this.#start !== undefined) {
      out.u8(8)
      out.vector(Uint8Array.from(u32(this.#start)))
    }
    section(9, this.#elements)
    if (this.#withDataCount) {
      out.u8(12)
      out.vector(Uint8Array.from(u32(this.#data.length)))
    }
    section(
      10,
      this.#bodies.map((body) => [...u32(body.length), ...body]),
    )
    section(11, this.#data)
    for (const { id, bytes } of this.#extra) {
      out.u8(id)
      out.vector(Uint8Array.from(bytes))
    }
    return out.view().slice()
  }
}

function text(name: string): number[] {
  const bytes = [...new TextEncoder().encode(name)]
  return [...u32(bytes.length), ...bytes]
}
