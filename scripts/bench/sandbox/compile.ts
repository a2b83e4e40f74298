import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A compiler and what it is told; part of the name of what it made. */
interface Compiler {
  readonly program: string
  readonly flags: readonly string[]
  readonly extension: string
  /** What a person installs when it is missing. */
  readonly packages: string
}

/** The reference: what a plain build gives, for the least x86-64 or ARM64. */
const native: Compiler = { program: 'gcc', flags: ['-O2'], extension: 'exe', packages: 'gcc' }

const webAssemblyCompiler: Compiler = {
  program: 'clang',
  flags: ['--target=wasm32-wasi', '--sysroot=/usr', '-O3', '-msimd128'],
  extension: 'wasm',
  packages: 'clang lld wasi-libc libclang-rt-14-dev-wasm32',
}

/** Where compiled programs are kept between benches. */
export const cacheFolder: string = fileURLToPath(new URL('../../../.cache/bench/', import.meta.url))

const includeFolder = fileURLToPath(new URL('./programs/', import.meta.url))

/** Either a file, or why there is none; one of the two. */
export type Built =
  | { readonly path: string; readonly missing?: undefined }
  | { readonly path?: undefined; readonly missing: string }

/** Compiles a C file to a native program, once for each content. @throws Error when the compiler refuses the source */
export function compileNative(name: string, sources: readonly string[], defines: readonly string[] = []): Built {
  return compile(native, name, [...defines, ...sources, '-lm'])
}

/** Compiles a C file to a WASI command, once for each content. @throws Error when the compiler refuses the source */
export function compileWasm(name: string, sources: readonly string[], defines: readonly string[] = []): Built {
  return compile(webAssemblyCompiler, name, [...defines, ...sources, '-lm'])
}

function compile(compiler: Compiler, name: string, args: readonly string[]): Built {
  const version = spawnSync(compiler.program, ['--version'], { encoding: 'utf8' })
  if (version.error !== undefined) return missing(compiler, `${compiler.program} is not installed`)
  const hash = createHash('sha256')
    .update(version.stdout)
    .update(JSON.stringify([compiler.flags, args]))
  hash.update(readFileSync(join(includeFolder, 'checksum.h')))
  for (const source of args.filter((argument) => argument.endsWith('.c'))) hash.update(readFileSync(source))
  const path = join(cacheFolder, `${name}-${hash.digest('hex').slice(0, 16)}.${compiler.extension}`)
  if (existsSync(path)) return { path }
  mkdirSync(cacheFolder, { recursive: true })
  const unfinished = `${path}.${process.pid}`
  const made = spawnSync(compiler.program, [...compiler.flags, '-I', includeFolder, '-o', unfinished, ...args], {
    encoding: 'utf8',
  })
  if (/cannot open crt1|file not found|unable to find|wasm-ld.*No such|No available targets/.test(made.stderr))
    return missing(compiler, (made.stderr.split('\n')[0] ?? '').slice(0, 200))
  if (made.status !== 0) throw new Error(`${compiler.program} refuses ${name}: ${made.stderr.slice(0, 2000)}`)
  renameSync(unfinished, path)
  return { path }
}

function missing(compiler: Compiler, what: string): Built {
  return { missing: `${what} (apt-get install ${compiler.packages})` }
}
