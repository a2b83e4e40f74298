import { silentLogger, silentMetrics } from '@stead/core'
import { Libp2pNetwork } from '@stead/libp2p'
import { systemClock, systemRandom } from '../test/support/system-ports.ts'

/**
 * Prints the resident memory of a bare process and of one with a started network, in MiB, as JSON.
 * Usage: `node --expose-gc --conditions=@stead/source packages/libp2p/bench/memory.ts`
 */
const residentMib = (): number => {
  globalThis.gc?.()
  return Math.round((process.memoryUsage.rss() / 1024 / 1024) * 10) / 10
}
const importedMib = residentMib()
const network = new Libp2pNetwork(
  {
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    metrics: silentMetrics,
    privateKey: systemRandom.bytes(32),
  },
  { listen: ['/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.1/tcp/0/ws'] },
)
await network.start()
await systemClock.sleep(3000)
console.log(JSON.stringify({ importedMib, startedMib: residentMib() }))
await network.stop()
