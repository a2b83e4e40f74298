import { expect, it } from 'vitest'
import { PROFILES } from '../src/index.ts'
import { faultNames, withoutFaults } from '../src/plan/fault-names.ts'
import { commandOf, type WorldPlan, worldOptionsOf } from '../src/plan/world-plan.ts'
import { cutAtWord } from '../src/report/cut-at-word.ts'
import { failureText, shrinkLine, sweepLine, verdictLine } from '../src/report/report-text.ts'
import type { PlayedWorld } from '../src/sweep/played-world.ts'
import { shrink } from '../src/sweep/shrink.ts'
import { sweep } from '../src/sweep/sweep.ts'
import { fakePlay, PLAN } from './fake-play.ts'

it('a failing world shrinks to what breaks the same rule, and no further', async () => {
  const isBroken = ({ nodes, minutes, profile, without }: WorldPlan): boolean =>
    profile === 'all' &&
    nodes >= 5 &&
    minutes >= 0.3 &&
    !without.includes('crashes') &&
    !without.includes('wires.lossShare')
  const play = fakePlay(isBroken)
  const { smallest, rule, tried } = await shrink(await play(PLAN), play)
  expect(rule).toBe('bill-is-sum')
  expect(tried).toBeLessThanOrEqual(200)
  const { plan } = smallest
  expect([plan.nodes, plan.minutes]).toEqual([5, 0.3])
  const left = faultNames(PROFILES.all).filter((name) => !plan.without.includes(name))
  expect(left.toSorted()).toEqual(['crashes', 'wires.lossShare'])
  expect(faultNames(worldOptionsOf(plan).faults).toSorted()).toEqual(left.toSorted())
})

it.each([true, false])('a shrink leaves epochs out where the rule is broken without them: %s', async (isOfEpochs) => {
  const play = fakePlay(({ hasEpochs }) => hasEpochs === true || !isOfEpochs)
  const { smallest } = await shrink(await play({ ...PLAN, hasEpochs: true }), play)
  expect(smallest.plan.hasEpochs).toBe(isOfEpochs)
})

it('a shrink tries each kind of fault alone', async () => {
  const play = fakePlay(({ profile }) => profile === 'all' || profile === 'disks')
  const { smallest } = await shrink(await play(PLAN), play)
  expect(smallest.plan.profile).toBe('disks')
  expect(faultNames(worldOptionsOf(smallest.plan).faults)).toEqual([])
})

it('a shrink tries other seeds, since a smaller world draws other numbers', async () => {
  const play = fakePlay(({ nodes, seed }) => nodes === 40 || (nodes >= 6 && seed % 3 === 0))
  const { smallest } = await shrink(await play(PLAN), play)
  expect(smallest.plan).toMatchObject({ nodes: 6, seed: 9 })
})

it('a shrink ends after so many worlds, with the smallest until then', async () => {
  const play = fakePlay(() => true)
  const smaller: PlayedWorld[] = []
  const result = await shrink(await play(PLAN), play, { runsMax: 3, onTried: (soFar) => smaller.push(soFar.smallest) })
  expect(result).toMatchObject({ tried: 3, isDone: false })
  expect(result.smallest).toBe(smaller.at(-1))
  expect(shrinkLine(result)).toContain('though there may be smaller ones: npm run sim -- --seed 7')
})

it('a sweep ends when its time is over, and says what it did not play and which seeds failed', async () => {
  const plans = Array.from({ length: 10 }, (_, index) => ({ ...PLAN, seed: index + 1 }))
  let played = 0
  const result = await sweep(
    plans,
    fakePlay(({ seed }) => seed > 2),
    { isOver: () => played >= 4, onPlayed: () => played++ },
  )
  expect(result).toMatchObject({ played: 4, left: 6, simulatedMs: 240_000, cpuMs: 40, ended: 'time' })
  const [line, broken, seeds] = sweepLine(result).split('\n')
  expect(line).toMatch(
    /^4 worlds, 4 failed, 6 not played because its time was over; [0-9a-f]{32}, 240 simulated s in 0\.0 s/,
  )
  expect([broken, seeds]).toEqual(['broken: no-own-fault in 4, bill-is-sum in 2', 'failed seeds: 1, 2, 3, 4'])
})

it('a sweep of which everything fails ends, and says why', async () => {
  const plans = Array.from({ length: 200 }, (_, index) => ({ ...PLAN, seed: index + 1 }))
  const result = await sweep(
    plans,
    fakePlay(() => true),
  )
  expect(result).toMatchObject({ played: 100, left: 100, ended: 'failures' })
  expect(sweepLine(result)).toContain('100 worlds, 100 failed, 100 not played because 100 failures are enough; ')
})

it('a failure is told with what was broken, the last events, and the command that plays it again', async () => {
  const plan = { ...PLAN, without: ['cuts', 'jumps'], hasRealSignatures: true }
  const played = await fakePlay(() => true)(plan)
  expect(verdictLine(played)).toMatch(
    /^FAIL seed 7 {2}(ab){16} {2}40 nodes, 3 min all without 2 faults: 1 job, 5 messages/,
  )
  const text = failureText(played)
  expect(text).toContain('broken: bill-is-sum: payer 0: 1 is not 2 (noticed at 2.500 s)')
  expect(text).toContain('payer 0: a payer, honest, started 2 times, lost its power 1 time')
  expect(text).toContain('drips provider 3: a provider, cheats: drips')
  expect(text).toContain('and 2 more')
  expect(text).toContain('1.500 s  payer 0 -> drips provider 3  what does compute cost? => no answer')
  expect(text.split('\n').every((line) => line.length < 250)).toBe(true)
  const command = 'npm run sim -- --seed 7 --nodes 40 --minutes 3 --faults all --without cuts,jumps --real-signatures'
  expect(text).toContain(`again: ${command}`)
  expect(commandOf(plan)).toBe(command)
  expect(shrinkLine({ smallest: played, rule: 'bill-is-sum', tried: 12, isDone: true })).toContain(command)
})

it('a world in which nobody asked for anything says so', async () => {
  const played = await fakePlay(() => false)(PLAN)
  expect(verdictLine(played)).toMatch(/times as fast$/)
  const idle = { ...played, verdict: { ...played.verdict, jobs: 0 } }
  expect(verdictLine(idle)).toMatch(/ 0 jobs, .*; nothing happened: the faults were over before the first job$/)
  const storage = { done: 3, failed: 0, paidPeriods: 0 }
  expect(verdictLine({ ...idle, verdict: { ...idle.verdict, storage } })).toMatch(/times as fast$/)
})

it.each([
  ['what fits stays', 40, 'what fits stays'],
  ['a sentence that is cut', 16, 'a sentence that …'],
  ['a sentence that is cut', 15, 'a sentence …'],
  ['abcdefghijklmn', 5, 'abcd…'],
])('a text that is too long ends with a whole word: %s', (text, lengthMax, cut) => {
  expect(cutAtWord(text, lengthMax)).toBe(cut)
})

it('a profile without all its faults is one in which nothing goes wrong', () => {
  const names = faultNames(PROFILES.all)
  expect(names).toContain('wires.lossShare')
  expect(names).not.toContain('awayMsMax')
  expect(faultNames(withoutFaults(PROFILES.all, new Set(names)))).toEqual([])
})
