import { silentLogger, silentMetrics } from '@stead/core'
import { Libp2pNetwork } from '@stead/libp2p'
import { systemClock, systemRandom } from '../test/support/system-ports.ts'

/** One node of the idle benchmark: joins, subscribes to a topic, then tells its own cost when asked to. */
const bootstrap = process.argv.slice(2)
const network = new Libp2pNetwork(
  {
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    metrics: silentMetrics,
    privateKey: systemRandom.bytes(32),
  },
  { listen: ['/ip4/127.0.0.1/tcp/0'], bootstrap },
)
network.subscribe('offers', () => 'accept')
await network.start()
await network.provide('stead:compute')
let usage = process.cpuUsage()
process.on('message', () => {
  const { user, system } = process.cpuUsage(usage)
  usage = process.cpuUsage()
  const connected = network.peers().filter((peer) => peer.connected).length
  process.send?.({ cpuMs: (user + system) / 1000, rssMib: process.memoryUsage.rss() / 1024 / 1024, connected })
})
process.on('disconnect', () => process.exit())
process.send?.({ address: network.addresses()[0] })
