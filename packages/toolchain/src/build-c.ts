import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { SdkError } from '@stead/sdk/job'
import { cachedBuild } from './cached-build.ts'

// /usr is where Debian keeps wasi-libc; a wasi-sdk elsewhere is named by its own variable.
const SYSROOT = process.env.WASI_SYSROOT ?? '/usr'
const FLAGS = ['--target=wasm32-wasi', `--sysroot=${SYSROOT}`, '-O2', '-std=c11', '-Wall', '-Werror', '-s']
const INSTALL =
  'Install the compiler, on Debian: apt-get install clang lld wasi-libc libclang-rt-14-dev-wasm32; or name the sysroot of a wasi-sdk in WASI_SYSROOT'
const run = promisify(execFile)

/**
 * The command module compiled from C sources (names relative to the package's folder) by clang with wasi-libc.
 * @throws SdkError JOB_BUILD_FAILED when clang or wasi-libc is missing, or with what the compiler said
 */
export async function buildC(directory: string, name: string, sources: readonly string[]): Promise<Uint8Array> {
  const parts: (string | Uint8Array)[] = [...FLAGS, await clangVersion()]
  for (const source of sources) parts.push(source, await readFile(join(directory, source)))
  return await cachedBuild({ directory, name, parts, compile: () => compile(directory, sources) })
}

async function clangVersion(): Promise<string> {
  try {
    return (await run('clang', ['--version'])).stdout
  } catch (cause) {
    throw new SdkError('JOB_BUILD_FAILED', 'clang is needed to compile this job and is not installed', {
      cause,
      next: INSTALL,
    })
  }
}

async function compile(directory: string, sources: readonly string[]): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'stead-clang-'))
  const output = join(folder, 'module.wasm')
  try {
    await run('clang', [...FLAGS, '-o', output, ...sources], { cwd: directory })
    return await readFile(output)
  } catch (cause) {
    const said = cause instanceof Error && 'stderr' in cause ? String(cause.stderr).trim() : String(cause)
    // What clang says when it is there and the library or the linker for WebAssembly is not.
    const isIncomplete = /stdio\.h|wasm-ld|crt1|builtins-wasm32|wasi/.test(said)
    throw new SdkError('JOB_BUILD_FAILED', `${directory} does not compile: ${said}`, {
      cause,
      ...(isIncomplete ? { next: INSTALL } : {}),
    })
  } finally {
    await rm(folder, { recursive: true })
  }
}
