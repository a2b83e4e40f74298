import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { root } from '../run-step.ts'

const WORLD = '--seed 7 --nodes 6 --minutes 0.2 --faults wires --without wires.lossShare'
const AGAIN = `npm run sim -- ${WORLD}`
const HANGS = ['loop', 'microtasks', 'waits', 'exits'] as const
/** A second, and as much again where the machine has other things to do. */
const STOP_MS_MAX = 2000
const PRELOAD = join(root, 'scripts', 'test', 'fixtures', 'hanging-world.ts')

type Hang = (typeof HANGS)[number]

/** A command that runs, with what it prints. */
interface Running {
  readonly child: ChildProcess
  readonly end: Promise<{ readonly how: number | string | null; readonly printed: string; readonly noted: string }>
}

/** @param to `hangs`: in which way worlds hang; `output`: a file for what is printed, or `closed` where nobody reads it */
function start(
  line: string,
  to: { readonly hangs?: Hang | undefined; readonly output?: number | 'closed' } = {},
): Running {
  const [script = '', ...args] = line.split(' ')
  const preload = to.hangs === undefined ? [] : ['--import', PRELOAD]
  const child = spawn(
    process.execPath,
    ['--conditions=@stead/source', ...preload, join(root, 'scripts', script), ...args],
    {
      env: { ...process.env, SIM_HANGS: to.hangs },
      stdio: ['ignore', typeof to.output === 'number' ? to.output : 'pipe', 'pipe'],
    },
  )
  if (to.output === 'closed') child.stdout?.destroy()
  const ended = once(child, 'close') as Promise<[number | null, string | null]>
  const { stdout, stderr } = child
  const printed = stdout === null || to.output === 'closed' ? '' : text(stdout)
  const noted = stderr === null ? '' : text(stderr)
  const end = Promise.all([ended, printed, noted]).then(([[code, signal], out, err]) => ({
    how: signal ?? code,
    printed: out,
    noted: err.replace('hangs\n', ''),
  }))
  return { child, end }
}

describe('a world that hangs', () => {
  it.each(HANGS)('(%s) ends the command, which says which world it was and how to play it again', async (hangs) => {
    const { how, printed, noted } = await start(`sim.ts ${WORLD} --stall-seconds 1`, { hangs }).end
    expect(noted).toMatch(/seed 7.*6 nodes.*0\.2 min.*wires without wires\.lossShare/)
    expect(noted).toContain(AGAIN)
    expect(noted.split('\n')).toHaveLength(2)
    expect([how, printed]).toEqual([3, ''])
  })

  it('is in the document that was asked for', async () => {
    const { how, printed } = await start(`sim.ts ${WORLD} --stall-seconds 1 --json`, { hangs: 'microtasks' }).end
    expect(JSON.parse(printed)).toMatchObject({
      played: 0,
      left: 1,
      ended: 'stalled',
      stalled: { code: 'SIMULATION_STALLED', seed: 7, nodes: 6, faults: 'wires', command: AGAIN },
    })
    expect(how).toBe(3)
  })

  it('ends a sweep, which tells what it found before', async () => {
    const line = 'sim.ts --seeds 1..3 --faults mixed --stall-seconds 1'
    const { how, printed } = await start(line, { hangs: 'loop' }).end
    expect(printed).toContain('0 worlds, 0 failed, 3 not played because a world hangs')
    expect(how).toBe(3)
  })

  it.each([
    ['SIGINT', 'loop'],
    ['SIGTERM', 'microtasks'],
  ] as const)('does not keep %s from ending the command (%s)', async (signal, hangs) => {
    const { how, printed, noted, tookMs } = await stopped(`sim.ts ${WORLD} --json`, { signal, hangs })
    expect(tookMs).toBeLessThan(STOP_MS_MAX)
    expect(how).toBe(signal)
    expect(noted).toBe(`stopped by ${signal}; the world that was played: ${AGAIN}\n`)
    expect(JSON.parse(printed)).toMatchObject({ played: 0, left: 1, ended: 'interrupted' })
  })

  it('does not keep a signal from ending a search with mutants', async () => {
    const of = { signal: 'SIGINT', hangs: 'loop' } as const
    const { how, noted, tookMs } = await stopped('sim-mutants.ts stale-voucher', of)
    expect(tookMs).toBeLessThan(STOP_MS_MAX)
    expect([how, noted]).toEqual(['SIGINT', 'stopped by SIGINT; 0 faults are not begun\n'])
  })
})

/** Sends a signal to a command as soon as its world hangs. */
async function stopped(line: string, of: { readonly signal: NodeJS.Signals; readonly hangs: Hang }) {
  const { child, end } = start(line, of)
  if (child.stderr !== null) await once(child.stderr, 'data')
  const sentMs = performance.now()
  child.kill(of.signal)
  const ended = await end
  return { ...ended, tookMs: performance.now() - sentMs }
}

describe('standard output', () => {
  it.each([
    'sim.ts --seed 7 --nodes 4 --minutes 0.2',
    'sim.ts --help',
    'sim-mutants.ts --help',
    'scale.ts --help',
    'churn.ts --help',
  ])('that cannot be written is said plainly: %s', async (line) => {
    const { how, noted } = await start(line, { output: openSync('/dev/full', 'w') }).end
    expect(noted).toBe('cannot write to standard output: ENOSPC: no space left on device, write\n')
    expect(how).toBe(74)
  })

  it('that nobody reads any more ends a command in silence also while its thread is in native code', async () => {
    // Where the thread does not stand still first, about one in five is aborted.
    for (let time = 0; time < 8; time++) {
      const { how, noted } = await start('test/fixtures/ends-beside-native-code.ts', { output: 'closed' }).end
      expect([time, how, noted]).toEqual([time, 141, ''])
    }
  }, 30_000)

  it('that nobody reads any more ends the command in silence', async () => {
    const line = 'sim.ts --seeds 1..1000 --faults mixed --time-minutes 0.02 --json'
    expect(await start(line, { output: 'closed' }).end).toMatchObject({ how: 141, noted: '' })
  })
})
