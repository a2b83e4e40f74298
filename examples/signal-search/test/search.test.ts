import { inputOf } from '@stead/sdk/job'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { log10FalseAlarm } from '../false-alarm.ts'
import type { Finding } from '../findings.ts'
import { formatPeriod } from '../period.ts'
import { job } from '../stead.job.ts'
import { Noise } from './support/reference.ts'
import { ModuleRunner, planOf, reportOf } from './support/run-plan.ts'

const runner = new ModuleRunner()
beforeAll(() => runner.start())
afterAll(() => runner.stop())

async function findingsOf(csv: string, options: Readonly<Record<string, string>> = {}): Promise<readonly Finding[]> {
  const plan = await planOf({ 'my.csv': csv }, options)
  return reportOf(plan, await runner.runPlan(plan)).findings as unknown as Finding[]
}

/** `time,value` in days, from a function of time and noise. */
function series(times: Iterable<number>, value: (time: number) => number): string {
  return ['time,value', ...Array.from(times, (time) => `${time},${value(time)}`)].join('\n')
}

const wave = (time: number, period: number, amplitude: number): number =>
  amplitude * Math.sin((2 * Math.PI * time) / period + 0.7)

describe('the built-in observations', () => {
  test('hold the yearly and the daily cycle, and nothing that is not there', async () => {
    const plan = await planOf({})
    expect(plan.tasks.length).toBeGreaterThanOrEqual(64)
    const results = await runner.runPlan(plan)
    const report = reportOf(plan, results)
    expect(report.complete).toBe(true)
    const findings = report.findings as unknown as readonly Finding[]
    const named = (part: string): readonly Finding[] => findings.filter(({ series }) => series.includes(part))
    const [carbon] = named('co2-concentration.csv:CO2')
    const [daily] = named('seattle-weather.csv:temp_max')
    const [hourly] = named('hourly-normals.csv:temperature')
    expect(Math.abs((carbon?.periodDays ?? 0) / 365.25 - 1)).toBeLessThan(0.005)
    expect(Math.abs((daily?.periodDays ?? 0) / 365.25 - 1)).toBeLessThan(0.005)
    expect(Math.abs((hourly?.periodDays ?? 0) - 1)).toBeLessThan(0.001)
    // Half a year and half a day are the shapes of these cycles.
    expect(Math.abs((carbon?.overtonesDays[0] ?? 0) / 182.6 - 1)).toBeLessThan(0.005)
    expect(Math.abs((hourly?.overtonesDays[0] ?? 0) - 0.5)).toBeLessThan(0.001)
    expect(findings).toHaveLength(3)
    for (const finding of findings) {
      expect(finding).toMatchObject({ significant: true })
      expect(finding.falseAlarmProbability).toBeLessThan(1e-100)
      expect(finding.power).toBeGreaterThan(0.7)
    }
    // Known from other sources: about 3 ppm, 9 and 4 degrees.
    expect([carbon, daily, hourly].map((finding) => Math.round(finding?.amplitude ?? 0))).toEqual([3, 9, 4])
    expect(report.lines.join('\n')).toMatch(/period 24\.00\d* ± [\d.]+ hours: power 0\.9/)
    for (const [index, result] of results.entries()) {
      expect(Number(plan.tasks[index]?.fuel) / Number(result.fuel)).toBeGreaterThan(1.5)
    }

    // The same with a part of the results: the share is told, and what was found stays.
    const part = results.filter(({ key }) => key !== '3/050' && !key.startsWith('1/'))
    const failed = results
      .filter(({ key }) => key === '3/050')
      .map((result) => ({ ...result, status: 'unfinished' as const, reason: 'no-providers' }))
    const partial = reportOf(plan, [...failed, ...part.toReversed()])
    expect(partial.complete).toBe(false)
    expect(partial.findings).toHaveLength(2)
    expect(partial.findings).toEqual(report.findings.slice(1))
    expect(partial.lines.join('\n')).toMatch(/searched 0\.0 % only; missing periods: .*4 tasks no result/)
    expect(partial.lines.join('\n')).toMatch(
      /searched 98\.9 % only; missing periods: [\d.]+ hours to [\d.]+ hours \(1 task unfinished: no-providers\)/,
    )
    expect(reportOf(plan, []).findings).toEqual([])
  })

  test('are the same tasks on every machine and day', async () => {
    const [first, second] = [await planOf({}), await planOf({})]
    expect(second).toEqual(first)
  })
})

