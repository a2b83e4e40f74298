import { once } from 'node:events'
import { createServer } from 'node:tls'
import { silentLogger, silentMetrics } from '@stead/core'
import { Libp2pNetwork } from '@stead/libp2p'
import { createCertificate } from '../src/bulk/certificate.ts'
import { TLS_OPTIONS } from '../src/bulk/tls-options.ts'
import { systemClock, systemRandom } from '../test/support/system-ports.ts'

/**
 * The answering process of the bulk bench: gives and takes blocks of 1 MiB over both ways of Libp2pNetwork and, for
 * reference, over one raw TLS connection with the same certificate and cipher. Tells what processor time it took.
 */
const block = systemRandom.bytes(65_536)
const mebibyte = new Uint8Array(1024 * 1024).map((_, i) => block[i % block.length] ?? 0)
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
for (const bulk of [true, false]) {
  network.handle(
    `/stead/bench-${bulk ? 'bulk' : 'stream'}/1`,
    { messageBytesMax: 1024 * 1024, inFlightPerPeerMax: 64, handlerTimeoutMs: 20_000, bulk },
    async ({ payload }) => (payload.length === 1 ? mebibyte : Uint8Array.of(payload[0] ?? 0)),
  )
}
await network.start()
const { key, cert } = createCertificate()
const raw = createServer({ ...TLS_OPTIONS, key, cert, noDelay: true }, (socket) => {
  let ask = ''
  let left = 0
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk: Buffer) => {
    let bytes = chunk
    if (left === 0) {
      const end = bytes.indexOf(10)
      ask += bytes.subarray(0, end < 0 ? bytes.length : end).toString()
      if (end < 0) return
      const [what, count] = ask.split(' ')
      ask = ''
      if (what === 'get') {
        void give(Number(count))
        return
      }
      left = Number(count)
      bytes = bytes.subarray(end + 1)
    }
    left -= bytes.length
    if (left === 0) socket.write('.')
  })
  async function give(count: number): Promise<void> {
    for (let given = 0; given < count; given += mebibyte.length) {
      if (!socket.write(mebibyte)) await once(socket, 'drain')
    }
  }
})
raw.listen(0, '127.0.0.1', () => {
  const address = raw.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  process.send?.({ address: network.addresses()[0], port })
})
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send?.({ cpuMs: (user + system) / 1000 })
})
process.on('disconnect', () => process.exit())
