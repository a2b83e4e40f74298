import type { JobEvent } from '@stead/sdk/api'
import { describe, expect, it } from 'vitest'
import { ProgressFold, progressLine, shortfallText } from '../src/job/job-progress.ts'

let number = 0
function event(type: string, rest: Partial<JobEvent> = {}): JobEvent {
  number += 1
  return { number, at: 0 as JobEvent['at'], type, details: {}, ...rest }
}

const node = `0x${'1'.repeat(40)}` as NonNullable<JobEvent['node']>

describe('progress', () => {
  it('counts tasks once, however often they are given away, and money by what each channel has paid so far', () => {
    const fold = new ProgressFold(3)
    const placed = (task: string, delivery: string) => fold.take(event('placed', { task, node, details: { delivery } }))
    placed('a', '1')
    placed('a', '2')
    placed('b', '3')
    fold.take(event('answered', { task: 'a', details: { delivery: '1' } }))
    fold.take(event('lost', { task: 'b', node, reason: 'silent', details: { delivery: '3' } }))
    fold.take(event('agreed', { task: 'a' }))
    fold.take(event('paid', { node, details: { channel: '0xa', paidMicroUsd: '5' } }))
    fold.take(event('paid', { node, details: { channel: '0xa', paidMicroUsd: '9' } }))
    fold.take(event('paid', { node, details: { channel: '0xb', paidMicroUsd: '1' } }))
    expect(fold.progress).toEqual({ tasks: 3, placed: 2, running: 1, agreed: 1, unfinished: 0, paidMicroUsd: 10n })
    expect(progressLine(fold.progress)).toBe('2/3 placed · 1 running · 1 agreed · 0.000010 USD paid')
  })

  it('tells a person who was left out and why, who lied, and what stops the job', () => {
    const fold = new ProgressFold(1)
    expect(fold.take(event('matched', { details: { matching: 12, excluded: { rtt: 3, price: 1 } } }))).toBe(
      '12 nodes match; 3 excluded: rtt; 1 excluded: price',
    )
    expect(fold.take(event('disagreed', { task: 'a', node, reason: 'wrong-result' }))).toContain(node)
    expect(fold.take(event('strict', { task: 'a' }))).toMatch(/nobody is blamed.*--strict-floats/)
    expect(
      fold.take(event('problem', { details: { code: 'MARKET_UNFUNDED', message: 'need 5, have 1', next: 'send 4' } })),
    ).toBe('need 5, have 1 (MARKET_UNFUNDED); next: send 4')
    expect(fold.take(event('placed', { task: 'a' }))).toBeUndefined()
  })

  it('says what was needed and what there was when operators or money did not suffice', () => {
    const short = new ProgressFold(1)
    const details = { needOperators: 9, haveOperators: 5 }
    short.take(event('problem', { details: { code: 'COMPUTE_FEWER_OPERATORS', message: '', next: '', details } }))
    expect(shortfallText(short.shortfall)).toBeUndefined()
    short.take(event('unfinished', { task: 'a', reason: 'fewer-operators', details: { detail: '5 match' } }))
    expect(shortfallText(short.shortfall)).toBe('need 9 operators, have 5')
    const capped = new ProgressFold(1)
    capped.take(event('unfinished', { task: 'a', reason: 'cost-cap', details: { detail: 'the next may cost 7' } }))
    expect(shortfallText(capped.shortfall)).toBe('the next may cost 7')
  })
})
