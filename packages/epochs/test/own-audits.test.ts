import { address, type Logger, silentLogger } from '@stead/core'
import { type AuditCounts, type ComputedEpoch, PPM, type Ppm, ppm } from '@stead/rewards'
import { describe, expect, it } from 'vitest'
import { OwnAuditsBook } from '../src/own-audits.ts'

const NODE = address(`0x${'11'.repeat(20)}`)
const NOTHING = ppm(0)
const CALENDAR = { genesisSeconds: 1000, epochSeconds: 100 }

interface Found {
  readonly provenPpm: Ppm | undefined
  readonly auditCounts?: AuditCounts
  readonly isWarned?: boolean
  readonly isPenalised?: boolean
}

/** What computing an epoch says of this node's audits. */
function epochOf(epoch: number, found: Found): Parameters<OwnAuditsBook['note']>[0] {
  const { provenPpm, auditCounts = {}, isWarned = false, isPenalised = false } = found
  const own = { provenPpm, auditCounts, isPenalised }
  const computed = {
    result: { epoch, audits: { unproven: isWarned ? [NODE] : [] } },
    findings: { quality: { of: () => own } },
  }
  return computed as unknown as ComputedEpoch
}

function bookOf(): { readonly book: OwnAuditsBook; readonly warnings: string[] } {
  const warnings: string[] = []
  const logger: Logger = { ...silentLogger, warn: (message) => warnings.push(message) }
  return { book: new OwnAuditsBook({ signer: { address: NODE }, logger, calendar: CALENDAR }), warnings }
}

describe('what auditors found of a node', () => {
  it('is told its operator once an epoch: first as a warning, then as what it costs', () => {
    const { book, warnings } = bookOf()
    book.note(epochOf(4, { provenPpm: PPM, auditCounts: { proven: 5 } }))
    const lost = { provenPpm: NOTHING, auditCounts: { lost: 4, offline: 1 }, isWarned: true }
    book.note(epochOf(5, lost))
    book.note(epochOf(5, lost))
    book.note(epochOf(6, { ...lost, isPenalised: true }))
    expect(warnings).toEqual([
      expect.stringContaining('the next time costs quality'),
      expect.stringContaining('it costs quality'),
    ])
    expect(book.newest).toMatchObject({ epoch: 6, isWarned: true, isPenalised: true, counts: { lost: 4 } })
    // The end of epoch 7.
    expect(book.newest?.decidedAt).toBe(1_800_000)
  })

  it('is a warning when one of two results of an epoch says so, in whatever order they come', () => {
    const { book, warnings } = bookOf()
    const proven = { provenPpm: PPM, auditCounts: { proven: 3 } }
    const lost = { provenPpm: NOTHING, auditCounts: { lost: 5 }, isWarned: true }
    for (const found of [proven, lost, proven]) book.note(epochOf(5, found))
    expect(book.newest).toMatchObject({ epoch: 5, isWarned: true, counts: { lost: 5 } })
    expect(warnings).toHaveLength(1)
  })

  it('is not replaced by an older epoch that is computed again, nor by one in which nobody looked', () => {
    const { book } = bookOf()
    book.note(epochOf(5, { provenPpm: PPM, auditCounts: { proven: 5 } }))
    book.note(epochOf(3, { provenPpm: NOTHING, auditCounts: { lost: 5 }, isWarned: true }))
    book.note(epochOf(6, { provenPpm: undefined }))
    expect(book.newest).toMatchObject({ epoch: 5, isWarned: false })
    // The warning stands although nobody could look.
    book.note(epochOf(7, { provenPpm: undefined, isWarned: true }))
    expect(book.newest).toMatchObject({ epoch: 7, isWarned: true })
  })
})