describe('own observations', () => {
  const noise = new Noise(42)

  test('a weak sine under noise, at uneven times, with a gap', async () => {
    const times = Array.from({ length: 600 }, () => noise.uniform() * 200).filter((time) => time < 60 || time > 110)
    const [finding, ...others] = await findingsOf(series(times, (time) => wave(time, 7.3, 1) + 1.5 * noise.normal()))
    expect(Math.abs((finding?.periodDays ?? 0) - 7.3)).toBeLessThan(4 * (finding?.periodUncertaintyDays ?? 0))
    expect(finding?.periodUncertaintyDays).toBeLessThan(0.03)
    expect(finding).toMatchObject({ series: 'my.csv:value', significant: true })
    expect(finding?.amplitude).toBeCloseTo(1, 0)
    expect(others).toEqual([])
  })

  test('three sines of different strength, strongest first', async () => {
    const times = Array.from({ length: 1000 }, (_, n) => n * 0.25)
    const csv = series(
      times,
      (time) => wave(time, 11, 3) + wave(time, 3.1, 2) + wave(time, 1.37, 1) + 0.5 * noise.normal(),
    )
    const periods = (await findingsOf(csv)).map(({ periodDays }) => periodDays)
    expect(periods).toHaveLength(3)
    for (const [index, period] of [11, 3.1, 1.37].entries())
      expect(Math.abs((periods[index] ?? 0) / period - 1)).toBeLessThan(0.002)
  })

  test('a period far below the spacing, which uneven sampling can see', async () => {
    const times = Array.from({ length: 300 }, (_, n) => n + noise.uniform())
    const csv = series(times, (time) => wave(time, 0.61, 1) + 0.3 * noise.normal())
    const [finding] = await findingsOf(csv, { 'min-period': '12h' })
    expect(Math.abs((finding?.periodDays ?? 0) / 0.61 - 1)).toBeLessThan(0.001)
  })

  test('a saw tooth is one signal with overtones', async () => {
    const times = Array.from({ length: 800 }, (_, n) => n)
    const findings = await findingsOf(series(times, (time) => (time % 20) + 0.1 * noise.normal()))
    expect(findings).toHaveLength(1)
    expect(findings[0]?.periodDays).toBeCloseTo(20, 1)
    expect(findings[0]?.overtonesDays.slice(0, 3).map(Math.round)).toEqual([10, 7, 5])
  })

  test('a rise is not a period', async () => {
    const times = Array.from({ length: 200 }, (_, n) => n)
    const straight = await planOf({ 'my.csv': series(times, (time) => 1e6 + 3 * time) })
    const report = reportOf(straight, await runner.runPlan(straight))
    expect(report).toMatchObject({ findings: [], complete: true })
    expect(report.lines.join()).toContain('the trend explains every value')
    const curved = series(times, (time) => time * time + wave(time, 9, 300) + noise.normal())
    const [finding] = await findingsOf(curved, { trend: '2' })
    expect(finding?.periodDays).toBeCloseTo(9, 1)
  })

  test('uncertainties keep wild points from hiding the signal', async () => {
    const times = Array.from({ length: 400 }, (_, n) => n)
    const lines = times.map((time) => {
      const wild = time % 4 === 0
      return `${time},${wave(time, 13, 1) + noise.normal() * (wild ? 50 : 0.5)},${wild ? 50 : 0.5}`
    })
    const csv = ['time,value,error', ...lines].join('\n')
    const [weighed] = await findingsOf(csv, { uncertainty: 'error' })
    expect(weighed?.periodDays).toBeCloseTo(13, 1)
    expect((await findingsOf(csv)).every(({ significant }) => !significant)).toBe(true)
  })

  test('extreme values neither overflow nor vanish', async () => {
    const times = Array.from({ length: 100 }, (_, n) => n)
    for (const scale of [1e300, 1e-300]) {
      const [finding] = await findingsOf(series(times, (time) => scale * (1.5 + Math.sin((2 * Math.PI * time) / 8))))
      expect(finding?.periodDays).toBeCloseTo(8, 2)
      expect((finding?.amplitude ?? 0) / scale).toBeCloseTo(1, 1)
    }
  })

  test('two files are two series, also when they have one name', async () => {
    const csv = series(
      Array.from({ length: 50 }, (_, n) => n),
      (time) => wave(time, 5, 1),
    )
    const bytes = new TextEncoder().encode(csv)
    const inputs = [inputOf('a.csv', bytes), inputOf('a.csv', bytes)]
    const plan = await job.plan({ inputs, options: {}, readAsset: () => Promise.reject(new TypeError('no asset')) })
    const { findings } = reportOf(plan, await runner.runPlan(plan))
    expect((findings as unknown as Finding[]).map((finding) => finding.series)).toEqual([
      'a.csv:value',
      'a.csv (2):value',
    ])
  })
})

