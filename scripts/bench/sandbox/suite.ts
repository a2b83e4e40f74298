import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildTypeScript } from '../../../packages/toolchain/src/index.ts'
import { type Built, cacheFolder, compile, type Sources } from './compile.ts'
import { fetchSqlite } from './sqlite-source.ts'

/** What a program is written in; its source is `programs/<name>.<language>`. */
export type Language = 'c' | 'ts'

/** One program of the suite. */
export interface Program {
  readonly name: string
  readonly language: Language
  /** Its first argument: how much to do, chosen so that a run takes 0.1 to 0.3 s on a 2024 server core. */
  readonly amount: number
}

/** The programs, in the order of the table. */
export const programs: readonly Program[] = [
  { name: 'nbody', language: 'c', amount: 3_000_000 },
  { name: 'matmul', language: 'c', amount: 350 },
  { name: 'fft', language: 'c', amount: 2000 },
  { name: 'dct', language: 'c', amount: 120 },
  { name: 'mandelbrot', language: 'c', amount: 850 },
  { name: 'life', language: 'c', amount: 5000 },
  { name: 'sha256', language: 'c', amount: 900 },
  { name: 'crc32', language: 'c', amount: 350 },
  { name: 'compress', language: 'c', amount: 24 },
  { name: 'fib', language: 'c', amount: 39 },
  { name: 'levenshtein', language: 'c', amount: 140 },
  { name: 'sort', language: 'c', amount: 15 },
  { name: 'interpreter', language: 'c', amount: 220 },
  { name: 'btree', language: 'c', amount: 10 },
  { name: 'hashmap', language: 'c', amount: 16 },
  { name: 'sqlite', language: 'c', amount: 6 },
  { name: 'json', language: 'ts', amount: 60 },
  { name: 'sieve', language: 'ts', amount: 25 },
  { name: 'text', language: 'ts', amount: 60 },
]

/** A program in both forms, or why there is none. */
export interface BuiltProgram {
  readonly wasm: Built
  /** The same on the machine itself: an executable program for C, the source for TypeScript, which Node.js runs. */
  readonly native: Built
}

/**
 * Compiles a program, once for each content: C natively and to WebAssembly, TypeScript to an engine with the program in
 * it. @throws Error when a compiler refuses it
 */
export async function buildProgram(program: Program): Promise<BuiltProgram> {
  if (program.language === 'ts') return await buildScript(program)
  const sources = await sourcesOf(program)
  if ('missing' in sources) return { wasm: sources, native: sources }
  const [wasm, native] = await Promise.all([compile('wasm', sources), compile('native', sources)])
  return { wasm, native }
}

function fileOf({ name, language }: Program): string {
  return fileURLToPath(new URL(`./programs/${name}.${language}`, import.meta.url))
}

async function buildScript(program: Program): Promise<BuiltProgram> {
  const file = fileOf(program)
  mkdirSync(cacheFolder, { recursive: true })
  const module = await buildTypeScript(cacheFolder, program.name, { entry: file })
  const path = join(
    cacheFolder,
    `${program.name}-${createHash('sha256').update(module).digest('hex').slice(0, 16)}.wasm`,
  )
  writeFileSync(path, module)
  return { wasm: { path }, native: { path: file } }
}

async function sourcesOf(program: Program): Promise<Sources | { readonly missing: string }> {
  const { name } = program
  const file = fileOf(program)
  if (name !== 'sqlite') return { name, files: [file], includeFolders: [], defines: [] }
  const library = await fetchSqlite()
  if ('missing' in library) return library
  return { name, files: [file, library.file], includeFolders: [library.folder], defines: library.defines }
}
