import { loadSecp256k1 } from '@stead/protocol'
import { describe, expect, it } from 'vitest'
import { parseCommandLine, SIM_HELP } from '../src/node/command-line.ts'
import { playPlan } from '../src/node/play-plan.ts'
import { SimRun } from '../src/node/run-sim.ts'
import { MIXED_PROFILES } from '../src/plan/mixed-plan.ts'
import { commandOf, type WorldPlan } from '../src/plan/world-plan.ts'
import type { PlayedWorld, PlayPlan } from '../src/sweep/played-world.ts'
import { fakePlay } from './fake-play.ts'

const parse = (text: string) => parseCommandLine(text === '' ? [] : text.split(' '), () => 42)

describe('the command line', () => {
  it('plays one world, of a seed by chance when none is named', () => {
    const { plans, isSweep, shrinks, printsJson } = parse('')
    expect(plans).toEqual([
      {
        seed: 42,
        nodes: 20,
        minutes: 2,
        profile: 'all',
        without: [],
        hasRealSignatures: false,
        hasEpochs: false,
        hasStorage: false,
      },
    ])
    expect(parse('--faults storage').plans).toMatchObject([{ profile: 'storage', hasStorage: true }])
    expect(parse('--faults wires --storage').plans).toMatchObject([{ profile: 'wires', hasStorage: true }])
    expect([isSweep, shrinks, printsJson]).toEqual([false, false, false])
  })

  it('plays a sweep, with the same options or with its own world for each seed', () => {
    const same = parse('--seeds 3..5 --nodes 8 --minutes 0.5 --faults wires --time-minutes 2 --shrink --json')
    expect(same.plans.map(({ seed, nodes, minutes, profile }) => [seed, nodes, minutes, profile])).toEqual(
      [3, 4, 5].map((seed) => [seed, 8, 0.5, 'wires']),
    )
    expect([same.isSweep, same.shrinks, same.printsJson, same.timeMsMax]).toEqual([true, true, true, 120_000])
    const mixed = parse('--seeds 1..40 --faults mixed --real-signatures')
    expect(new Set(mixed.plans.map(({ profile }) => profile))).toEqual(new Set(MIXED_PROFILES))
    expect(mixed.plans.filter(({ hasStorage }) => hasStorage).map(({ seed }) => seed)).toEqual([11, 22, 33, 37])
    expect(mixed.plans.every(({ hasRealSignatures }) => hasRealSignatures)).toBe(true)
  })

  it('gives the worlds of a mixed sweep as many minutes as it is asked for', () => {
    const minutesOf = (text: string) =>
      parse(text).plans.map(({ minutes, hasEpochs }) => (hasEpochs ? minutes / 2 : minutes))
    const long = minutesOf('--seeds 1..100 --faults mixed --minutes 10')
    expect([Math.max(...long) <= 10, Math.max(...long) > 9]).toEqual([true, true])
    expect(Math.max(...minutesOf('--seeds 1..100 --faults mixed --minutes 0.1'))).toBe(0.1)
  })

  it('says in its help what worlds a mixed sweep has', () => {
    expect(SIM_HELP.replace(/\s+/g, ' ')).toContain(
      'without --minutes every 37th is 4 to 6 nodes with storage for 15 to 30 minutes',
    )
  })

  it('gives them a minute and a half at most, and half an hour to every 37th, when it is not asked', () => {
    const { plans } = parse('--seeds 1..100 --faults mixed')
    const long = plans.filter(({ minutes }) => minutes > 3)
    expect(long.map(({ seed, hasStorage }) => [seed, hasStorage])).toEqual([
      [37, true],
      [74, true],
    ])
    expect(long.every(({ minutes, nodes }) => minutes >= 15 && minutes <= 30 && nodes <= 6)).toBe(true)
    const usual = plans.filter((plan) => !long.includes(plan))
    const longest = Math.max(...usual.map(({ minutes, hasEpochs }) => (hasEpochs ? minutes / 2 : minutes)))
    expect([longest <= 1.5, longest > 1.4]).toEqual([true, true])
  })

  it('gives the search for a smaller world ten minutes, or as many as it is asked for', () => {
    expect(parse('--seed 1 --shrink').shrinkMsMax).toBe(600_000)
    expect(parse('--seed 1 --shrink --shrink-minutes 0.5').shrinkMsMax).toBe(30_000)
  })

  it('gives a world a minute for a step, or as many seconds as it is asked for', () => {
    expect(parse('--seed 1').stallMsMax).toBe(60_000)
    expect(parse('--seed 1 --stall-seconds 7').stallMsMax).toBe(7000)
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
    ['--seed 1.5', /--seed is a whole number from 0 to 4294967295, not 1.5/],
    ['--seed 1 --seeds 1..2', /exclude each other/],
    ['--seeds 1-20', /1\.\.200/],
    ['--seeds 1...5', /two dots between them, such as 1\.\.200, not "1\.\.\.5"/],
    ['--seeds 1..2..3', /two dots between them/],
    ['--seeds ..5', /two dots between them/],
    ['--seeds -1..5', /--seeds is a number from 0 to 4294967295, not -1/],
    ['--seeds 0..1000000', /^--seeds 0\.\.1000000 is 1000001 worlds; a sweep is 1000000 at most$/],
    ['7', /^"7" is no option, and npm keeps options that do not follow --$/],
    ['--seeds 5..2', /upwards, not from 5 to 2/],
    ['--nodes 3', /from 4 to 1000/],
    ['--minutes -1', /--minutes is a number from 0.05 to 1440, not -1/],
    ['--minutes 0', /--minutes is a number from 0.05/],
    ['--minutes=', /not nothing/],
    ['--nodes 0x10', /--nodes is a number from 4 to 1000, not 0x10/],
    ['--nodes 1e1', /not 1e1/],
    ['--seed 1 --seed 2', /--seed is given twice/],
    ['--seed --json', /--seed needs a value/],
    ['--json=yes', /--json takes no value/],
    ['--seed 1 --time-minutes 5', /--time-minutes goes with --seeds/],
    ['--without=', /--without needs names of faults .* there are .*crashes/],
    ['--faults some', /none, wires, .*, all, storage, mixed/],
    ['--faults mixed --nodes 5', /by itself/],
    ['--seed 1 --shrink-minutes 5', /goes with --shrink/],
    ['--seed 1 --shrink --shrink-minutes x', /--shrink-minutes is a number from 0/],
    ['--faults mixed --epochs', /by itself/],
    ['--stall-seconds 0', /--stall-seconds is a number from 1 to 86400, not 0/],
    ['--stall-seconds 1.5', /whole number/],
    ['--without crashs', /crashes/],
    ['--sed 1', /--sed/],
    ['now', /now/],
  ])('refuses %s', (text, message) => {
    expect(() => parse(text)).toThrow(message)
  })
})

