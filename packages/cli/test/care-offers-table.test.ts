import { address, type UnixMs } from '@stead/core'
import { describe, expect, it } from 'vitest'
import { careOffersText } from '../src/commands/caretaker.ts'

const offerOf = (digit: string, sharePpm: number) => ({
  node: address(`0x${digit.repeat(40)}`),
  operator: address(`0x${'9'.repeat(40)}`),
  sharePpm,
  segmentsMax: 65_536,
  absentSeconds: 86_400,
  expiresAt: 0 as UnixMs,
})

describe('the list of nodes that sell care', () => {
  it('says who takes how much, in the order in which they come', () => {
    expect(careOffersText([offerOf('1', 25_000), offerOf('2', 100_000)]).split('\n')).toEqual([
      `NODE${' '.repeat(40)}OPERATOR${' '.repeat(36)}SHARE  SEGMENTS  UNTIL`,
      `0x${'1'.repeat(40)}  0x${'9'.repeat(40)}  2.5 %     65536  1970-01-01T00:00:00.000Z`,
      `0x${'2'.repeat(40)}  0x${'9'.repeat(40)}   10 %     65536  1970-01-01T00:00:00.000Z`,
    ])
  })

  it('says how a node comes to sell it where none does', () => {
    expect(careOffersText([])).toContain('--care')
  })
})
