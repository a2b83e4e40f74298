import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { mutated, sourceOf } from '../mutants/mutant.ts'
import { mutants } from '../mutants/mutants.ts'
import { root, runStep } from '../run-step.ts'

const run = (...names: readonly string[]) =>
  runStep('mutants', process.execPath, [
    '--conditions=@stead/source',
    join(root, 'scripts', 'sim-mutants.ts'),
    ...names,
  ])

describe('mutants of our own code', () => {
  it('each change a text that is there exactly once, under a name of their own', () => {
    for (const mutant of mutants) expect(mutated(sourceOf(mutant), mutant)).not.toBe(sourceOf(mutant))
    expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length)
  })

  it('that do not apply any more are an error, and not noticed', () => {
    const [mutant] = mutants
    if (mutant === undefined) throw new RangeError('there are mutants')
    expect(() => mutated('another text', mutant)).toThrow('0 times')
    expect(() => mutated(`${mutant.from} ${mutant.from}`, mutant)).toThrow('2 times')
  })

  it('are noticed by the rules that they break', async () => {
    const { exitCode, output } = await run('stale-voucher', 'place-not-given-back', 'receipt-unchecked')
    expect(output).toContain('all 3 faults are noticed')
    expect(exitCode).toBe(0)
  }, 120_000)

  it('tell the story of the world in which one is noticed', async () => {
    const { exitCode, output } = await run('--story', 'stale-voucher')
    expect(output).toMatch(
      /^caught .* stale-voucher .*\n {2}broken: .*\n( {2}broken: .*\n)* {2}involved in the first:\n/,
    )
    expect(output).toMatch(/\n {2}the last that they did until then:\n.*\n(.*\n)*the fault is noticed\n$/)
    expect(exitCode).toBe(0)
  }, 60_000)

  it('are tried once where they are named twice', async () => {
    const { output } = await run('stale-voucher', 'stale-voucher')
    expect(output.trimEnd().split('\n')).toHaveLength(2)
  }, 60_000)

  it.each([
    ['', /^an empty name names no mutant; --list names all/],
    ['--story=', /^an empty name names no mutant; --list names all/],
    ['--story', /^Option '--story <value>' argument missing; /],
    ['no-such-fault', /^no mutant named no-such-fault; /],
    ['--nonsense', /^Unknown option '--nonsense'; /],
    ['--list=1', /^Option '--list' does not take an argument; /],
  ])('refuse %s in one line, with 2', async (argument, said) => {
    const { exitCode, output } = await run(argument)
    expect(output).toMatch(said)
    expect(output.trimEnd().split('\n')).toHaveLength(1)
    expect(exitCode).toBe(2)
  })

  it('refuse to tell more than one story, with 2', async () => {
    const { exitCode, output } = await run('--story', 'stale-voucher', 'place-not-given-back')
    expect(output).toMatch(/^--story tells of one fault, and takes no other names; /)
    expect(exitCode).toBe(2)
  })

  it.each([
    ['--help', /^npm run sim:mutants -- /],
    ['--list', /^increment-not-forced +claimed-within-vouchers +a payer signs/],
  ])('tell what there is, with 0: %s', async (argument, said) => {
    const { exitCode, output } = await run(argument)
    expect(output).toMatch(said)
    expect(exitCode).toBe(0)
  })
})