describe('the command', () => {
  const playHere: PlayPlan = async (plan) => playPlan(await loadSecp256k1(), plan)

  /** @param playing plays one world instead of the simulator; it may interrupt the command */
  async function run(text: string, playing?: (interrupt: () => void) => PlayPlan) {
    const [printed, noted, shown]: [string[], string[], string[]] = [[], [], []]
    const sim: SimRun = new SimRun({
      play: playing === undefined ? playHere : playing(() => sim.interrupt('stopped by SIGTERM')),
      print: (line) => printed.push(line),
      note: (line) => noted.push(line),
      progress: (line) => shown.push(line),
      chance: () => 42,
    })
    return { exitCode: await sim.run(text.split(' ')), printed: printed.join(''), noted: noted.join(''), shown }
  }

  /** Every third world fails; the command is interrupted while the last of so many is played. */
  function interruptedAt(last: number): (interrupt: () => void) => PlayPlan {
    let played = 0
    const play = fakePlay(() => true)
    const fine = async (plan: WorldPlan): Promise<PlayedWorld> => {
      const world = await play(plan)
      return { ...world, verdict: { ...world.verdict, violations: [] } }
    }
    return (interrupt) => (plan) => {
      if (++played === last) interrupt()
      return plan.seed % 3 === 0 ? play(plan) : fine(plan)
    }
  }

  it('that is interrupted in a sweep tells which seeds failed until then', async () => {
    const { printed, noted } = await run('--seeds 1..20 --nodes 5', interruptedAt(8))
    expect(noted).toContain('stopped by SIGTERM; the world that was played: npm run sim -- --seed 8 --nodes 5')
    const told = printed.split('20 worlds')[0] ?? ''
    expect(told).toMatch(/7 worlds, 2 failed, 13 not played because it was interrupted; .*\n.*\nfailed seeds: 3, 6\n/)
  })

  it('that is interrupted while it looks for a smaller world tells the smallest until then, and how to play it', async () => {
    const { printed } = await run('--seed 3 --nodes 30 --shrink', interruptedAt(3))
    const told = printed.split('\n').find((line) => line.includes('though there may be smaller ones')) ?? ''
    expect(told).toMatch(/^smallest of \d+ worlds? tried for bill-is-sum, .*: npm run sim -- --seed 3 --nodes/)
    expect(told).toMatch(/--faults none/)
  })

  it('that has no time to look for a smaller world tells the one that it has', async () => {
    const { exitCode, printed } = await run('--seed 3 --nodes 30 --shrink --shrink-minutes 0', interruptedAt(99))
    const command = 'npm run sim -- --seed 3 --nodes 30 --minutes 2 --faults all'
    expect(printed).toContain(
      `smallest of 0 worlds tried for bill-is-sum, though there may be smaller ones: ${command}`,
    )
    expect(exitCode).toBe(1)
  })

  it('that is interrupted prints what it has as JSON where that was asked for', async () => {
    const { printed } = await run('--seeds 1..5 --json', interruptedAt(5))
    const document = JSON.parse(printed.slice(0, printed.indexOf('\n}\n') + 2))
    expect(document).toMatchObject({
      played: 4,
      left: 1,
      ended: 'interrupted',
      failed: 1,
      worlds: [{ plan: { seed: 3 } }],
    })
  })

  it('prints a line for a world, and ends with 0 when no rule was broken', async () => {
    const { exitCode, printed } = await run('--seed 1 --nodes 4 --minutes 0.2')
    expect(printed).toMatch(
      /^ok {3}seed 1 {2}[0-9a-f]{32} {2}4 nodes, 0\.2 min all: \d+ jobs?, .* simulated s in .* times as fast\n$/,
    )
    expect(exitCode).toBe(0)
  })

  it('shows how far a sweep is while worlds are left, and nothing of one world', async () => {
    const { shown } = await run('--seeds 1..4 --nodes 5', interruptedAt(99))
    expect(shown).toEqual([
      '1 of 4 worlds, 0 failed, 0 s',
      '2 of 4 worlds, 0 failed, 0 s',
      '3 of 4 worlds, 1 failed, 0 s',
    ])
    expect((await run('--seed 1 --nodes 5', interruptedAt(99))).shown).toEqual([])
  })

  it('says which faults the profile is without anyway, and does not fail', async () => {
    const { exitCode, noted } = await run('--seed 1 --faults wires --without crashes,cuts', interruptedAt(99))
    expect([exitCode, noted]).toEqual([0, '--without crashes changes nothing: --faults wires has no such fault\n'])
  })

  it('says that there is nothing to shrink where nothing failed, and does not fail', async () => {
    const { exitCode, printed } = await run('--seed 1 --shrink', interruptedAt(99))
    expect(printed).toMatch(/^ok .*\nnothing failed, so there is nothing for --shrink\n$/)
    expect(exitCode).toBe(0)
  })

  it('tells a smallest world once: at length where it was not told before, with its command at the end', async () => {
    const found = (await run('--seed 3 --nodes 30 --shrink', interruptedAt(999))).printed
    expect(found.match(/broken: bill-is-sum/g)).toHaveLength(2)
    expect(
      found
        .trimEnd()
        .split('\n')
        .filter((line) => line.includes('again: ')),
    ).toHaveLength(1)
    const same = (await run('--seed 3 --nodes 30 --shrink --shrink-minutes 0', interruptedAt(99))).printed
    expect(same.match(/broken: bill-is-sum/g)).toHaveLength(1)
  })

  it('names the hash of a sweep otherwise than that of a world', async () => {
    const document = JSON.parse((await run('--seed 3 --json', interruptedAt(99))).printed)
    expect(document).toMatchObject({
      sweepHash: expect.stringMatching(/^[0-9a-f]{32}$/),
      worlds: [{ traceHash: 'ab'.repeat(16) }],
    })
    expect(document.traceHash).toBeUndefined()
  })

  it('does not pass a sweep for which there was no time', async () => {
    const { exitCode, noted } = await run('--seeds 1..3 --faults mixed --time-minutes 0')
    expect([exitCode, noted]).toEqual([2, 'no world was played: there was no time for one\n'])
  })

  it('prints JSON of the world that was asked for', async () => {
    const { printed } = await run('--seed 1 --nodes 8 --minutes 1 --json')
    const document = JSON.parse(printed)
    expect(document).toMatchObject({ played: 1, failed: 0, worlds: [{ plan: { seed: 1 }, violations: [] }] })
    expect(Object.keys(document.worlds[0].faults).length).toBeGreaterThan(0)
  })

  it('tells of a sweep in which nothing was broken what was felt in it, in words and as JSON', async () => {
    const line = '--seeds 1..14 --nodes 8 --minutes 0.5 --faults all'
    const { exitCode, printed } = await run(line)
    const document = JSON.parse((await run(`${line} --json`)).printed)
    const { faults, cheats, rules, broken } = document.tallies
    expect([exitCode, broken, document.worlds]).toEqual([0, {}, []])
    expect(faults.crashes.worlds).toBeGreaterThan(1)
    expect(Object.keys(cheats).length).toBeGreaterThan(5)
    expect(rules['bill-is-sum']).toMatchObject({ worlds: 14 })
    expect(rules['root-true']).toBeUndefined()
    const [, ...told] = printed.trim().split('\n')
    const counts = (tallied: Record<string, { readonly count: number }>): string =>
      Object.entries(tallied)
        .map(([name, { count }]) => `${name} ${count}`)
        .join(', ')
    expect(told.slice(0, 2)).toEqual([`faults: ${counts(faults)}`, `cheats: ${counts(cheats)}`])
    expect(told[2]).toMatch(/^rules: looked at \d\d of \d\d, never at .*root-true/)
  })

  it('ends with 2 on wrong arguments and with 0 on help', async () => {
    expect(await run('--nodes 1')).toMatchObject({ exitCode: 2, printed: '' })
    expect((await run('--nodes 1')).noted).toBe(
      '--nodes is a number from 4 to 1000, not 1; npm run sim -- --help tells of all\n',
    )
    expect(await run('--help')).toMatchObject({ exitCode: 0, noted: '' })
  })
})
