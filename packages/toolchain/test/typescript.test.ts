import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { InlineExecutor } from '@stead/sandbox'
import { ProcessExecutor } from '@stead/sandbox/node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { inlineExecutor, runTask, type TaskEnd, TaskFolder } from './support/task-runs.ts'

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

async function run(source: string, call: Parameters<typeof runTask>[2] = {}): Promise<TaskEnd> {
  return await runTask(executor, await folder.build(source), call)
}

/** What an expression gives inside of the engine, as JSON. */
async function evaluated(expression: string): Promise<unknown> {
  const end = await run(`export default async () => JSON.stringify(await (async () => (${expression}))())`)
  expect(end.stderr).toBe('')
  return JSON.parse(end.text)
}

describe('a handler', () => {
  test('gets input and arguments, and its text or bytes are the output', async () => {
    await folder.write('shout.ts', 'export const shout = (text: string): string => text.toUpperCase()')
    const source = `
      import { shout } from './shout.ts'
      enum Mark { End = '!' }
      export default function (input: Uint8Array, { args }: { args: string[] }): string {
        return shout(new TextDecoder().decode(input)) + args.join('|') + Mark.End
      }`
    const end = await run(source, { input: 'größe', args: ['a b', '', 'ü'] })
    expect(end).toMatchObject({ text: 'GRÖSSEa b||ü!', stderr: '', outcome: { status: 'ok', exitCode: 0 } })
    const bytes = await run('export default (input: Uint8Array) => input.map((byte) => byte + 1).subarray(1)', {
      input: Uint8Array.of(0, 128, 255, 7),
    })
    expect(bytes.outcome).toMatchObject({ status: 'ok', output: Uint8Array.of(129, 0, 8) })
  })

  test('may import what it needs late, and its top level may wait', async () => {
    await folder.write('late.ts', 'export const late = (name: string): string => "late " + name')
    const end = await run(`
      const name = await Promise.resolve('top')
      export default async () => (await import('./late.ts')).late(name)`)
    expect(end).toMatchObject({ text: 'late top', stderr: '' })
  })

  test('takes megabytes in and out', async () => {
    const input = new Uint8Array(3_000_000).map((_, index) => index * 7)
    const end = await run('export default (input: Uint8Array) => input.reverse()', {
      input,
      limits: { outputBytes: 4_000_000 },
    })
    expect(end.outcome).toMatchObject({ status: 'ok', output: input.reverse() })
  })

  test('may be plain JavaScript, and may wait', async () => {
    const module = await folder.build(
      'export default async (input) => { await null; const [a] = await Promise.all([Promise.resolve(input.length)]); return String(a) }',
      'plain.js',
    )
    expect((await runTask(executor, module, { input: 'four' })).text).toBe('4')
  })

  test.each([
    ['throws', 'const f = () => { throw new TypeError("no good") }; f()', /^TypeError: no good\n +at f \(task\.js:/],
    ['rejects', 'return Promise.reject(new RangeError("later"))', /^RangeError: later\n/],
    ['throws no error', 'throw { code: 7 }', /^thrown: \{ code: 7 \}\n$/],
    ['gives nothing', 'return', /^TypeError: the handler must return a Uint8Array or a string, not undefined\n/],
    ['never settles', 'return new Promise(() => 0)', /the handler awaits a promise that nothing settles/],
  ])('that %s exits with 1 and says why', async (_, body, words) => {
    const { outcome, stderr } = await run(`export default async () => { ${body} }`)
    expect(outcome).toMatchObject({ status: 'ok', exitCode: 1, output: new Uint8Array(0) })
    expect(stderr).toMatch(words)
  })

  test('prints to standard error, so that a person can read it', async () => {
    const end = await run(`export default () => {
      const self: Record<string, unknown> = { 'a-b': -0 }
      self.self = self
      console.log('text', self, [1, 'x', null], new Map([['k', new Set([1n])]]), new Uint8Array(2), class A {})
      console.error(new Date(0), /x/g, Object.create(null))
      return 'out'
    }`)
    expect(end.text).toBe('out')
    expect(end.stderr.split('\n')).toEqual([
      'text { "a-b": -0, self: [Circular] } [1, "x", null] Map(1) { "k" => Set(1) { 1n } } Uint8Array(2) [0, 0] [Function A]',
      '1970-01-01T00:00:00.000Z /x/g [null prototype] {}',
      '',
    ])
  })
})

describe('time and chance', () => {
  const source = `
    const built = [Date.now(), Math.random()]
    export default () => JSON.stringify({
      built, date: new Date().toISOString().slice(0, 19), random: [Math.random(), Math.random()],
      bytes: [...crypto.getRandomValues(new Uint8Array(4))], uuid: crypto.randomUUID(),
      zone: new Date(2020, 6, 1).getTimezoneOffset(),
    })`

  test('are the task’s own: declared time, seed, and nothing of the machine', async () => {
    const module = await folder.build(source)
    const call = { seed: 5, declaredTimeMs: Date.UTC(2031, 1, 3) }
    const [first, again, other] = [
      await runTask(executor, module, call),
      await runTask(executor, module, call),
      await runTask(executor, module, { ...call, seed: 6 }),
    ].map(({ text }) => JSON.parse(text))
    expect(first).toEqual(again)
    expect(first).toMatchObject({ built: [0, expect.any(Number)], date: '2031-02-03T00:00:00', zone: 0 })
    expect(first.uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(other.built).toEqual(first.built)
    for (const part of ['random', 'bytes', 'uuid']) expect(other[part]).not.toEqual(first[part])
  })
})

describe('what programs expect', () => {
  test('text coding follows the standard', async () => {
    const cases = [
      [0xf0, 0x9f, 0x9a, 0x80],
      [0xff, 0x41],
      [0xe2, 0x82],
      [0xed, 0xa0, 0x80],
      [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80],
      [0xc0, 0xaf],
      [0xf4, 0x90, 0x80, 0x80],
      [0xef, 0xbb, 0xbf, 0x61],
      [0],
      [0xe1, 0x80, 0xe2, 0xf0, 0x91, 0x92, 0xf1, 0xbf, 0x41],
    ]
    const given = await evaluated(
      `${JSON.stringify(cases)}.map((bytes) => new TextDecoder().decode(Uint8Array.from(bytes)))`,
    )
    expect(given).toEqual(cases.map((bytes) => new TextDecoder().decode(Uint8Array.from(bytes))))
    const texts = ['', 'é🚀\u0000x', '\ud800y', 'ß'.repeat(3)]
    const encoded = await evaluated(`${JSON.stringify(texts)}.map((text) => [...new TextEncoder().encode(text)])`)
    expect(encoded).toEqual(texts.map((text) => [...new TextEncoder().encode(text)]))
    expect(
      await evaluated(`(() => {
        const decoder = new TextDecoder()
        const bytes = new TextEncoder().encode('a€🚀z')
        return [...bytes].map((byte) => decoder.decode(Uint8Array.of(byte), { stream: true })).join('') + decoder.decode()
      })()`),
    ).toBe('a€🚀z')
    expect(
      await evaluated(`[[0xff], [0xef, 0xbf, 0xbd]].map((bytes) => {
        try { return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(bytes)) } catch (error) { return error.name }
      })`),
    ).toEqual(['TypeError', '\ufffd'])
    expect(await evaluated(`new TextEncoder().encodeInto('a€b', new Uint8Array(3))`)).toEqual({ read: 1, written: 1 })
  })

  test('structuredClone copies cycles and kinds, and refuses functions', async () => {
    const copied = await evaluated(`(() => {
      const value = { date: new Date(5), map: new Map([[{ a: 1 }, new Set([2])]]), bytes: Uint8Array.of(1, 2).subarray(1),
        error: new RangeError('r', { cause: 'c' }), list: [1, , 3], big: 5n, expression: /a/gi }
      value.self = value
      const copy = structuredClone(value)
      return [copy !== value && copy.self === copy, copy.date.getTime(), [...copy.map][0][0].a, [...[...copy.map][0][1]],
        copy.bytes[0], copy.bytes.buffer !== value.bytes.buffer, copy.error instanceof RangeError, copy.error.cause,
        1 in copy.list, copy.list.length, String(copy.big), String(copy.expression)]
    })()`)
    expect(copied).toEqual([true, 5, 1, [2], 2, true, true, 'c', false, 3, '5', '/a/gi'])
    expect(
      await evaluated(`(() => { try { structuredClone({ f() {} }) } catch (error) { return error.name } })()`),
    ).toBe('DataCloneError')
  })

  test('the rest is there, and what is not is not', async () => {
    expect(
      await evaluated(`[btoa('hé'), atob('aMOp').length, typeof queueMicrotask, typeof performance.now(), typeof fetch,
        typeof setTimeout, typeof globalThis['require'], typeof process, typeof __stead, typeof URL]`),
    ).toEqual(['aOk=', 3, 'function', 'number', ...Array(6).fill('undefined')])
  })

  test('NaNs have one bit pattern, whatever went in', async () => {
    expect(
      await evaluated(`(() => {
        const bits = new Uint32Array([0x12345678, 0xfff7ffff])
        const odd = new Float64Array(bits.buffer)[0]
        const results = [odd, -odd, odd * 2, Math.sqrt(-1), 0 / 0, Infinity - Infinity, Number('x'), Math.fround(odd)]
        return [...new Uint32Array(Float64Array.from(results).buffer)]
      })()`),
    ).toEqual(Array(8).fill([0, 0x7ff80000]).flat())
  })
})

describe('the module', () => {
  const source = 'const table = Array.from({ length: 1000 }, (_, n) => n * n)\nexport default () => String(table[999])'

  test('is the same bytes each time it is built', async () => {
    const hashes: string[] = []
    for (const again of [true, false]) {
      hashes.push(
        createHash('sha256')
          .update(await folder.build(source, 'same.ts'))
          .digest('hex'),
      )
      if (again) await rm(join(folder.directory, 'build'), { recursive: true })
    }
    expect(hashes[0]).toBe(hashes[1])
    expect(new Set(hashes).size).toBe(1)
  })

  test('does not depend on the folder in which it is built', async () => {
    const other = await TaskFolder.create()
    try {
      expect(Buffer.compare(await other.build(source, 'same.ts'), await folder.build(source, 'same.ts'))).toBe(0)
    } finally {
      await other.remove()
    }
  })

  test('carries the state after the top level, which does not run again', async () => {
    folder.logged.length = 0
    const end = await run(`let calls = 0\nconsole.log('once')\nexport default () => String(++calls)`)
    expect(end).toMatchObject({ text: '1', stderr: '' })
    expect(folder.logged.join('')).toBe('once\n')
  })

  test('gives the same bytes and the same fuel here and in the executor process', async () => {
    const module = await folder.build(`export default (input: Uint8Array) => {
      let sum = 0
      for (let n = 0; n < 20000; n++) sum = (sum * 31 + input[n % input.length]! + Math.floor(Math.random() * 9)) | 0
      return JSON.stringify({ sum, at: Date.now(), sorted: [...input].sort().slice(0, 5), root: Math.sqrt(sum), sine: Math.sin(sum) })
    }`)
    const other = new ProcessExecutor()
    await other.start()
    try {
      const call = { input: 'some input', seed: 9, declaredTimeMs: 1_700_000_000_000 }
      const [here, there] = [await runTask(executor, module, call), await runTask(other, module, call)]
      expect(here.outcome.status).toBe('ok')
      expect(there.outcome).toEqual(here.outcome)
    } finally {
      await other.stop()
    }
  })

  test('gives the same bytes and the same fuel in every compiler tier', async () => {
    const module = await folder.build(`export default () => {
      const floats = new Float64Array(64).map((_, n) => Math.sin(n * Math.random()) / (n % 3) - Math.sqrt(n - 32))
      const singles = Float32Array.from(floats, (value, n) => (n % 5 === 0 ? -value : value * 1e30))
      return [...new Uint8Array(floats.buffer), ...new Uint8Array(singles.buffer)].join()
    }`)
    const file = join(folder.directory, 'tiers.wasm')
    await writeFile(file, module)
    const script = fileURLToPath(new URL('support/run-in-tier.ts', import.meta.url))
    const results = [['--liftoff-only'], ['--no-liftoff'], []].map((flags) => {
      const args = [...flags, '--conditions=@stead/source', script, file]
      return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }))
    })
    expect(results[0]).toMatchObject({ status: 'ok', text: expect.stringMatching(/^\d+(,\d+){767}$/) })
    expect(results[1]).toEqual(results[0])
    expect(results[2]).toEqual(results[0])
  })
})
