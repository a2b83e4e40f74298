import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { root } from '../run-step.ts'

const names = ['types', 'format', 'promises', 'unused', 'contracts', 'generated', 'packages', 'unit']

/** What `npm test -- <args>` says. */
function test(...args: readonly string[]): {
  readonly status: number | null
  readonly out: string
  readonly err: string
} {
  const file = join(root, 'scripts', 'test.ts')
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
