import { CoreError, type Logger, silentLogger } from '@stead/core'
import { MarketError } from '@stead/market'
import { ManualClock } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import { ShareTurns } from '../../src/shares/share-turns.ts'

const HOUR_MS = 3_600_000

function failing(errors: () => Error) {
  const warnings: string[] = []
  let tries = 0
  const clock = new ManualClock()
  const logger: Logger = { ...silentLogger, warn: (message) => void warnings.push(message) }
  const work = () => {
    tries++
    return Promise.reject(errors())
  }
  return { clock, warnings, tries: () => tries, turns: new ShareTurns({ clock, logger, work }) }
}

describe('shares that cannot be brought up to date', () => {
  it('for want of money are told once, in words for a person, and then rarely, however often it is tried', async () => {
    const { clock, warnings, turns, tries } = failing(() => new MarketError('MARKET_UNFUNDED', 'it holds 0'))
    for (const bucket of ['one', 'two']) turns.later(bucket, 0)
    await clock.advance(HOUR_MS)
    expect(tries()).toBeGreaterThan(100)
    expect(warnings).toEqual([expect.stringMatching(/^no money .*another machine of this phrase.*send dollars/)])
    await clock.advance(6 * HOUR_MS)
    expect(warnings).toHaveLength(2)
    await turns.stop()
  })

  it('for another reason are told of that as well', async () => {
    const errors = [new MarketError('MARKET_UNFUNDED', 'it holds 0'), new CoreError('NETWORK_UNREACHABLE', 'away')]
    let tries = 0
    const { clock, warnings, turns } = failing(() => errors[tries++ % 2] as Error)
    turns.later('one', 0)
    await clock.advance(HOUR_MS)
    expect(warnings).toEqual([expect.stringContaining('no money'), expect.stringContaining('brought up to date')])
    await turns.stop()
  })
})
