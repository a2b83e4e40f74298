import { networkCompliance } from '@stead/testkit/compliance'
import { inBulk } from './support/bulk-network.ts'
import { systemClock } from './support/system-ports.ts'
import { createTestNetwork } from './support/test-networks.ts'

networkCompliance('libp2p', async () => ({ clock: systemClock, create: () => createTestNetwork() }))
networkCompliance('libp2p, all in bulk', async () => ({
  clock: systemClock,
  create: () => inBulk(createTestNetwork()),
}))
networkCompliance('libp2p, all in bulk where no data connection can be made', async () => ({
  clock: systemClock,
  create: () => inBulk(createTestNetwork({ bulkListen: 'off' })),
}))
