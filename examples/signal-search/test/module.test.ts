import { fuel } from '@stead/core'
import { prepareModule } from '@stead/sandbox'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  decodeResult,
  encodeRange,
  encodeSeries,
  type FrequencyRange,
  type RangeResult,
  type SeriesData,
} from '../task-format.ts'
import { Noise, referencePower, spectrumSquares } from './support/reference.ts'
import { ModuleRunner, searchModule } from './support/run-plan.ts'

const runner = new ModuleRunner()
beforeAll(() => runner.start())
afterAll(() => runner.stop())

async function search(series: SeriesData, range: FrequencyRange): Promise<RangeResult> {
  const outcome = await runner.run(Buffer.concat([encodeRange(range), encodeSeries(series)]))
  if (outcome.status !== 'ok')
    throw new Error(JSON.stringify(outcome, (_, value) => (typeof value === 'bigint' ? `${value}` : value)))
  const result = decodeResult(outcome.output)
  if (result === undefined) throw new Error('the output cannot be decoded')
  return result
}

/** Uneven times with a gap, a sine, a trend, noise and uneven weights. */
function unevenSeries(seed: number, points: number, trendDegree: number): SeriesData {
  const noise = new Noise(seed)
  const times = Float64Array.from(
    { length: points },
    () => noise.uniform() * 100 - 50 + (noise.uniform() > 0.5 ? 40 : 0),
  ).sort()
  const values = times.map((time) => Math.sin(time * 1.3) + 0.01 * time + noise.normal())
  const weights = times.map(() => 0.1 + noise.uniform())
  return { times, values, weights, trendDegree }
}

describe('the module', () => {
  test('needs nothing from its host but abort', async () => {
    // The sandbox refuses every other import of a function module by name.
    expect(prepareModule(await searchModule()).facts.kinds).toEqual(['function'])
  })

  test('is compiled once', async () => {
    const [first, second] = [await searchModule(), await searchModule()]
    expect(Buffer.compare(first, second)).toBe(0)
  })

  // One frequency a task, so that every power is seen: at the seeds, and as far from them as rotation goes.
  test.each([
    [0, 31],
    [1, 50],
    [2, 200],
    [5, 333],
    [8, 64],
  ])('computes what the plain sums give, degree %i, %i points', async (trendDegree, points) => {
    const series = unevenSeries(trendDegree + 7, points, trendDegree)
    const range = { lowest: 0.01, step: 0.0013, bands: 1 }
    for (const first of [1, 2, 40, 63, 64, 65, 200]) {
      const { greatestPower, greatestFrequency } = await search(series, { ...range, first, count: 1 })
      expect(greatestFrequency).toBeCloseTo(range.lowest + first * range.step, 12)
      expect(Math.abs(greatestPower - referencePower(series, greatestFrequency))).toBeLessThan(1e-10)
    }
    const many = await search(series, { ...range, first: 0, count: 500 })
    for (const frequency of [many.greatestFrequency, ...many.peaks.map((peak) => peak.frequency)]) {
      const power =
        frequency === many.greatestFrequency
          ? many.greatestPower
          : many.peaks.find((peak) => peak.frequency === frequency)?.power
      expect(Math.abs((power ?? 0) - referencePower(series, frequency))).toBeLessThan(1e-10)
    }
  })

  test('sums, medians and peaks are those of all powers', async () => {
    const series = unevenSeries(3, 120, 1)
    const range = { first: 10, count: 400, lowest: 0.02, step: 0.001, bands: 4 }
    const powers = Array.from({ length: 402 }, (_, k) => referencePower(series, range.lowest + (9 + k) * range.step))
    const inside = powers.slice(1, -1)
    const result = await search(series, range)
    expect(result.count).toBe(400)
    expect(result.powerSum).toBeCloseTo(
      inside.reduce((sum, power) => sum + power, 0),
      9,
    )
    expect(result.greatestPower).toBeCloseTo(Math.max(...inside), 11)
    result.bandMedians.forEach((median, band) => {
      const sorted = inside.slice(band * 100, band * 100 + 100).sort((a, b) => a - b)
      expect(median).toBeCloseTo(sorted[49] ?? 0, 11)
    })
    const maxima = inside
      .filter((power, k) => power > (powers[k] ?? 1) && power >= (powers[k + 2] ?? 1))
      .sort((a, b) => b - a)
    expect(result.peaks).toHaveLength(Math.min(16, maxima.length))
    result.peaks.forEach((peak, rank) => {
      expect(peak.power).toBeGreaterThanOrEqual((maxima[rank] ?? 0) - 1e-11)
    })
  })

  test('agrees with the Fourier transform where that exists', async () => {
    const noise = new Noise(11)
    const n = 256
    const values = Float64Array.from({ length: n }, (_, t) => Math.cos((2 * Math.PI * 20 * t) / n) + noise.normal())
    const mean = values.reduce((sum, value) => sum + value, 0) / n
    const centred = values.map((value) => value - mean)
    const total = centred.reduce((sum, value) => sum + value * value, 0)
    const spectrum = spectrumSquares(centred)
    const times = Float64Array.from({ length: n }, (_, t) => t - (n - 1) / 2)
    const series = { times, values, weights: values.map(() => 1), trendDegree: 0 }
    for (let k = 1; k < n / 2; k += 9) {
      const { greatestPower } = await search(series, { first: k, count: 1, lowest: 0, step: 1 / n, bands: 1 })
      expect(greatestPower).toBeCloseTo((2 * (spectrum[k] ?? 0)) / (n * total), 11)
    }
    // At the Nyquist frequency sine and cosine are one vector; half the coefficient pair is there.
    const nyquist = await search(series, { first: n / 2, count: 1, lowest: 0, step: 1 / n, bands: 1 })
    expect(nyquist.greatestPower).toBeCloseTo((spectrum[n / 2] ?? 0) / (n * total), 9)
  })

  test('a pure sine far from every grid point is found to a millionth', async () => {
    const times = Float64Array.from({ length: 400 }, (_, t) => t - 199.5)
    const frequency = 0.123_456_7
    const values = times.map((time) => 3 * Math.sin(2 * Math.PI * frequency * time + 1))
    const series = { times, values, weights: values.map(() => 1), trendDegree: 1 }
    const { peaks } = await search(series, { first: 0, count: 4000, lowest: 0.1, step: 1 / 16_000, bands: 8 })
    expect(Math.abs((peaks[0]?.frequency ?? 0) / frequency - 1)).toBeLessThan(1e-6)
    expect(peaks[0]?.power).toBeGreaterThan(0.999_999)
  })

  test('a peak on the border of two tasks is found by exactly one', async () => {
    const series = unevenSeries(5, 100, 0)
    const whole = await search(series, { first: 0, count: 2000, lowest: 0.1, step: 0.0005, bands: 1 })
    const at = Math.round(((whole.peaks[0]?.frequency ?? 0) - 0.1) / 0.0005)
    for (const cut of [at, at + 1]) {
      const left = await search(series, { first: 0, count: cut, lowest: 0.1, step: 0.0005, bands: 1 })
      const right = await search(series, { first: cut, count: 2000 - cut, lowest: 0.1, step: 0.0005, bands: 1 })
      const found = [...left.peaks, ...right.peaks].filter(
        ({ frequency }) => Math.abs(frequency - (whole.peaks[0]?.frequency ?? 0)) < 1e-9,
      )
      expect(found).toHaveLength(1)
    }
  })

  test('gives the same bytes for the same fuel, again and again', async () => {
    const input = Buffer.concat([
      encodeRange({ first: 0, count: 300, lowest: 0.1, step: 0.001, bands: 3 }),
      encodeSeries(unevenSeries(9, 101, 3)),
    ])
    const first = await runner.run(input)
    expect(first.status).toBe('ok')
    expect(await runner.run(input)).toEqual(first)
  })
})

