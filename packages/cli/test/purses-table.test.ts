import { type Hash, hash, microUsd, type UnixMs } from '@stead/core'
import { describe, expect, it } from 'vitest'
import { describePurses } from '../src/commands/purses.ts'

const PURSE: Hash = hash(`0x${'ab'.repeat(32)}`)
const AT = Date.UTC(2026, 0, 2) as UnixMs

describe('the table of purses', () => {
  it('says what is locked, what of it is paid, and where the rest is', () => {
    const base = { purse: PURSE, createdAt: AT, providers: 3, totalMicroUsd: microUsd(2_000_000n) }
    const text = describePurses([
      { ...base, stage: 'funded', signedMicroUsd: microUsd(250_000n) },
      { ...base, stage: 'thawing', signedMicroUsd: microUsd(0n), thawEndsAt: (AT + 86_400_000) as UnixMs },
      { ...base, stage: 'closed', signedMicroUsd: microUsd(250_000n), refundMicroUsd: microUsd(1_750_000n) },
    ])
    const [, locked, thawing, closed] = text.split('\n')
    expect(locked).toMatch(/^0xabab.* 3 +2\.000000 USD +0\.250000 USD +locked$/)
    expect(thawing).toMatch(/thaws until 2026-01-03T00:00:00\.000Z$/)
    expect(closed).toMatch(/1\.750000 USD came home$/)
  })

  it('says so when there is none', () => {
    expect(describePurses([])).toBe('no money is locked')
  })
})
