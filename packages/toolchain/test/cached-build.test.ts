import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { cachedBuild } from '../src/cached-build.ts'

const folder = mkdtempSync(join(tmpdir(), 'stead-cached-build-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('cachedBuild', () => {
  it('gives the same to all who build the same at the same time in one process, and leaves one file', async () => {
    const binary = Uint8Array.of(1, 2, 3)
    const build = { folder, name: 'same', parts: ['source'], compile: async () => binary }
    const results = await Promise.all(Array.from({ length: 16 }, () => cachedBuild(build)))
    expect(results).toEqual(results.map(() => binary))
    expect(readdirSync(folder)).toEqual([expect.stringMatching(/^same-[0-9a-f]{32}\.wasm$/)])
  })
})
