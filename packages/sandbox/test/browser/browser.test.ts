import { contentIdOf } from '@stead/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ProcessExecutor } from '../../src/node/index.ts'
import { compileAssemblyScript, compileC } from '../compilers.ts'
import { ChromiumPage, chromiumPath } from './chromium.ts'
import { rendererBytes } from './chromium-memory.ts'
import {
  type CorpusCase,
  compiledCases,
  endingCases,
  generatedCases,
  lineOf,
  recursionCases,
  strictCases,
} from './corpus.ts'
import { endlessGuests } from './endless.ts'
import type { PageTests } from './page/main.ts'

if (chromiumPath === undefined)
  process.stderr.write(
    '\n*** CHROMIUM IS NOT TESTED: it is missing (apt-get install chromium, or name one in STEAD_TEST_CHROMIUM)\n',
  )

const modules = new Map<string, Uint8Array>()
const toolModule = chromiumPath === undefined ? undefined : compileC('tool.c')
const simdModule = chromiumPath === undefined ? undefined : compileC('tool.c', '-msimd128', '-O3')
if (toolModule !== undefined && simdModule !== undefined) {
  modules.set('C', toolModule)
  modules.set('vectorised C', simdModule)
} else if (chromiumPath !== undefined) {
  process.stderr.write(
    '\n*** C IS NOT TESTED IN CHROMIUM: clang with wasi-libc is missing (apt-get install clang lld wasi-libc libclang-rt-14-dev-wasm32)\n',
  )
}