describe('chance', () => {
  test('white noise is hardly ever called a signal, and its strongest peak is told with its probability', async () => {
    const noise = new Noise(7)
    let claimed = 0
    for (let run = 0; run < 60; run++) {
      const findings = await findingsOf(
        series(
          Array.from({ length: 100 }, (_, n) => n),
          () => noise.normal(),
        ),
        { oversampling: '10' },
      )
      if (findings.some(({ significant }) => significant)) claimed += 1
      else expect(findings).toHaveLength(1)
    }
    expect(claimed).toBeLessThanOrEqual(3)
  })

  test('noise that is strong at long periods, like weather, is not called a signal either', async () => {
    const noise = new Noise(8)
    let claimed = 0
    for (let run = 0; run < 20; run++) {
      let state = 0
      const csv = series(
        Array.from({ length: 600 }, (_, n) => n),
        () => {
          state = 0.8 * state + noise.normal()
          return state
        },
      )
      if ((await findingsOf(csv, { oversampling: '10' })).some(({ significant }) => significant)) claimed += 1
    }
    expect(claimed).toBeLessThanOrEqual(2)
  })

  test('the false-alarm probability bounds what noise does', async () => {
    const noise = new Noise(9)
    const runs = 150
    const reached = { half: 0, tenth: 0 }
    for (let run = 0; run < runs; run++) {
      const csv = series(
        Array.from({ length: 60 }, () => noise.uniform() * 60),
        () => noise.normal(),
      )
      const [finding] = await findingsOf(csv, { oversampling: '10', taper: 'none', trend: '0', 'min-period': '2d' })
      const probability = finding?.falseAlarmProbability ?? 1
      if (probability <= 0.5) reached.half += 1
      if (probability <= 0.1) reached.tenth += 1
    }
    // Three standard errors above the bound; and not so far below that it says nothing.
    expect(reached.half / runs).toBeLessThan(0.5 + 0.12)
    expect(reached.tenth / runs).toBeLessThan(0.1 + 0.075)
    expect(reached.half / runs).toBeGreaterThan(0.15)
  })

  test('the formula: certain at nothing, falling with power, never below the single-frequency probability', () => {
    const search = { points: 100, trendDegree: 0, bandwidth: 0.5, effectiveLengthDays: 100 }
    expect(log10FalseAlarm(0, search)).toBe(0)
    let before = 0
    for (let power = 0.01; power < 1; power += 0.01) {
      const log10 = log10FalseAlarm(power, search)
      expect(log10).toBeLessThanOrEqual(before)
      expect(log10).toBeGreaterThanOrEqual((97 / 2) * Math.log10(1 - power) - 1e-9)
      before = log10
    }
    expect(Number.isFinite(log10FalseAlarm(1, search))).toBe(true)
  })
})

describe('a report', () => {
  test('of another version is refused by name', () => {
    expect(() => job.report([], { version: 2 })).toThrow(expect.objectContaining({ code: 'JOB_CONTEXT_INVALID' }))
    expect(() => job.report([], null)).toThrow(expect.objectContaining({ code: 'JOB_CONTEXT_INVALID' }))
  })

  test.each([
    [0.001, undefined, '86.4 seconds'],
    [1.00004, 0.00001, '24.00096 ± 0.00024 hours'],
    [365.2, 0.12, '365.20 ± 0.12 days'],
    [3652.5, 40, '10.00 ± 0.11 years'],
    [0.02, 3, '29 ± 4320 minutes'],
  ])('writes %d days as people do', (days, uncertainty, text) => {
    expect(formatPeriod(days, uncertainty)).toBe(text)
  })
})
