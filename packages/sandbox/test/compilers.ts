import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'

function fixture(name: string): string {
  return fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url))
}

/** Compiles an AssemblyScript fixture as the examples are. */
export async function compileAssemblyScript(name: string): Promise<Uint8Array> {
  const options = { optimizeLevel: 3, shrinkLevel: 0, runtime: 'stub' } as const
  const { binary, error, stderr } = await asc.compileString(readFileSync(fixture(name), 'utf8'), options)
  if (binary === null) throw new Error(`AssemblyScript: ${error?.message} ${stderr.toString()}`)
  return binary
}

/** Compiles a C fixture through clang and wasi-libc; undefined where they are not installed. */
export function compileC(name: string, ...flags: string[]): Uint8Array | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'stead-sandbox-'))
  try {
    const output = join(folder, 'module.wasm')
    const args = ['--target=wasm32-wasi', '--sysroot=/usr', '-O2', ...flags, '-o', output, fixture(name), '-lm']
    const { status, error, stderr } = spawnSync('clang', args, { encoding: 'utf8' })
    if (error !== undefined || /sysroot|cannot open crt1|file not found|wasm-ld/.test(stderr)) return undefined
    if (status !== 0) throw new Error(`clang: ${stderr}`)
    return readFileSync(output)
  } finally {
    rmSync(folder, { recursive: true })
  }
}
