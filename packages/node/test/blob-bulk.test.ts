import { BlobExchange } from '@stead/compute'
import { silentLogger } from '@stead/core'
import { Libp2pNetwork } from '@stead/libp2p'
import { MemoryStore } from '@stead/testkit'
import { afterEach, expect, it } from 'vitest'
import { PrometheusMetrics } from '../src/adapters/prometheus-metrics.ts'
import { systemClock, systemRandom } from '../src/identity/index.ts'

const running: Libp2pNetwork[] = []

afterEach(async () => {
  await Promise.all(running.splice(0).map((network) => network.stop()))
})

interface Side {
  readonly network: Libp2pNetwork
  readonly blobs: BlobExchange
  readonly metrics: PrometheusMetrics
}

async function startSide(): Promise<Side> {
  const metrics = new PrometheusMetrics()
  const components = { clock: systemClock, random: systemRandom, logger: silentLogger, metrics }
  const network = new Libp2pNetwork(
    { ...components, privateKey: systemRandom.bytes(32) },
    { listen: ['/ip4/127.0.0.1/tcp/0'] },
  )
  const blobs = new BlobExchange({ ...components, network, store: new MemoryStore() })
  await blobs.start()
  await network.start()
  running.push(network)
  return { network, blobs, metrics }
}

it.each([
  ['of more than one part come over a data connection', 3_000_000, 1],
  ['of one part do not open one', 100_000, 0],
])('blobs %s', async (_what, size, connections) => {
  const [giver, taker] = [await startSide(), await startSide()]
  await taker.network.connect(giver.network.addresses()[0] ?? '', 5000)
  const bytes = new Uint8Array(size).map((_, i) => i * 13)
  const id = await giver.blobs.cache.put(bytes)
  giver.blobs.grant(taker.network.self, id)
  const pulled = await taker.blobs.pull(giver.network.self, id, { bytesMax: size, timeoutMs: 20_000 })
  expect(Buffer.compare(pulled, bytes)).toBe(0)
  const line = 'stead_network_data_connections{direction="outbound"} 1'
  expect(taker.metrics.render().includes(line)).toBe(connections === 1)
  await Promise.all([giver.blobs.stop(), taker.blobs.stop()])
})
