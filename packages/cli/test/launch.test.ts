import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { nodeCommand } from '../bin/launch.mjs'

const stead = fileURLToPath(new URL('../bin/stead.mjs', import.meta.url))
const home = { HOME: '/home/ada' }

function commandFor(args: readonly string[], environment: NodeJS.ProcessEnv = home) {
  return nodeCommand({ main: 'main.ts', conditions: ['--conditions=x'], args, environment })
}

describe('a process of the stead command', () => {
  it('keeps its threads from hoarding memory only as a daemon', () => {
    const arenas = (args: readonly string[]): string | undefined => commandFor(args).environment.MALLOC_ARENA_MAX
    expect(arenas(['up', '--provide'])).toBe('1')
    expect(arenas(['--data-dir', '/srv/node', 'up'])).toBe('1')
    expect(arenas(['run', 'up'])).toBeUndefined()
    expect(arenas(['--data-dir', 'up', 'status'])).toBeUndefined()
    expect(commandFor(['run', 'x']).nodeArguments).toEqual(['--conditions=x', 'main.ts', 'run', 'x'])
  })

  it('keeps compiled code where no other user can plant it, unless it was told where', () => {
    const directory = (environment: NodeJS.ProcessEnv): string | undefined =>
      commandFor(['up'], environment).environment.NODE_COMPILE_CACHE
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
