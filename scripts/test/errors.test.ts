import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { ErrorCatalog } from '@stead/core'
import { expect, test } from 'vitest'
import { root } from './sources.ts'

test('every package’s error catalogue is complete, in its own name, and tells people what to do', async () => {
  const packages = join(root, 'packages')
  const seen = new Map<string, string>()
  for (const folder of readdirSync(packages)) {
    const exports = (await import(join(packages, folder, 'src', 'errors.ts')).catch(() => ({}))) as object
    const catalogs = Object.entries(exports).filter(([name]) => name.endsWith('ErrorCatalog'))
    for (const [, catalog] of catalogs) {
      for (const [code, { meaning, next }] of Object.entries(catalog as ErrorCatalog)) {
        expect(code).toMatch(/^[A-Z0-9]+(_[A-Z0-9]+)+$/)
        expect(seen.get(code), `${code} is in ${folder} and ${seen.get(code)}`).toBeUndefined()
        seen.set(code, folder)
        expect(meaning, code).toMatch(/^[A-Z].*\.$/)
        expect(next.length, code).toBeGreaterThan(10)
      }
    }
  }
  expect(seen.size).toBeGreaterThan(20)
})
