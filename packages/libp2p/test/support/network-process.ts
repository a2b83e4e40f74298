import { createTestNetwork } from './test-networks.ts'

/**
 * A network in a process of its own, which a test can kill. Tells its address by message and ends with its parent.
 * Serves `/stead/deaf/1`, which says that it was asked and never answers.
 */
const network = createTestNetwork()
network.handle(
  '/stead/deaf/1',
  { messageBytesMax: 64, inFlightPerPeerMax: 4, handlerTimeoutMs: 60_000, bulk: true },
  () => {
    process.send?.({ asked: true })
    return new Promise<never>(() => undefined)
  },
)
await network.start()
process.on('disconnect', () => process.exit())
process.send?.({ address: network.addresses()[0] })
