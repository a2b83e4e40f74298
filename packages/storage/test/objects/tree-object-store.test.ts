import { objectStoreCompliance } from '../object-store-compliance.ts'
import { Workplace } from './workplace.ts'

for (const referenceBytes of [16, 4096])
  objectStoreCompliance(`trees, references of ${referenceBytes} bytes`, async () => {
    const place = new Workplace(referenceBytes)
    return { open: async () => place.open(), clean: async () => undefined }
  })
