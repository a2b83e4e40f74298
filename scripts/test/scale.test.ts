import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { root, runStep } from '../run-step.ts'
import { SCALE_HELP, scaleArguments } from '../scale/scale-arguments.ts'

const read = (...args: readonly string[]) => scaleArguments(args)
const run = (...args: readonly string[]) =>
  runStep('scale', process.execPath, ['--conditions=@stead/source', join(root, 'scripts', 'scale.ts'), ...args])

describe('npm run sim:scale', () => {
  it('draws the picture of the documentation in the standard run alone', () => {
    expect(read()).toMatchObject({ sizes: [1000, 10_000, 100_000], seed: 1, isStandard: true, picture: undefined })
    expect(read('--json')).toMatchObject({ isStandard: true, printsJson: true })
    for (const args of [
      ['--nodes', '20,30'],
      ['--connections', '7'],
      ['--seed', '9'],
      ['--picture', 'other.svg'],
      ['--check'],
    ])
      expect(read(...args), args.join(' ')).toMatchObject({ isStandard: false })
    expect(SCALE_HELP).toContain('docs/scale.svg')
  })

  it.each([
    [['--seed', ''], '--seed is a number from 0 to 4294967295, not nothing'],
    [['--seed', '1', '--seed', '2'], '--seed is given twice'],
    [['--nodes', '1e3'], '--nodes is a number from 20 to 100000000, not 1e3'],
    [['--nodes', '0x64'], '--nodes is a number from 20 to 100000000, not 0x64'],
    [['--nodes', '-5'], '--nodes is a number from 20 to 100000000, not -5'],
    [['--nodes', '100,'], '--nodes is a number from 20 to 100000000, not nothing'],
    [['--nodes', '100,100'], '--nodes names 100 twice'],
    [['--connections', '100000'], '--connections is 999 at most where there are 1000 nodes, not 100000'],
    [['--connections', '3'], '--connections is a number from 4 to 100000000, not 3'],
    [['--picture', ''], '--picture needs the name of a file'],
    [['--picture', 'a.svg', '--nodes', '100'], '--picture needs two sizes or more'],
    [['--check', '--nodes', '500'], '--check has networks of its own, without --nodes, --connections and --picture'],
    [['--toString'], 'there is no option --toString'],
  ])('refuses %j', (args, said) => {
    expect(() => read(...args)).toThrow(said)
  })

  it('says what is wrong in one line, with 2', async () => {
    const { exitCode, output } = await run('--nodes', '-5')
    expect(output).toBe('--nodes is a number from 20 to 100000000, not -5; npm run sim:scale -- --help tells of all\n')
    expect(exitCode).toBe(2)
  })

  it('writes the picture that was asked for, and no other', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'stead-scale-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const standard = join(root, 'docs', 'scale.svg')
    const before = statSync(standard).mtimeMs
    expect((await run('--nodes', '20,30', '--seed', '9', '--json')).output).not.toContain('wrote')
    const { exitCode, output } = await run('--nodes', '20,30', '--picture', join(folder, 'growth.svg'))
    expect([exitCode, statSync(standard).mtimeMs]).toEqual([0, before])
    expect(output).toMatch(/wrote .*growth\.svg\n/)
    expect(readFileSync(join(folder, 'growth.svg'), 'utf8')).toMatch(/^<svg /)
    const refused = await run('--nodes', '20,30', '--picture', join(folder, 'nowhere', 'growth.svg'))
    expect(refused.output).toMatch(/\ncannot write the picture: ENOENT: .*\n$/)
    expect(refused.exitCode).toBe(74)
  })
})
