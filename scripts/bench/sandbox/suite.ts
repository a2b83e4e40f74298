import { fileURLToPath } from 'node:url'
import { type Built, compile, type Sources } from './compile.ts'
import { fetchSqlite } from './sqlite-source.ts'

/** One C program of the suite. */
export interface Program {
  readonly name: string
  /** Its first argument: how much to do, chosen so that a run takes 0.1 to 0.3 s on a 2024 server core. */
  readonly amount: number
}

/** The programs, in the order of the table. */
export const programs: readonly Program[] = [
  { name: 'nbody', amount: 3_000_000 },
  { name: 'matmul', amount: 350 },
  { name: 'fft', amount: 2000 },
  { name: 'dct', amount: 120 },
  { name: 'mandelbrot', amount: 850 },
  { name: 'life', amount: 5000 },
  { name: 'sha256', amount: 900 },
  { name: 'crc32', amount: 350 },
  { name: 'compress', amount: 24 },
  { name: 'fib', amount: 39 },
  { name: 'levenshtein', amount: 140 },
  { name: 'sort', amount: 15 },
  { name: 'interpreter', amount: 220 },
  { name: 'btree', amount: 10 },
  { name: 'hashmap', amount: 16 },
  { name: 'sqlite', amount: 6 },
]

/** A program in both forms, or why there is none. */
export interface BuiltProgram {
  readonly wasm: Built
  readonly native: Built
}

/** Compiles a program natively and to WebAssembly, once for each content. @throws Error when a compiler refuses it */
export async function buildProgram(program: Program): Promise<BuiltProgram> {
  const sources = await sourcesOf(program)
  if ('missing' in sources) return { wasm: sources, native: sources }
  const [wasm, native] = await Promise.all([compile('wasm', sources), compile('native', sources)])
  return { wasm, native }
}

async function sourcesOf({ name }: Program): Promise<Sources | { readonly missing: string }> {
  const file = fileURLToPath(new URL(`./programs/${name}.c`, import.meta.url))
  if (name !== 'sqlite') return { name, files: [file], includeFolders: [], defines: [] }
  const library = await fetchSqlite()
  if ('missing' in library) return library
  return { name, files: [file, library.file], includeFolders: [library.folder], defines: library.defines }
}
