import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { SdkError } from '@stead/sdk/job'
import { cachedBuild } from './cached-build.ts'
import { compileFailure } from './compile-failure.ts'
import { readSource } from './read-source.ts'

// /usr is where Debian keeps wasi-libc; a wasi-sdk elsewhere is named by its own variable.
const SYSROOT = process.env.WASI_SYSROOT ?? '/usr'
const FLAGS = ['--target=wasm32-wasi', `--sysroot=${SYSROOT}`, '-O2', '-Wall', '-Werror', '-s']
const run = promisify(execFile)

/** A compiler by its language. The sandbox knows no exceptions of WebAssembly, so C++ has none either. */
interface Language {
  readonly compiler: string
  readonly flags: readonly string[]
  readonly install: string
}

const OTHERWISE = '; or name the sysroot of a wasi-sdk in WASI_SYSROOT'
const C: Language = {
  compiler: 'clang',
  flags: ['-std=c11'],
  install: `Install the compiler, on Debian: apt-get install clang lld wasi-libc libclang-rt-14-dev-wasm32${OTHERWISE}`,
}
const CPP: Language = {
  compiler: 'clang++',
  flags: ['-std=c++17', '-fno-exceptions'],
  install: `Install the compiler, on Debian: apt-get install clang lld wasi-libc libclang-rt-14-dev-wasm32 libc++-14-dev-wasm32 libc++abi-14-dev-wasm32${OTHERWISE}`,
}

/**
 * The command module compiled from C or C++ sources (names relative to the package's folder) by clang with wasi-libc and,
 * where a source ends in `.cpp` or `.cc`, libc++ without exceptions.
 * @throws SdkError JOB_BUILD_FAILED when a source, clang or its libraries are missing, or with what the compiler said
 */
export async function buildC(directory: string, name: string, sources: readonly string[]): Promise<Uint8Array> {
  const language = sources.some((source) => /\.(cpp|cc)$/.test(source)) ? CPP : C
  const parts: (string | Uint8Array)[] = [...FLAGS, ...language.flags]
  for (const source of sources) parts.push(source, await readSource(directory, source))
  parts.push(await versionOf(language))
  return await cachedBuild({
    folder: join(directory, 'build'),
    name,
    parts,
    compile: () => compile(directory, { language, sources }),
  })
}

async function versionOf({ compiler, install }: Language): Promise<string> {
  try {
    return (await run(compiler, ['--version'])).stdout
  } catch (cause) {
    throw new SdkError('JOB_BUILD_FAILED', `${compiler} is needed to compile this job and is not installed`, {
      cause,
      next: install,
    })
  }
}

interface Compilation {
  readonly language: Language
  readonly sources: readonly string[]
}

async function compile(directory: string, { language, sources }: Compilation): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'stead-clang-'))
  const output = join(folder, 'module.wasm')
  try {
    await run(language.compiler, [...FLAGS, ...language.flags, '-o', output, ...sources], { cwd: directory })
    return await readFile(output)
  } catch (cause) {
    const said = cause instanceof Error && 'stderr' in cause ? String(cause.stderr).trim() : String(cause)
    // What clang says when it is there and the libraries or the linker for WebAssembly are not.
    const isIncomplete =
      /'(stdio\.h|iostream|string|vector)' file not found|wasm-ld|crt1|builtins-wasm32|-lc\+\+|-lc\b/.test(said)
    throw compileFailure(directory, [{ what: said }], { cause, ...(isIncomplete ? { next: language.install } : {}) })
  } finally {
    await rm(folder, { recursive: true })
  }
}
