import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { processEnvironment } from '../bin/launch.mjs'

const stead = fileURLToPath(new URL('../bin/stead.mjs', import.meta.url))
const home = { HOME: '/home/ada' }

describe('a process of the stead command', () => {
  it('keeps compiled code where no other user can plant it, unless it was told where', () => {
    const directory = (environment: NodeJS.ProcessEnv): string | undefined =>
      processEnvironment(environment).NODE_COMPILE_CACHE
    expect(directory(home)).toBe('/home/ada/.cache/stead/node-compile-cache')
    expect(directory({ ...home, XDG_CACHE_HOME: '/cache' })).toBe('/cache/stead/node-compile-cache')
    expect(directory({ ...home, XDG_CACHE_HOME: 'relative' })).toBe('/home/ada/.cache/stead/node-compile-cache')
    expect(directory({ ...home, NODE_COMPILE_CACHE: '/mine' })).toBe('/mine')
  })

  it('is reached through the launcher, with its exit code and its output', () => {
    const run = (args: readonly string[]) =>
      spawnSync(process.execPath, [stead, ...args], {
        encoding: 'utf8',
        env: { PATH: process.env.PATH ?? '', XDG_CACHE_HOME: tmpdir() },
        timeout: 20_000,
      })
    expect(run(['--version'])).toMatchObject({ status: 0, stdout: '0.1.0\n', stderr: '' })
    expect(run(['nonsense']).status).toBe(2)
  })
})
