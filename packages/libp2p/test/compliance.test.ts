import { networkCompliance } from '@stead/testkit/compliance'
import { expect, it } from 'vitest'
import { inBulk } from './support/bulk-network.ts'
import { CountingMetrics } from './support/counting-metrics.ts'
import { systemClock } from './support/system-ports.ts'
import { createTestNetwork } from './support/test-networks.ts'

const clock = systemClock
const metrics = new CountingMetrics()

networkCompliance('libp2p', async () => ({ clock, create: () => createTestNetwork() }))
networkCompliance('libp2p, all in bulk', async () => ({
  clock,
  create: () => inBulk(createTestNetwork({}, { metrics })),
}))
networkCompliance('libp2p, all in bulk where no data connection can be made', async () => ({
  clock,
  create: () => inBulk(createTestNetwork({ bulkListen: 'off' })),
}))

it('What went in bulk went over data connections', () => {
  const opened = { direction: 'outbound', outcome: 'opened' }
  expect(metrics.valueOf('stead_network_data_connection_attempts_total', opened)).toBeGreaterThan(20)
})
