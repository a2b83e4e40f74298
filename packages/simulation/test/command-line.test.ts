import { loadSecp256k1 } from '@stead/protocol'
import { describe, expect, it } from 'vitest'
import { PROFILES } from '../src/index.ts'
import { parseCommandLine } from '../src/node/command-line.ts'
import { SimRun } from '../src/node/run-sim.ts'
import { commandOf } from '../src/plan/world-plan.ts'

const parse = (text: string) => parseCommandLine(text === '' ? [] : text.split(' '), () => 42)

describe('the command line', () => {
  it('plays one world, of a seed by chance when none is named', () => {
    const { plans, isSweep, shrinks, printsJson } = parse('')
    expect(plans).toEqual([
      { seed: 42, nodes: 20, minutes: 2, profile: 'all', without: [], hasRealSignatures: false, hasEpochs: false },
    ])
    expect([isSweep, shrinks, printsJson]).toEqual([false, false, false])
  })

  it('plays a sweep, with the same options or with its own world for each seed', () => {
    const same = parse('--seeds 3..5 --nodes 8 --minutes 0.5 --faults wires --time-minutes 2 --shrink --json')
    expect(same.plans.map(({ seed, nodes, minutes, profile }) => [seed, nodes, minutes, profile])).toEqual(
      [3, 4, 5].map((seed) => [seed, 8, 0.5, 'wires']),
    )
    expect([same.isSweep, same.shrinks, same.printsJson, same.timeMsMax]).toEqual([true, true, true, 120_000])
    const mixed = parse('--seeds 1..40 --faults mixed --real-signatures')
    expect(new Set(mixed.plans.map(({ profile }) => profile))).toEqual(new Set(Object.keys(PROFILES)))
    expect(mixed.plans.every(({ hasRealSignatures }) => hasRealSignatures)).toBe(true)
  })

  it('understands what it prints', () => {
    const text = '--seed 9 --nodes 7 --minutes 0.35 --faults chain --without crashes --epochs --real-signatures'
    const [plan] = parse(text).plans
    if (plan === undefined) throw new Error('no plan')
    expect(plan.hasEpochs).toBe(true)
    expect(parse(commandOf(plan).replace('npm run sim -- ', '')).plans).toEqual([plan])
  })

  it.each([
    ['--seed x', /--seed is a number from 0/],
    ['--seed 1.5', /whole number/],
    ['--seed 1 --seeds 1..2', /exclude each other/],
    ['--seeds 1-20', /1\.\.200/],
    ['--seeds 5..2', /upwards, not from 5 to 2/],
    ['--nodes 3', /from 4 to 1000/],
    ['--minutes -1', /--minutes/],
    ['--faults some', /none, wires, .*, all, mixed/],
    ['--faults mixed --nodes 5', /by itself/],
    ['--faults mixed --epochs', /by itself/],
    ['--without crashs', /crashes/],
    ['--sed 1', /--sed/],
    ['now', /now/],
  ])('refuses %s', (text, message) => {
    expect(() => parse(text)).toThrow(message)
  })
})

describe('the command', () => {
  async function run(text: string) {
    const [printed, noted]: [string[], string[]] = [[], []]
    const sim = new SimRun({
      secp256k1: await loadSecp256k1(),
      print: (line) => printed.push(line),
      note: (line) => noted.push(line),
      chance: () => 42,
    })
    return { exitCode: await sim.run(text.split(' ')), printed: printed.join(''), noted: noted.join(''), sim }
  }

  it('prints a line for a world, and ends with 0 when no rule was broken', async () => {
    const { exitCode, printed, sim } = await run('--seed 1 --nodes 4 --minutes 0.2')
    expect(printed).toMatch(/^ok {3}seed 1 {2}[0-9a-f]{32} {2}4 nodes, 0\.2 min all: \d+ jobs, .* simulated s\/s\n$/)
    expect(exitCode).toBe(0)
    expect(sim.interrupted('stopped')).toContain('--seed 1 --nodes 4')
  })

  it('does not pass a sweep for which there was no time', async () => {
    const { exitCode, noted } = await run('--seeds 1..3 --faults mixed --time-minutes 0')
    expect([exitCode, noted]).toEqual([2, 'no world was played: there was no time for one\n'])
  })

  it('prints JSON of the world that was asked for', async () => {
    const { printed } = await run('--seed 1 --nodes 4 --minutes 0.2 --json')
    const document = JSON.parse(printed)
    expect(document).toMatchObject({ played: 1, failed: 0, worlds: [{ plan: { seed: 1 }, violations: [] }] })
  })

  it('ends with 2 on wrong arguments and with 0 on help', async () => {
    expect(await run('--nodes 1')).toMatchObject({ exitCode: 2, printed: '' })
    expect((await run('--nodes 1')).noted).toContain('--nodes is a number from 4')
    expect(await run('--help')).toMatchObject({ exitCode: 0, noted: '' })
  })
})
