import type { NetworkSegments, SegmentStore } from '@stead/storage'
import { expectTypeOf, it } from 'vitest'
import { objectStoreCompliance } from '../object-store-compliance.ts'
import { Workplace } from './workplace.ts'

for (const referenceBytes of [16, 4096])
  objectStoreCompliance(`trees, references of ${referenceBytes} bytes`, async () => {
    const place = new Workplace(referenceBytes)
    return { open: async () => place.open(), clean: async () => undefined }
  })

it('stands on segments that nodes are paid for as well', () => {
  expectTypeOf<NetworkSegments>().toExtend<SegmentStore>()
})