const name = chromiumPath === undefined ? 'Chromium (NOT RUN: it is missing)' : 'Chromium'
describe.runIf(chromiumPath !== undefined)(name, () => {
  const node = new ProcessExecutor({}, { modulesMax: 1000 })
  let chromium: ChromiumPage<PageTests>
  beforeAll(async () => {
    modules.set('assemblyscript', await compileAssemblyScript('periods.as'))
    await node.start()
    const files = new Map([...modules].map(([module, bytes]) => [`/modules/${encodeURI(module)}`, bytes]))
    files.set('/silent.js', new TextEncoder().encode('// Says nothing.'))
    const bundles = new Map([
      ['/main.js', new URL('./page/main.ts', import.meta.url)],
      ['/worker.js', new URL('./page/worker.ts', import.meta.url)],
      ['/mortal-worker.js', new URL('./page/mortal-worker.ts', import.meta.url)],
    ])
    chromium = await ChromiumPage.open(chromiumPath ?? '', { bundles, files })
  })
  afterAll(async () => {
    await chromium?.close()
    await node.stop()
  })

  const corpora: readonly (readonly [string, string, () => CorpusCase[]])[] = [
    ['200 generated programs', 'generated', generatedCases],
    ['float programs in strict mode', 'strict', strictCases],
    ['every kind of ending', 'endings', endingCases],
    ['recursion without end and chains of calls', 'recursion', recursionCases],
    ['C commands and an AssemblyScript function', 'compiled', () => compiledCases(modules)],
  ]
  test.each(corpora)('%s: metered bytes, outcomes and fuel are those of Node.js', async (_name, which, cases) => {
    const expected = await Promise.all(cases().map((one) => lineOf(node, one)))
    expect(expected.length).toBeGreaterThan(0)
    expect(expected.filter((line) => /node-fault|timed-out/.test(line))).toEqual([])
    expect(await chromium.run('corpus', { which, names: [...modules.keys()] })).toEqual(expected)
  })

  test.each(Object.keys(endlessGuests))('%s is ended at its time, while other calls go on', async (guest) => {
    const result = await chromium.run('endless', guest)
    expect(result.outcome).toEqual({ status: 'timed-out', allowedMs: 100 })
    expect(result.others).toEqual(new Array(51).fill('ok'))
    expect(result.toldMs).toBeLessThan(3000)
    // Chromium gives an ended worker two seconds before it stops it by force.
    expect(result.goneMs - result.toldMs).toBeLessThan(6000)
  })

  test('threads that Chromium has not stopped yet are no more than the workers', async () => {
    const { statuses, threadsMax } = await chromium.run('endlessInARow', 6)
    expect(statuses).toEqual(new Array(6).fill('timed-out'))
    expect(threadsMax).toBeGreaterThan(0)
    expect(threadsMax).toBeLessThanOrEqual(2)
  })

  test('100 calls in flight each get their own answer', async () => {
    expect(await chromium.run('manyInFlight', 100)).toEqual(new Array(100).fill(true))
  })

  test('memory does not grow over 2,000 calls', async () => {
    expect(await chromium.run('touchMemory', 300)).toEqual(['ok'])
    const before = rendererBytes()
    expect(await chromium.run('touchMemory', 2000)).toEqual(['ok'])
    const grown = rendererBytes() - before
    await chromium.run('stopTouching')
    // Kept, the instances would be 2 GB.
    expect(grown).toBeLessThan(200 * 1024 * 1024)
  })

  test('a call can be cancelled while it waits and while it runs', async () => {
    expect(await chromium.run('abort')).toEqual({
      codes: new Array(3).fill('SANDBOX_ABORTED'),
      short: { status: 'ok', output: [0, 42] },
    })
  })

  test('a worker that dies is this machine’s fault, for its call only', async () => {
    expect(await chromium.run('death')).toEqual([
      { status: 'ok', output: [0, 42] },
      { status: 'node-fault', code: 'worker-died', message: expect.stringContaining('struck by lightning') },
      { status: 'ok', output: [0, 42] },
    ])
  })

  test.each([
    ['cannot be fetched', '/nothing.js'],
    ['does not start in time', '/silent.js'],
  ])('a worker that %s fails the start', async (_name, worker) => {
    const expected = { start: 'SANDBOX_EXECUTOR_FAILED', load: 'SANDBOX_STOPPED' }
    expect(await chromium.run('noWorker', worker)).toEqual(expected)
  })

  test('a load that takes too long is ended, and the next one goes on', async () => {
    expect(await chromium.run('slowLoad')).toEqual({ slow: 'SANDBOX_LOAD_TIMED_OUT', quick: 'no error' })
  })

  test('stopping ends calls as node faults and leaves no thread; it can start again', async () => {
    expect(await chromium.run('stop')).toEqual({
      early: 'SANDBOX_STOPPED',
      load: 'SANDBOX_STOPPED',
      outcomes: new Array(2).fill(expect.objectContaining({ status: 'node-fault', code: 'executor-died' })),
      late: 'SANDBOX_STOPPED',
      again: { status: 'out-of-fuel', fuel: '999999' },
    })
  })

  test('what cannot run is refused as it is elsewhere', async () => {
    expect(await chromium.run('refusals')).toEqual({
      busy: ['no error', 'no error', 'no error', 'SANDBOX_BUSY'],
      foreign: 'SANDBOX_BAD_CALL',
      kind: 'SANDBOX_NO_ENTRY',
      seed: 'SANDBOX_BAD_CALL',
      big: 'SANDBOX_BAD_CALL',
      malformed: 'SANDBOX_MALFORMED',
      malformedAgain: 'SANDBOX_MALFORMED',
      others: ['no error', 'no error'],
      afterwards: 'no error',
      option: 'SANDBOX_BAD_OPTION',
    })
  })

  test('the caller keeps its bytes', async () => {
    expect(await chromium.run('ownership')).toEqual({
      whole: [9, 1, 2, 3, 9],
      moduleBytes: expect.any(Number),
      outcome: { status: 'ok', output: [1, 2, 3] },
    })
  })

  test('no heavy dependency is in the code that a worker fetches', () => {
    // 94 kB when this was written, all of it this package's own, and the lock of these tests.
    expect(chromium.bundleBytes.get('/worker.js')).toBeLessThan(150_000)
  })

  test('content ids are those of Node.js', async () => {
    const bytes = Array.from({ length: 1000 }, (_, index) => (index * 7) % 256)
    expect(await chromium.run('contentId', bytes)).toBe(contentIdOf('raw', Uint8Array.from(bytes)))
  })
})
