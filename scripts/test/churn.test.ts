import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { churnArguments } from '../churn/churn-arguments.ts'
import { root, runStep } from '../run-step.ts'

const read = (...args: readonly string[]) => churnArguments(args)
const run = (...args: readonly string[]) =>
  runStep('churn', process.execPath, ['--conditions=@stead/source', join(root, 'scripts', 'churn.ts'), ...args])

describe('npm run sim:churn', () => {
  it('plays all years of all profiles, or those that are named', () => {
    expect(read()).toMatchObject({ seed: 1, days: 365, payers: undefined, isStandard: true })
    const { profiles, years, isStandard } = read('--profile', '16-of-48', '--year', 'common,30 % killed', '--days', '2')
    expect([profiles, years].map((named) => named.map(([name]) => name))).toEqual([
      ['16-of-48'],
      ['common', '30 % killed'],
    ])
    expect(isStandard).toBe(false)
  })

  it.each([
    [['--profile', 'toString'], /^--profile has no "toString"; there are .*16-of-48/],
    [['--year', 'constructor'], /^--year has no "constructor"; there are calm, common/],
    [['--year', ''], /^--year has no ""; there are calm/],
    [['--year', 'calm,calm'], /^--year names "calm" twice$/],
    [['--days', '1e1'], /^--days is a number from 1 to 3650, not 1e1$/],
    [['--days', '0'], /^--days is a number from 1 to 3650, not 0$/],
    [['--payers', '-1'], /^--payers is a number from 1 to 1000, not -1$/],
    [['--seed', ''], /^--seed is a number from 0 to 4294967295, not nothing$/],
    [['--seed', '1', '--seed', '2'], /^--seed is given twice$/],
  ])('refuses %j', (args, said) => {
    expect(() => read(...args)).toThrow(said)
  })

  it('says what is wrong in one line, with 2', async () => {
    const { exitCode, output } = await run('--profile', 'toString', '--days', '2')
    expect(output).toMatch(/^--profile has no "toString"; .*; npm run sim:churn -- --help tells of all\n$/)
    expect(exitCode).toBe(2)
  })

  it('prints a table of the years that it played', async () => {
    const { exitCode, output } = await run('--profile', '2-of-3', '--year', 'calm', '--days', '2', '--payers', '1')
    expect(output).toMatch(/\| 2-of-3 \| calm \| 0 of \d+ \|/)
    expect(exitCode).toBe(0)
  })
})
