import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, describe, expect, test } from 'vitest'
import { compileModule } from '../src/prepare.ts'
import { runCall } from '../src/run.ts'
import { commandCall, limits } from './calls.ts'
import { compileC } from './compilers.ts'
import { strictByDefinition } from './strict-reference.ts'

const folder = mkdtempSync(join(tmpdir(), 'stead-strict-'))
afterAll(() => rmSync(folder, { recursive: true }))

const commands = [compileC('floats.c'), compileC('floats.c', '-msimd128', '-O3')].filter((bytes) => bytes !== undefined)
const hasC = commands.length > 0
if (!hasC)
  process.stderr.write(
    '\n*** STRICT FLOATS OF C ARE NOT TESTED: clang with wasi-libc is missing (apt-get install clang lld wasi-libc libclang-rt-14-dev-wasm32)\n',
  )
const paths = commands.map((bytes, index) => {
  const path = join(folder, `${index}.wasm`)
  writeFileSync(path, bytes)
  return path
})

interface Hashes {
  readonly raw: string
  readonly strict: string
}

async function hashesIn(program: string, ...flags: string[]): Promise<Hashes> {
  const script = fileURLToPath(new URL('./strict-corpus.ts', import.meta.url))
  const args = [...flags, '--conditions=@stead/source', script, ...paths]
  const { stdout } = await promisify(execFile)(program, args, { timeout: 120_000 })
  return JSON.parse(stdout) as Hashes
}

/** Other Node.js versions to compare with: paths, separated like PATH. */
const others = (process.env.SANDBOX_TEST_NODES ?? '').split(delimiter).filter((path) => path !== '')

/** Ways in which one machine makes machine code; the last is what a processor without AVX gets. */
const ways = [[], ['--liftoff-only'], ['--no-liftoff'], ['--liftoff-only', '--no-enable-avx']]

test('strict floats have the same bits and fuel in every compiler tier and processor, where raw ones differ', async () => {
  const all: Hashes[] = []
  for (const flags of ways) all.push(await hashesIn(process.execPath, ...flags))
  for (const program of others) all.push(await hashesIn(program))
  expect(new Set(all.map(({ strict }) => strict)).size).toBe(1)
  // Without a difference between raw results the test would show nothing; only x86-64 is known to have one by flags.
  if (process.arch === 'x64') expect(new Set(all.map(({ raw }) => raw)).size).toBeGreaterThan(1)
  else
    process.stderr.write(`\n*** STRICT FLOATS: on ${process.arch} it is not known by which flags raw results differ\n`)
}, 400_000)

const name = hasC ? 'C' : 'C (NOT RUN: clang or wasi-libc is missing)'
describe.runIf(hasC)(name, () => {
  test.each(commands)('gives the bits of the definition, which are not those of raw floats', (bytes) => {
    const outputOf = (module: Uint8Array, floats: 'raw' | 'strict'): Uint8Array => {
      const outcome = runCall(compileModule(module, floats), commandCall(), limits())
      if (outcome.status !== 'ok' || outcome.exitCode !== 0) throw new Error(outcome.status)
      return outcome.output
    }
    const strict = outputOf(bytes, 'strict')
    expect(strict.length).toBe(8 * 96 * 12)
    expect(strict).toEqual(outputOf(strictByDefinition(bytes), 'raw'))
    expect(strict).not.toEqual(outputOf(bytes, 'raw'))
  })
})
