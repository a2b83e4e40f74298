import {
  CoreError,
  cleanPeerReport,
  coreErrorCatalog,
  hasCode,
  isSteadError,
  messageOf,
  peerReportOf,
  remoteErrorOf,
} from '@stead/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

const peer = '16Uiu2HAm5hPxT7s3TA2f4b4YjAPzS7yLRSgdj87ysDZ6NAXMiRuY' as Parameters<typeof remoteErrorOf>[0]

describe('errors', () => {
  test('carry what their catalogue says, their numbers and their cause', () => {
    const cause = new Error('below')
    const error = new CoreError('STORE_FULL', 'no room', { details: { needBytes: 5 }, cause, next: 'rm x' })
    expect(error).toMatchObject({ code: 'STORE_FULL', kind: 'system', retryable: true, next: 'rm x', cause })
    expect(error.details).toEqual({ needBytes: 5 })
    expect(new CoreError('STORE_FULL', 'no room').next).toBe(coreErrorCatalog.STORE_FULL.next)
  })

  test('are recognised by their brand and code, not by their class', () => {
    const foreign = Object.assign(new Error('copy'), { isSteadError: true, code: 'STORE_FULL' })
    expect(isSteadError(foreign)).toBe(true)
    expect(hasCode(foreign, 'STORE_FULL')).toBe(true)
    expect(hasCode(foreign, 'STORE_FAILED')).toBe(false)
    for (const other of [undefined, null, 'text', new Error('x'), {}]) expect(isSteadError(other)).toBe(false)
    expect(messageOf('text')).toBe('text')
  })
})

describe('errors from peers', () => {
  test('arrive as NETWORK_REMOTE with the peer’s code and numbers under names of their own', () => {
    const report = peerReportOf(new CoreError('STORE_FULL', 'no room', { details: { needBytes: 5, code: 'FAKE' } }))
    const error = remoteErrorOf(peer, report)
    expect(error.code).toBe('NETWORK_REMOTE')
    expect(error.details).toMatchObject({ peer, remoteCode: 'STORE_FULL', remoteNeedBytes: 5, remoteRetryable: true })
  })

  test('are cut to their limits whatever a peer puts into them', () => {
    const anyDetails = fc.dictionary(
      fc.string({ maxLength: 80 }),
      fc.oneof(fc.string({ maxLength: 2000 }), fc.double(), fc.bigInt(), fc.boolean(), fc.array(fc.string())),
      { maxKeys: 60 },
    )
    fc.assert(
      fc.property(
        fc.string(),
        fc.string({ maxLength: 5000 }),
        fc.boolean(),
        anyDetails,
        (code, message, retryable, details) => {
          const clean = cleanPeerReport({ code, message, retryable, details })
          expect(clean.code).toMatch(/^[A-Z0-9_]{1,64}$/)
          expect(clean.message.length).toBeLessThanOrEqual(1000)
          expect(Object.keys(clean.details).length).toBeLessThanOrEqual(32)
          expect(
            JSON.stringify(clean.details, (_, value) => (typeof value === 'bigint' ? `${value}` : value)).length,
          ).toBeLessThan(1_200_000)
        },
      ),
    )
  })
})
