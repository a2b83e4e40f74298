import { describe, expect, it } from 'vitest'
import { possessionVectors } from './support/possession-vectors.ts'

const VECTORS = new URL('../../../contracts/vectors/possession.json', import.meta.url).pathname

describe('the possession adjudicator', () => {
  it('is checked against the agreements, draws and answers that this package makes', { timeout: 60_000 }, async () => {
    await expect(await possessionVectors()).toMatchFileSnapshot(VECTORS)
  })
})
