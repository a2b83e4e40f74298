import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { InlineExecutor } from '../src/inline-executor.ts'
import { ProcessExecutor } from '../src/node/index.ts'
import { compileModule } from '../src/prepare.ts'
import { runCall } from '../src/run.ts'
import { commandCall, functionCall, limits } from './calls.ts'
import { compileAssemblyScript, compileC } from './compilers.ts'
import { meteredExactly, meteredPerInstruction } from './naive-meter.ts'

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const toolModule = compileC('tool.c')
const simdModule = compileC('tool.c', '-msimd128', '-O3', '-ffast-math')
if (toolModule === undefined)
  process.stderr.write(
    '\n*** C IS NOT TESTED: clang with wasi-libc is missing (apt-get install clang lld wasi-libc libclang-rt-14-dev-wasm32)\n',
  )

const inline = new InlineExecutor()
const separate = new ProcessExecutor({}, { workersMax: 1 })
beforeAll(async () => {
  await inline.start()
  await separate.start()
})
afterAll(() => separate.stop())

describe('AssemblyScript', () => {
  test('a function finds the power that is there, with the same fuel in every executor', async () => {
    const bytes = await compileAssemblyScript('periods.as')
    const series = Float64Array.from({ length: 800 }, (_, index) => Math.cos((index * Math.PI) / 4) * 3)
    const call = functionCall(new Uint8Array(series.buffer))
    const outcome = await inline.run(await inline.load(bytes), call, limits())
    if (outcome.status !== 'ok') throw new Error(JSON.stringify(outcome, (_, value) => String(value)))
    const [power] = new Float64Array(outcome.output.buffer)
    expect(power).toBeCloseTo((800 * 9) / 4, 3)
    expect(await separate.run(await separate.load(bytes), call, limits())).toEqual(outcome)
  })

  test('its fuel is the count of its instructions', async () => {
    const bytes = await compileAssemblyScript('periods.as')
    const call = functionCall(new Uint8Array(Float64Array.from({ length: 100 }, (_, index) => index).buffer))
    const outcome = runCall(meteredExactly(bytes), call, limits())
    expect(outcome.status).toBe('ok')
    expect(runCall(meteredPerInstruction(bytes), call, limits())).toEqual(outcome)
    const billed = runCall(compileModule(bytes), call, limits())
    expect(runCall(meteredPerInstruction(bytes, true), call, limits())).toEqual(billed)
  })

  test('its thrown errors reach the caller as words', async () => {
    const module = await separate.load(await compileAssemblyScript('periods.as'))
    expect(await separate.run(module, functionCall(new Uint8Array(8)), limits())).toMatchObject({
      status: 'trap',
      reason: 'abort',
      detail: expect.stringContaining('a series has at least two values at '),
    })
  })
})

const name = toolModule === undefined ? 'C (NOT RUN: clang or wasi-libc is missing)' : 'C'
describe.runIf(toolModule !== undefined)(name, () => {
  const call = commandCall({
    args: ['one', 'zwölf'],
    stdin: text('a\nb\nc\n'),
    files: new Map([['data/in.txt', text('payload '.repeat(5000))]]),
  })

  test.each([
    ['scalar', toolModule],
    ['vectorised', simdModule],
  ])('a %s command sees its arguments, streams, files and time, and nothing else', async (_name, bytes) => {
    if (bytes === undefined) throw new Error('clang compiled one and not the other')
    const outcome = await inline.run(await inline.load(bytes), call, limits())
    if (outcome.status !== 'ok') throw new Error(JSON.stringify(outcome, (_, value) => String(value)))
    expect(outcome.exitCode).toBe(7)
    expect(new TextDecoder().decode(outcome.stderr)).toBe('done\n')
    const lines = new TextDecoder().decode(outcome.output).split('\n')
    expect(lines).toEqual(
      expect.arrayContaining(['argument 1: one', 'argument 2: zwölf', 'stdin: 3 lines', 'entry: data', 'entry: out']),
    )
    expect(lines).toContain('began 1700000000, slept 3 s')
    expect(lines.find((line) => line.startsWith('in.txt'))).toMatch(/^in\.txt: 40000 bytes, \d+$/)
    expect(lines.find((line) => line.startsWith('outside'))).not.toBe('outside: open')
    expect([...outcome.files.keys()]).toEqual(['out/result.txt'])
    expect(outcome.files.get('out/result.txt')?.length).toBeGreaterThan(10_000)
    expect(await separate.run(await separate.load(bytes), call, limits())).toEqual(outcome)
  })

  test.each([
    ['scalar', toolModule],
    ['vectorised', simdModule],
  ])('the fuel of the %s one is the count of its instructions', (_name, bytes = new Uint8Array()) => {
    // It ends by proc_exit within a charged run of each function on the stack, so charges are ahead by what is left.
    for (const [charged, counted] of [
      [meteredExactly(bytes), meteredPerInstruction(bytes)],
      [compileModule(bytes), meteredPerInstruction(bytes, true)],
    ] as const) {
      const [sum, reference] = [runCall(charged, call, limits()), runCall(counted, call, limits())]
      if (sum.status !== 'ok' || reference.status !== 'ok') throw new Error(`${sum.status} ${reference.status}`)
      expect(sum.output).toEqual(reference.output)
      expect(sum.fuel - reference.fuel).toBeGreaterThanOrEqual(0n)
      expect(sum.fuel - reference.fuel).toBeLessThan(1000n)
    }
  })

  test('a missing file is an errno that the program can tell', async () => {
    const module = await separate.load(toolModule ?? new Uint8Array())
    const outcome = await separate.run(module, commandCall(), limits())
    expect(outcome).toMatchObject({ status: 'ok', exitCode: 2 })
    expect(new TextDecoder().decode((outcome as { stderr: Uint8Array }).stderr)).toBe(
      'in.txt: No such file or directory\n',
    )
  })

  test('fuel and output limits end it at the same point everywhere', async () => {
    const bytes = toolModule ?? new Uint8Array()
    const whole = await inline.run(await inline.load(bytes), call, limits())
    if (whole.status !== 'ok') throw new Error(whole.status)
    for (const changes of [
      { fuel: whole.fuel - 1n },
      { fuel: whole.fuel / 2n },
      { outputBytes: 5000 },
      { memoryPages: 5 },
    ]) {
      const outcome = await inline.run(await inline.load(bytes), call, limits(changes))
      expect(await separate.run(await separate.load(bytes), call, limits(changes))).toEqual(outcome)
      expect(outcome).not.toEqual(whole)
    }
  })
})