describe('hostile input', () => {
  const range = encodeRange({ first: 0, count: 10, lowest: 0.1, step: 0.01, bands: 1 })
  const series = encodeSeries(unevenSeries(1, 20, 1))
  const whole = Buffer.concat([range, series])

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['a header alone', Buffer.from(range)],
    ['a series that is cut', whole.subarray(0, -1)],
    ['a series that goes on', Buffer.concat([whole, Buffer.alloc(1)])],
    ['no frequencies', patched(whole, 8, 0)],
    ['more frequencies than memory', patched(whole, 8, 0xffff_ffff)],
    ['no bands', patched(whole, 12, 0)],
    ['more bands than frequencies', patched(whole, 12, 11)],
    ['more points than there are', patched(whole, 32, 0xffff_ffff)],
    ['a trend as long as the series', patched(whole, 36, 17)],
    [
      'values that do not vary',
      Buffer.concat([range, encodeSeries({ ...unevenSeries(1, 20, 0), values: new Float64Array(20) })]),
    ],
  ])('%s ends in abort, with a word why', async (_, input) => {
    expect(await runner.run(input)).toMatchObject({
      status: 'trap',
      reason: 'abort',
      detail: expect.stringMatching(/task|series|input/),
    })
  })

  test('whatever the bytes, the module ends within its fuel', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.uint8Array({ minLength: 1, maxLength: 16 }), async (at, bytes) => {
        const input = Buffer.from(whole)
        input.set(bytes.subarray(0, whole.length - at), at)
        const outcome = await runner.run(input, fuel(50_000_000n))
        expect(['ok', 'trap', 'out-of-fuel', 'limit']).toContain(outcome.status)
      }),
      { numRuns: 200 },
    )
  })

  test('bytes that no module wrote are not read as a result', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const result = decodeResult(bytes)
        expect(result === undefined || result.peaks.length <= 16).toBe(true)
      }),
    )
    expect(decodeResult(new Uint8Array(112))).toBeUndefined()
  })

  function patched(bytes: Buffer, at: number, value: number): Buffer {
    const copy = Buffer.from(bytes)
    copy.writeUInt32LE(value, at)
    return copy
  }
})
