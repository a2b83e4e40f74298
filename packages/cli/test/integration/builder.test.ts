import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const home = mkdtempSync(join(tmpdir(), 'stead-builder-'))
afterAll(() => rmSync(home, { recursive: true }))

const hasClang = spawnSync('clang', ['--version']).status === 0
if (!hasClang)
  process.stderr.write(
    '\n*** THE TEMPLATE FOR C IS NOT TESTED: apt-get install clang lld wasi-libc libclang-rt-14-dev-wasm32\n',
  )

/** `stead` in a process of its own, in a folder far from any node_modules. */
function stead(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--conditions=@stead/source', main, ...args], {
    cwd: home,
    encoding: 'utf8',
    env: { PATH: process.env.PATH ?? '', HOME: home },
  })
  return { status, stdout, stderr }
}

function edit(file: string, from: string, to: string): void {
  const path = join(home, file)
  const before = readFileSync(path, 'utf8')
  expect(before).toContain(from)
  writeFileSync(path, before.replace(from, to))
}

interface TestFacts {
  readonly findings: unknown
  readonly complete: boolean
  readonly fuel: number
  readonly costMicroUsd: number
  readonly module: string
  readonly tasks: readonly { readonly outcome: string; readonly fuel: number; readonly priceMicroUsd: number }[]
  readonly error?: { readonly code: string; readonly message: string }
}

function testFacts(...args: readonly string[]): { readonly status: number | null; readonly facts: TestFacts } {
  const { status, stdout } = stead('test', ...args, '--json')
  return { status, facts: JSON.parse(stdout) as TestFacts }
}

const templates: (readonly [template: string, kind: string])[] = [
  ['ts', 'command'],
  ['as', 'function'],
]
if (hasClang) templates.push(['c', 'command'])

describe.each(templates)('a new job from the template %s', (template, kind) => {
  const folder = `My first ${template}`

  test('is made, tested and built as it is', () => {
    const made = stead('new', folder, '--template', template)
    expect(made).toMatchObject({ status: 0, stdout: expect.stringContaining('stead.job.ts') })
    const tested = stead('test', folder)
    expect(tested.status).toBe(0)
    expect(tested.stdout).toMatch(/^TASK +OUTCOME +FUEL +PRICE +OUTPUT\n1 to 5000 +ok +\d+ +0\.\d{6} USD +\d+ B\n/)
    expect(tested.stdout).toContain('from 17647 it takes 278 steps')
    expect(tested.stderr).toMatch(
      /4 tasks: fuel \d+; 0\.\d{6} USD for each replica at 20 micro-dollars per 10\^9 units/,
    )
    const built = stead('build', folder, '--json')
    const facts = JSON.parse(built.stdout)
    expect(facts).toMatchObject({ kinds: [kind], tasks: 4, contentId: expect.stringMatching(/^bafkrei/) })
    const bytes = readFileSync(join(home, facts.module))
    expect([bytes.length, built.status]).toEqual([facts.bytes, 0])
    expect(testFacts(folder).facts.module).toBe(facts.sha256)
  })

  test('takes its own options, and a price', () => {
    const cheap = testFacts(folder, '--up-to', '100', '--price', '1000000')
    const dear = testFacts(folder, '--up-to', '100', '--price', '3000000')
    expect(cheap).toMatchObject({ status: 0, facts: { findings: [{ start: 97, steps: 118 }], complete: true } })
    const [task] = cheap.facts.tasks
    expect(cheap.facts.costMicroUsd).toBe(Math.ceil(((task?.fuel ?? 0) * 1_000_000) / 1e9))
    expect(dear.facts.fuel).toBe(cheap.facts.fuel)
    expect(dear.facts.costMicroUsd).toBeGreaterThan(cheap.facts.costMicroUsd * 2)
  })
})

describe('stead test says what is wrong', () => {
  test('with a task that throws: which, why and where', () => {
    expect(stead('new', 'thrower').status).toBe(0)
    edit('thrower/task.ts', 'let best = {', "if (from > 10_000) throw new RangeError('too far')\n  let best = {")
    const { status, stdout, stderr } = stead('test', 'thrower')
    expect(status).toBe(7)
    expect(stdout).toMatch(/10001 to 15000 +exit 1 /)
    expect(stderr).toMatch(/RangeError: too far\n +at \S+ \(task\.ts:18:\d+\)/)
    expect(stderr).toContain('2 of 4 tasks failed; the first: 10001 to 15000: exit 1 (CLI_TEST_FAILED)')
  })

  test('with findings that are not the expected ones, until they are said to be right', () => {
    expect(stead('new', 'changed').status).toBe(0)
    edit('changed/task.ts', 'value * 3 + 1', 'value * 3 - 1 || 1')
    edit('changed/task.ts', 'value !== 1;', 'value > 20;')
    const { status, facts } = testFacts('changed')
    expect([status, facts.error?.code]).toEqual([7, 'CLI_TEST_FAILED'])
    expect(facts.error?.message).toContain('expected.json')
    expect(stead('test', 'changed', '--update').status).toBe(0)
    expect(testFacts('changed')).toMatchObject({ status: 0 })
    expect(JSON.parse(readFileSync(join(home, 'changed/test/expected.json'), 'utf8'))).toEqual(facts.findings)
  })

  test('with a source that does not compile', () => {
    expect(stead('new', 'unfinished').status).toBe(0)
    edit('unfinished/task.ts', 'let best = {', 'let best = = {')
    for (const command of ['test', 'build']) {
      const { status, stderr } = stead(command, 'unfinished')
      expect(status).toBe(1)
      expect(stderr).toMatch(/unfinished does not compile: task\.ts:18:14: .*\(JOB_BUILD_FAILED\)/)
    }
  })

  test('with tasks that need more than they may use', () => {
    expect(stead('new', 'greedy').status).toBe(0)
    edit('greedy/stead.job.ts', 'fuel(3_000_000_000)', 'fuel(20_000_000)')
    const expected = readFileSync(join(home, 'greedy/test/expected.json'), 'utf8')
    const { status, stdout } = stead('test', 'greedy', '--update')
    expect(status).toBe(7)
    // What fails is not written down as what should come out.
    expect(readFileSync(join(home, 'greedy/test/expected.json'), 'utf8')).toBe(expected)
    expect(stdout).toMatch(/1 to 5000 +out of fuel +20000000 /)
  })
})

test('the price that is assumed is what a node asks by default', () => {
  const { settings } = JSON.parse(stead('config', 'show', '--json', '--data-dir', join(home, 'node')).stdout)
  const { value } = settings.find(({ key }: { key: string }) => key === 'provide.priceMicroUsdPerGigafuel')
  expect(stead('test', '--help').stdout).toMatch(new RegExp(`default:\\s+"${value}"`))
})

test('a folder that is in use is left alone, and a wrong template or price is a usage error', () => {
  writeFileSync(join(home, 'file'), 'mine')
  for (const folder of ['file', '.']) {
    expect(stead('new', folder)).toMatchObject({ status: 1, stderr: expect.stringContaining('CLI_FOLDER_IN_USE') })
  }
  expect(readFileSync(join(home, 'file'), 'utf8')).toBe('mine')
  expect(stead('new', 'other', '--template', 'cobol').status).toBe(2)
  expect(stead('test', 'thrower', '--price', '1.5').status).toBe(2)
})
