import { SEGMENT_PROFILES } from '@stead/storage'
import { SeededRandom } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import { HOME_PC, HOME_SERVER, SERVER } from '../src/churn/node-kinds.ts'
import { NodeSession } from '../src/churn/node-session.ts'
import { CHURN_YEARS, type ChurnOptions, type ChurnResult, COMMON_YEAR, runChurn } from '../src/index.ts'

const HOUR_MS = 3_600_000

/** A small network in which a look an hour is enough. */
const SMALL: ChurnOptions = { ...COMMON_YEAR, stepMinutes: 60, nodes: 150, payers: 2, segmentsPerPayer: 3 }

function year(profile: keyof typeof SEGMENT_PROFILES, change: Partial<ChurnOptions> = {}): ChurnResult {
  const known = SEGMENT_PROFILES[profile]
  if (known === undefined) throw new TypeError(`no profile ${profile}`)
  return runChurn({ ...SMALL, profile: known, ...change })
}

describe('a year of nodes that come and go', () => {
  it('loses nothing of 16-of-48, and takes little for that', () => {
    const result = year('16-of-48')
    expect(result).toMatchObject({ segments: 6, lostSegments: 0, unreadableTimes: 0 })
    expect(result.repairs).toBeGreaterThan(0)
    expect(result.sentPerStoredByteMonth).toBeLessThan(0.5)
    expect(result.readPerStoredByteMonth).toBeLessThan(0.5)
    expect(result.byDay).toHaveLength(365)
  })

  it('loses nothing when the daemon runs for eight hours a day and forgets nothing between', () => {
    const result = year('16-of-48', { ...CHURN_YEARS['payer at night off'], departuresPerMonth: 0.1 })
    expect(result).toMatchObject({ lostSegments: 0, unreadableTimes: 0 })
    expect(result.repairs).toBeGreaterThan(0)
  })

  it('loses nothing when 30 % of the nodes are killed at once, and all is whole again within a week', () => {
    const outages = [{ atDay: 60, hours: Number.POSITIVE_INFINITY, hits: { share: 0.3 } }]
    const result = year('16-of-48', { days: 70, outages })
    const keptOn = (day: number): number => result.byDay[day - 1]?.meanKept ?? 0
    expect(result.lostSegments).toBe(0)
    expect(keptOn(60)).toBeLessThan(0.8 * keptOn(59))
    expect(keptOn(67)).toBeGreaterThan(keptOn(59))
  })

  it('loses what is kept thrice only where a quarter of the nodes leave each month', () => {
    const result = year('2-of-3', { departuresPerMonth: 0.25, payers: 6 })
    expect(result.lostSegments).toBeGreaterThan(0)
    expect(result.payersWithLoss).toBeGreaterThan(0)
  })

  it('loses nothing in ten days of holiday, and all in three weeks: nodes keep for two what is not paid', () => {
    const away = (days: number): ChurnResult =>
      year('16-of-48', { days: 60, habits: { hoursPerDay: 24, skippedDayShare: 0, holiday: { atDay: 20, days } } })
    expect(away(10)).toMatchObject({ segments: 6, lostSegments: 0 })
    expect(away(21)).toMatchObject({ segments: 6, lostSegments: 6 })
  })

  it('is the same for the same seed and another one for any other', () => {
    const short = { days: 40 }
    expect(year('4-of-12', short)).toEqual(year('4-of-12', short))
    const other = year('4-of-12', { ...short, seed: 2 })
    expect(other.byDay).not.toEqual(year('4-of-12', short).byDay)
  })
})

describe('a node of a kind', () => {
  it('is there for as much of the time as its kind says', () => {
    const shareOf = (rhythm: typeof SERVER | typeof HOME_PC): number => {
      const session = new NodeSession(rhythm, new SeededRandom(1), 0)
      let there = 0
      const hours = 24 * 400
      for (let hour = 0; hour < hours; hour++) there += session.step(hour * HOUR_MS, HOUR_MS) ? 1 : 0
      return there / hours
    }
    expect(shareOf(SERVER)).toBeCloseTo(0.99, 2)
    expect(shareOf(HOME_SERVER)).toBeCloseTo(0.95, 1)
    expect(shareOf(HOME_PC)).toBeCloseTo((9 / 24) * 0.9, 1)
  })
})
