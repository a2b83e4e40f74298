import { networkCompliance } from '@stead/testkit/compliance'
import { systemClock } from './support/system-ports.ts'
import { createTestNetwork } from './support/test-networks.ts'

networkCompliance('libp2p', async () => ({ clock: systemClock, create: () => createTestNetwork() }))
