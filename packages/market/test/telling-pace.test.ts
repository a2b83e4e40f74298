import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OFFER_LIFE_MAX_MS, tellingPace } from '../src/offers/telling-pace.ts'
import { offerBookOptionsSchema } from '../src/options.ts'

const options = offerBookOptionsSchema.parse({})

describe('the pace of telling', () => {
  it('is the usual one in a small network', () => {
    expect(tellingPace(0, options)).toEqual({ refreshMs: 90_000, lifeMs: 300_000 })
    expect(tellingPace(300, options)).toEqual({ refreshMs: 90_000, lifeMs: 300_000 })
  })

  it('slows down so that all together tell so many a minute, and an offer still outlives three tellings', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: options.offersPerResourceMax }), (nodes) => {
        const { refreshMs, lifeMs } = tellingPace(nodes, options)
        expect((nodes * 60_000) / refreshMs).toBeLessThanOrEqual(options.offersPerMinuteMax + 0.01)
        expect(lifeMs).toBeGreaterThan(3 * refreshMs)
        expect(lifeMs).toBeLessThanOrEqual(OFFER_LIFE_MAX_MS)
      }),
    )
    expect(tellingPace(4096, options)).toEqual({ refreshMs: 1_228_800, lifeMs: 4_096_000 })
  })
})
