import { PathSecret, type PointerValue } from '@stead/storage'
import { describe, expect, it } from 'vitest'
import { RootReader } from '../../src/objects/root-reader.ts'
import { EMPTY_ROOT, rootRecordSchema } from '../../src/objects/root-record.ts'

const secret = new PathSecret(new Uint8Array(32).fill(3))

/** What a pointer says: a root with so many bytes of pages. */
function said(sequence: number, liveBytes: number, isUnsettled = false): PointerValue {
  const value = secret.sealRoot(sequence, rootRecordSchema.encodeMessage({ ...EMPTY_ROOT, liveBytes }))
  return { sequence, value, isUnsettled }
}

describe('a reader of roots', () => {
  it('gives a root that may still be given up, and does not hold what comes after it against that', async () => {
    const answers = [said(1, 10), said(2, 20, true), said(2, 30), said(2, 40)]
    const reader = new RootReader({ read: async () => answers.shift() }, secret)
    expect((await reader.fresh()).record.liveBytes).toBe(10)
    expect((await reader.fresh()).record.liveBytes).toBe(20)
    expect(reader.known.sequence).toBe(1)
    expect((await reader.fresh()).record.liveBytes).toBe(30)
    expect(reader.known.sequence).toBe(2)
    await expect(reader.fresh()).rejects.toMatchObject({ code: 'STORAGE_OLD_ROOT' })
  })
})
