import { fuel } from '@stead/core'
import type { InlineExecutor } from '@stead/sandbox'
import { ProcessExecutor } from '@stead/sandbox/node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { inlineExecutor, runTask, TaskFolder } from './support/task-runs.ts'

let folder: TaskFolder
let executor: InlineExecutor
beforeAll(async () => {
  folder = await TaskFolder.create()
  executor = await inlineExecutor()
})
afterAll(async () => {
  await executor.stop()
  await folder.remove()
})

const RECURSIONS: Readonly<Record<string, string>> = {
  calls: 'const f = (): number => 1 + f(); f()',
  methods: 'class A { m(): number { return this.m() + 1 } }; new A().m()',
  constructors: 'class A { constructor() { new A() } }; new A()',
  'map callbacks': 'const f = (): unknown => [1].map(f); f()',
  'sort callbacks': 'const f = (): number => { [2, 1].sort(f); return 1 }; f()',
  getters: 'const o = { get x(): number { return o.x } }; o.x',
  proxies: 'const o = new Proxy({}, { get: (_t, _k, r) => r.x }); o.x',
  conversions: 'const o = { valueOf: () => +o }; +o',
  generators: 'function* g() { yield* g() }; [...g()]',
  'async functions': 'const f = async () => await f(); await f()',
  'deep JSON in': 'JSON.parse("[".repeat(100_000))',
  'deep JSON out': 'let o = {}; for (let n = 0; n < 100_000; n++) o = [o]; JSON.stringify(o)',
  'deep arrays': 'let o = []; for (let n = 0; n < 100_000; n++) o = [o]; o.flat(Infinity)',
  'deep source': '(0, eval)("[".repeat(100_000))',
  'proxies of proxies': 'let o = {}; for (let n = 0; n < 100_000; n++) o = new Proxy(o, {}); o.x',
  'typed arrays': 'const f = () => new Uint8Array([1]).map(f); f()',
  'symbols asked': 'class A { static [Symbol.hasInstance]() { return 1 instanceof A } }; 1 instanceof A',
  revivers: 'const f = (): unknown => JSON.parse("1", f); f()',
  'replace callbacks': 'const f = () => "a".replace(/a/, f); f()',
  clones: 'let o = {}; for (let n = 0; n < 20_000; n++) o = { o }; structuredClone(o)',
}

describe('recursion without end is an error that the task can catch', () => {
  test('of every kind', async () => {
    const cases = Object.entries(RECURSIONS).map(([name, body]) => `${JSON.stringify(name)}: async () => { ${body} }`)
    const module = await folder.build(`
      const cases: Record<string, () => Promise<unknown>> = { ${cases.join(',\n')} }
      export default async (input: Uint8Array) => {
        try { await cases[new TextDecoder().decode(input)]!() } catch (error) { return String(error) }
        return 'ended'
      }`)
    for (const name of Object.keys(RECURSIONS)) {
      const { outcome, text } = await runTask(executor, module, { input: name })
      expect({ name, status: outcome.status, text }).toEqual({
        name,
        status: 'ok',
        text: 'RangeError: Maximum call stack size exceeded',
      })
    }
  })

  test('and two hundred calls inside each other are none', async () => {
    const module = await folder.build(`
      const depth = (n: number): number => (n === 0 ? 0 : 1 + depth(n - 1))
      export default () => String(depth(200) + JSON.stringify(JSON.parse('['.repeat(500) + ']'.repeat(500))).length)`)
    expect((await runTask(executor, module)).text).toBe('1200')
  })
})

describe('a task that takes too much', () => {
  test('of time runs out of fuel', async () => {
    const module = await folder.build('export default () => { for (;;); }')
    const { outcome } = await runTask(executor, module, { limits: { fuel: fuel(100_000_000) } })
    expect(outcome).toEqual({ status: 'out-of-fuel', fuel: 100_000_000n })
  })

  test('of wall time is ended', async () => {
    const module = await folder.build('export default () => { for (;;); }')
    const process = new ProcessExecutor()
    await process.start()
    try {
      const { outcome } = await runTask(process, module, { limits: { timeMs: 300, fuel: fuel(2n ** 60n) } })
      expect(outcome).toEqual({ status: 'timed-out', allowedMs: 300 })
    } finally {
      await process.stop()
    }
  })

  test.each([
    ['objects', 'const all: unknown[] = []; for (;;) all.push({ n: all.length })'],
    ['a text', "let text = 'x'; for (;;) text += text"],
    ['arrays', 'const all: unknown[] = []; for (;;) all.push(new Uint8Array(1_000_000))'],
  ])('of memory by %s is refused, and told so', async (_, body) => {
    const module = await folder.build(`export default () => { ${body} }`)
    const { outcome, stderr } = await runTask(executor, module, { limits: { memoryPages: 256 } })
    if (outcome.status === 'limit') expect(outcome).toMatchObject({ limit: 'memory', allowed: 256 })
    else {
      expect(outcome).toMatchObject({ status: 'ok', exitCode: 1 })
      expect(stderr).toMatch(/out of memory|string too long/)
    }
  })

  test('of output reaches that limit', async () => {
    const module = await folder.build(`export default (input: Uint8Array) => {
      if (input.length > 0) for (;;) console.log('x'.repeat(1000))
      return 'x'.repeat(100_001)
    }`)
    for (const input of ['', 'log']) {
      const { outcome } = await runTask(executor, module, { input, limits: { outputBytes: 100_000 } })
      expect(outcome).toMatchObject({ status: 'limit', limit: 'output', allowed: 100_000 })
    }
  })
})
