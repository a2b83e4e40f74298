import { MarketError } from '@stead/market'
import { ProtocolError } from '@stead/protocol'
import { errorOfProblem, problemOf } from '@stead/sdk/api'
import { describe, expect, it } from 'vitest'
import { differenceOfError } from '../src/audit/audit-verdict.ts'

describe('an error while evidence is read', () => {
  it('is a difference when receipts were deleted, also as the node tells it', () => {
    const error = new MarketError('MARKET_RECEIPT_INVALID', 'channel 0xa lacks receipt 0; the next one here is 2', {
      details: { channel: '0xa', need: 0, have: 2 },
    })
    expect(differenceOfError(errorOfProblem(problemOf(error)))).toEqual({
      kind: 'difference',
      what: error.message,
      details: { code: 'MARKET_RECEIPT_INVALID', channel: '0xa', need: '0', have: '2' },
    })
  })

  it.each(['PROTOCOL_CONTENT', 'PROTOCOL_SIGNATURE', 'PROTOCOL_BRANCH', 'PROTOCOL_MALFORMED'] as const)(
    'is a difference when it is %s',
    (code) => {
      expect(differenceOfError(new ProtocolError(code, 'changed'))).toMatchObject({
        kind: 'difference',
        what: 'changed',
      })
    },
  )

  it('stays an error when the audit could not be made', () => {
    const error = new Error('no chain')
    expect(() => differenceOfError(error)).toThrow(error)
  })
})
