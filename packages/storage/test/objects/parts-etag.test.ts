import { createHash } from 'node:crypto'
import { etagOfParts } from '@stead/storage'
import { describe, expect, it } from 'vitest'

const md5 = (bytes: Uint8Array | string): Buffer => createHash('md5').update(bytes).digest()

describe('the etag of an object of parts', () => {
  it('is the MD5 of the MD5 of its parts, and their number', () => {
    const parts = ['one', 'two', 'three'].map(md5)
    const expected = `${md5(Buffer.concat(parts)).toString('hex')}-3`
    expect(etagOfParts(parts.map((part) => part.toString('hex')))).toBe(expected)
  })

  it('takes what is no MD5 as it is', () => {
    expect(etagOfParts(['größe'])).toBe(`${md5('größe').toString('hex')}-1`)
  })
})
