import { createServer } from 'node:net'
import { silentLogger, silentMetrics } from '@stead/core'
import { Libp2pNetwork } from '@stead/libp2p'
import { systemClock, systemRandom } from '../test/support/system-ports.ts'

/** The answering process of the benchmark: echoes over Libp2pNetwork and, for reference, over one raw TCP connection. */
const network = new Libp2pNetwork(
  {
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    metrics: silentMetrics,
    privateKey: systemRandom.bytes(32),
  },
  { listen: ['/ip4/127.0.0.1/tcp/0'] },
)
network.handle(
  '/stead/bench/1',
  { messageBytesMax: 16 * 1024 * 1024, inFlightPerPeerMax: 4096, handlerTimeoutMs: 10_000 },
  async ({ payload }) => payload,
)
await network.start()
const raw = createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => socket.destroy())
  socket.pipe(socket)
})
raw.listen(0, '127.0.0.1', () => {
  const address = raw.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  process.send?.({ address: network.addresses()[0], port })
})
process.on('disconnect', () => process.exit())
