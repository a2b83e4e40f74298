import { ByteWriter } from '../src/binary/byte-writer.ts'
import { u32 } from './module-builder.ts'

/** Instructions that are repeated until a function is full, and what stands before them; parameter 0 is an i64. */
export interface Pattern {
  readonly unit: readonly number[]
  readonly open?: readonly number[]
}

const END = 0x0b

function vector(bytes: Uint8Array): Uint8Array {
  const out = new ByteWriter(bytes.length + 5)
  out.vector(bytes)
  return out.view()
}

function section(id: number, ...parts: readonly (readonly number[] | Uint8Array)[]): Uint8Array {
  return Buffer.concat([Uint8Array.of(id), vector(Buffer.concat(parts.map((part) => Uint8Array.from(part))))])
}

function exported(name: string, kind: number, index: number): number[] {
  return [name.length, ...Buffer.from(name), kind, ...u32(index)]
}

function bodyOf({ unit, open = [] }: Pattern, bytes: number): Uint8Array {
  const code = Buffer.alloc(Math.floor((bytes - open.length - 2) / unit.length) * unit.length)
  code.fill(Uint8Array.from(unit))
  return vector(Buffer.concat([Uint8Array.from([0, ...open]), code, Uint8Array.of(END)]))
}

/** A module with `functions` functions of about `functionBytes` bytes each: too large to be assembled byte by byte. */
export function patternModule(pattern: Pattern, functions: number, functionBytes: number): Uint8Array {
  const i32 = 0x7f
  const i64 = 0x7e
  const types = [0x60, 1, i64, 0, 0x60, 1, i32, 1, i32, 0x60, 2, i32, i32, 1, i64]
  const body = bodyOf(pattern, functionBytes)
  const entries = [exported('stead_alloc', 0, functions), exported('stead_run', 0, functions + 1)]
  return Buffer.concat([
    Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0),
    section(1, [3, ...types]),
    section(3, u32(functions + 2), new Uint8Array(functions), [1, 2]),
    section(4, [1, 0x70, 0, 1]),
    section(5, [1, 0, 1]),
    section(7, [3, ...exported('memory', 2, 0), ...entries.flat()]),
    section(
      10,
      u32(functions + 2),
      ...new Array<Uint8Array>(functions).fill(body),
      [4, 0, 0x41, 0, END],
      [4, 0, 0x42, 0, END],
    ),
  ])
}

/** What costs the sandbox most to read, rewrite and follow, by name. */
export const patterns: Readonly<Record<'nothing' | 'branches out of blocks' | 'empty loops', Pattern>> = {
  nothing: { unit: [0x01] },
  'branches out of blocks': { unit: [0x02, 0x40, 0x20, 0, 0xa7, 0x0d, 0, END] },
  'empty loops': { unit: [0x03, 0x40, END] },
}

/** The same, each function with one float operation, so that all of it is followed where floats are strict. */
export function withFloat(pattern: Pattern): Pattern {
  const number = [0x44, 0, 0, 0, 0, 0, 0, 0, 0]
  return { ...pattern, open: [...number, ...number, 0xa0, 0x1a, ...(pattern.open ?? [])] }
}
