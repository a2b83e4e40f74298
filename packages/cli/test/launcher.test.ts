import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { compileCacheDirectory } from '../bin/compile-cache.mjs'

const stead = fileURLToPath(new URL('../bin/stead.mjs', import.meta.url))

describe('the launcher', () => {
  it('keeps compiled code where no other user can plant it', () => {
    expect(compileCacheDirectory({ HOME: '/home/ada' })).toBe('/home/ada/.cache/stead/node-compile-cache')
    expect(compileCacheDirectory({ XDG_CACHE_HOME: '/cache' })).toBe('/cache/stead/node-compile-cache')
    expect(compileCacheDirectory({ HOME: '/home/ada', XDG_CACHE_HOME: 'relative' })).toBe(
      '/home/ada/.cache/stead/node-compile-cache',
    )
  })

  it('hands on output and exit code', () => {
    const cache = mkdtempSync(join(tmpdir(), 'stead-launcher-'))
    const run = (args: readonly string[]) =>
      spawnSync(process.execPath, [stead, ...args], {
        encoding: 'utf8',
        env: { PATH: process.env.PATH ?? '', XDG_CACHE_HOME: cache },
        timeout: 20_000,
      })
    try {
      expect(run(['--version'])).toMatchObject({ status: 0, stdout: '0.1.0\n', stderr: '' })
      expect(run(['nonsense']).status).toBe(2)
    } finally {
      rmSync(cache, { recursive: true, force: true })
    }
  })
})
