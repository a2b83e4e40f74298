import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { compileCacheDirectory, keepsCompiled } from '../bin/compile-cache.mjs'
import { DAEMON_FLAGS, daemonEnvironment, isDaemon, isStartedAsDaemon } from '../bin/daemon-flags.mjs'

const stead = fileURLToPath(new URL('../bin/stead.mjs', import.meta.url))
const enter = fileURLToPath(new URL('../bin/enter.mjs', import.meta.url))

describe('the launcher', () => {
  it('keeps compiled code where no other user can plant it', () => {
    expect(compileCacheDirectory({ HOME: '/home/ada' })).toBe('/home/ada/.cache/stead/node-compile-cache')
    expect(compileCacheDirectory({ XDG_CACHE_HOME: '/cache' })).toBe('/cache/stead/node-compile-cache')
    expect(compileCacheDirectory({ HOME: '/home/ada', XDG_CACHE_HOME: 'relative' })).toBe(
      '/home/ada/.cache/stead/node-compile-cache',
    )
  })

  it('keeps compiled code for commands, and for daemons only where types must be stripped', () => {
    expect([keepsCompiled(['run', 'up'], false), keepsCompiled([], false)]).toEqual([true, true])
    expect([keepsCompiled(['up'], false), keepsCompiled(['up'], true)]).toEqual([false, true])
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

  it('leaves the pools of memory to an operator who says how many', () => {
    expect(daemonEnvironment({ HOME: '/home/ada' })).toEqual({ HOME: '/home/ada', MALLOC_ARENA_MAX: '2' })
    const env = daemonEnvironment({ MALLOC_ARENA_MAX: '7' })
    expect(env).toEqual({ MALLOC_ARENA_MAX: '7' })
    expect(isStartedAsDaemon({ execArgv: DAEMON_FLAGS, env })).toBe(true)
    expect(isStartedAsDaemon({ execArgv: DAEMON_FLAGS, env: {} })).toBe(false)
    expect(isStartedAsDaemon({ execArgv: DAEMON_FLAGS.slice(1), env })).toBe(false)
  })

  it('starts a daemon with a small young generation, and nothing else', () => {
    expect([isDaemon(['up', '--verbose']), isDaemon(['run', 'up']), isDaemon([])]).toEqual([true, false, false])
    // What Node.js was started with in the end.
    const tell =
      "data:text/javascript,process.on('exit',()=>console.log(process.execArgv.join(),process.env.MALLOC_ARENA_MAX))"
    for (const [flags, args] of [
      [DAEMON_FLAGS, ['up', '--nonsense']],
      [[], ['up', '--nonsense']],
      [[], ['nonsense']],
    ] as const) {
      const all = ['--conditions=@stead/source', ...flags, enter, ...args]
      const env = { ...process.env, NODE_OPTIONS: `--import ${tell}` }
      const { status, stdout } = spawnSync(process.execPath, all, { encoding: 'utf8', timeout: 20_000, env })
      expect(status).toBe(2)
      const told = stdout.trim().split('\n').at(-1) ?? ''
      expect(DAEMON_FLAGS.every((flag) => told.includes(flag))).toBe(args[0] === 'up')
      expect(told.endsWith(' 2')).toBe(args[0] === 'up')
    }
  })
})

describe('a launcher that waits for its child', () => {
  let directory = ''
  let daemon: Server

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'stead-launcher-'))
    // Never answers: a command that asks it is in the middle of its work until somebody ends it.
    daemon = createServer()
    daemon.listen(0, '127.0.0.1')
    await once(daemon, 'listening')
    const { port } = daemon.address() as AddressInfo
    const access = { url: `http://127.0.0.1:${port}`, token: 'x', pid: process.pid }
    writeFileSync(join(directory, 'api.json'), JSON.stringify(access))
  })

  afterEach(() => {
    daemon.closeAllConnections()
    daemon.close()
    rmSync(directory, { recursive: true, force: true })
  })

  /** As under a Node.js that cannot replace its process; both say their number first. */
  async function launch(...args: readonly string[]): Promise<Launched> {
    const tell = 'data:text/javascript,process.execve=undefined;console.error(process.pid)'
    const env = { PATH: process.env.PATH ?? '', XDG_CACHE_HOME: directory, NODE_OPTIONS: `--import ${tell}` }
    const launcher = spawn(process.execPath, [stead, ...args, '--data-dir', directory], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env,
    })
    let said = ''
    launcher.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString('utf8')
    })
    await once(daemon, 'request')
    const [own, child] = said.split('\n').map(Number)
    expect(own).toBe(launcher.pid)
    return { launcher, child: child ?? 0, closed: once(launcher, 'close').then(() => said) }
  }

  it.each([
    ['SIGKILL', 137],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('ends with 128 and the number of %s when that ends its child', async (signal, code) => {
    const { launcher, child, closed } = await launch('status')
    process.kill(child, signal)
    await closed
    expect([launcher.exitCode, launcher.signalCode]).toEqual([code, null])
  })

  it('and is killed does not leave the command to go on beside the next try', async () => {
    const { launcher, child, closed } = await launch('status')
    launcher.kill('SIGKILL')
    // Closes when the child has ended as well, which writes there.
    await closed
    await expect.poll(() => isGone(child), { timeout: 20_000 }).toBe(true)
  })

  it('and is killed interrupts a command that tells how it can be gone on with', async () => {
    const { launcher, closed } = await launch('put', stead, 'stead://mine/')
    launcher.kill('SIGKILL')
    expect(await closed).toContain('CLI_INTERRUPTED')
  })
})

interface Launched {
  readonly launcher: ChildProcess
  readonly child: number
  /** All that both have said, when both have ended. */
  readonly closed: Promise<string>
}

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return false
  } catch {
    return true
  }
}
