import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import { compileC } from './compilers.ts'

const folder = mkdtempSync(join(tmpdir(), 'stead-tiers-'))
afterAll(() => rmSync(folder, { recursive: true }))

const commands = [compileC('tool.c'), compileC('tool.c', '-msimd128', '-O3')].flatMap((bytes, index) => {
  if (bytes === undefined) return []
  const path = join(folder, `${index}.wasm`)
  writeFileSync(path, bytes)
  return [path]
})

async function corpusHash(program: string, ...flags: string[]): Promise<string> {
  const script = fileURLToPath(new URL('./tier-corpus.ts', import.meta.url))
  const args = [...flags, '--conditions=@stead/source', script, ...commands]
  const { stdout } = await promisify(execFile)(program, args, { timeout: 60_000 })
  return stdout.trim()
}

/** Other Node.js versions to compare with: paths, separated like PATH. */
const others = (process.env.SANDBOX_TEST_NODES ?? '').split(delimiter).filter((path) => path !== '')

test('metered bytes, outcomes and fuel are the same in every compiler tier and Node.js version', async () => {
  const expected = await corpusHash(process.execPath)
  expect(expected).toMatch(/^[0-9a-f]{64}$/)
  expect(await corpusHash(process.execPath, '--liftoff-only')).toBe(expected)
  expect(await corpusHash(process.execPath, '--no-liftoff')).toBe(expected)
  for (const program of others) expect([program, await corpusHash(program)]).toEqual([program, expected])
}, 120_000)
