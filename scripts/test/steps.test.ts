import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { root } from '../run-step.ts'

const names = ['types', 'format', 'promises', 'unused', 'contracts', 'generated', 'packages', 'unit']

interface Said {
  readonly status: number | null
  readonly out: string
  readonly err: string
}

/** What `npm test -- <args>` says. */
function test(...args: readonly string[]): Said {
  return say('test.ts', ...args)
}

function say(script: string, ...args: readonly string[]): Said {
  const file = join(root, 'scripts', script)
  const { status, stdout, stderr } = spawnSync(process.execPath, [file, ...args], { encoding: 'utf8' })
  return { status, out: stdout, err: stderr }
}

describe('npm test', () => {
  it.each(['--help', '-h'])('%s tells the steps, and ends with 0', (option) => {
    const { status, out, err } = test(option)
    expect([status, err]).toEqual([0, ''])
    expect(out).toMatch(/^npm test -- /)
    for (const name of names) expect(out).toMatch(new RegExp(`^  ${name} +\\S`, 'm'))
  })

  it.each([
    ['typos', /^no step named typos; there are: /],
    ['--typos', /^Unknown option '--typos'; /],
  ])('refuses %s before it runs anything, names the steps, and ends with 2', (wrong, said) => {
    const { status, out, err } = test('types', wrong)
    expect([status, out]).toEqual([2, ''])
    expect(err).toMatch(said)
    expect(err).toContain(names.join(', '))
    expect(err.trimEnd().split('\n')).toHaveLength(1)
  })
})

describe('npm run nightly', () => {
  it.each(['typos', 'toString'])('refuses %s before it runs anything, and ends with 2', (wrong) => {
    const { status, out, err } = say('nightly.ts', wrong)
    expect([status, out]).toEqual([2, ''])
    expect(err).toMatch(new RegExp(`^no search named ${wrong}; there are: fuel, .*\\n$`))
  })
})
