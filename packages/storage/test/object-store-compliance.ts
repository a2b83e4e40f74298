import { afterEach, beforeEach, describe } from 'vitest'
import { bucketsCompliance } from './object-store-compliance/buckets.ts'
import { ComplianceBench, type ObjectStoreFixture } from './object-store-compliance/compliance-bench.ts'
import { copiesCompliance } from './object-store-compliance/copies.ts'
import { listingsCompliance } from './object-store-compliance/listings.ts'
import { objectsCompliance } from './object-store-compliance/objects.ts'
import { uploadsCompliance } from './object-store-compliance/uploads.ts'
import { versionsCompliance } from './object-store-compliance/versions.ts'
import { writesCompliance } from './object-store-compliance/writes.ts'

export type { ObjectStoreFixture } from './object-store-compliance/compliance-bench.ts'

/** What every ObjectStore must do: each sentence of the interface. */
export function objectStoreCompliance(name: string, makeFixture: () => Promise<ObjectStoreFixture>): void {
  describe(`ObjectStore: ${name}`, () => {
    const bench = new ComplianceBench()
    beforeEach(async () => {
      await bench.begin(await makeFixture())
    })
    afterEach(async () => {
      await bench.end()
    })
    bucketsCompliance(bench)
    objectsCompliance(bench)
    writesCompliance(bench)
    versionsCompliance(bench)
    copiesCompliance(bench)
    listingsCompliance(bench)
    uploadsCompliance(bench)
  })
}
