import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** Where compiled programs and fetched sources are kept between benches. */
export const cacheFolder: string = fileURLToPath(new URL('../../../.cache/bench/', import.meta.url))

const programsFolder = fileURLToPath(new URL('./programs/', import.meta.url))

interface Compiler {
  readonly command: string
  readonly flags: readonly string[]
  readonly extension: string
  /** What a person installs when it is missing. */
  readonly packages: string
}

/** What a program is compiled to. */
export type Target = 'native' | 'wasm'

const compilers: Readonly<Record<Target, Compiler>> = {
  /** The reference: what a plain build gives on the least machine of its kind. */
  native: { command: 'gcc', flags: ['-O2'], extension: 'exe', packages: 'gcc' },
  wasm: {
    command: 'clang',
    flags: ['--target=wasm32-wasi', '--sysroot=/usr', '-O3', '-msimd128'],
    extension: 'wasm',
    packages: 'clang lld wasi-libc libclang-rt-14-dev-wasm32',
  },
}

/** What is compiled into one program. */
export interface Sources {
  readonly name: string
  readonly files: readonly string[]
  readonly includeFolders: readonly string[]
  readonly defines: readonly string[]
}

/** Either a file, or why there is none. */
export type Built =
  | { readonly path: string; readonly missing?: undefined }
  | { readonly path?: undefined; readonly missing: string }

/** Compiles, once for each content of the sources. @throws Error when the compiler refuses them */
export async function compile(target: Target, sources: Sources): Promise<Built> {
  const compiler = compilers[target]
  const version = await run(compiler.command, ['--version'])
  if (version.isMissing) return missing(compiler, `${compiler.command} is not installed`)
  const hash = createHash('sha256')
    .update(version.stdout)
    .update(JSON.stringify([compiler.flags, sources.defines]))
  for (const file of [join(programsFolder, 'checksum.h'), ...sources.files]) hash.update(readFileSync(file))
  const path = join(cacheFolder, `${sources.name}-${hash.digest('hex').slice(0, 16)}.${compiler.extension}`)
  if (existsSync(path)) return { path }
  mkdirSync(cacheFolder, { recursive: true })
  const unfinished = `${path}.${process.pid}`
  const folders = [programsFolder, ...sources.includeFolders].flatMap((folder) => ['-I', folder])
  const args = [...compiler.flags, ...sources.defines, ...folders, '-o', unfinished, ...sources.files, '-lm']
  const made = await run(compiler.command, args)
  if (
    /cannot open crt1|'[a-z]+\.h' file not found|wasm-ld.*(No such|not found)|[Nn]o available targets/.test(made.stderr)
  )
    return missing(compiler, (made.stderr.split('\n')[0] ?? '').slice(0, 200))
  if (made.hasFailed) throw new Error(`${compiler.command} refuses ${sources.name}: ${made.stderr.slice(0, 2000)}`)
  renameSync(unfinished, path)
  return { path }
}

interface Ended {
  readonly isMissing: boolean
  readonly hasFailed: boolean
  readonly stdout: string
  readonly stderr: string
}

async function run(command: string, args: readonly string[]): Promise<Ended> {
  try {
    const { stdout, stderr } = await promisify(execFile)(command, args, { encoding: 'utf8' })
    return { isMissing: false, hasFailed: false, stdout, stderr }
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as { code?: unknown; stdout?: string; stderr?: string }
    return { isMissing: code === 'ENOENT', hasFailed: true, stdout, stderr }
  }
}

function missing(compiler: Compiler, what: string): Built {
  return { missing: `${what} (apt-get install ${compiler.packages})` }
}
