import { fork } from 'node:child_process'
import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import { type PeerId, silentLogger, silentMetrics } from '@stead/core'
import { Libp2pNetwork } from '@stead/libp2p'
import { TLS_OPTIONS } from '../src/bulk/tls-options.ts'
import { systemClock, systemRandom } from '../test/support/system-ports.ts'

/**
 * Moves blocks of 1 MiB between two processes on loopback, 8 in flight, over a raw TLS connection, over a data connection
 * and over a libp2p stream, in turns, and prints one JSON object: for each way and direction the best MB/s of all rounds
 * and the least processor time of both ends. Usage: `node --conditions=@stead/source packages/libp2p/bench/bulk.ts [rounds]`
 */
const rounds = Number(process.argv[2] ?? 5)
const MIB = 1024 * 1024
const BLOCKS = 512
const IN_FLIGHT = 8

interface Figures {
  readonly megabytesPerSecond: number
  readonly cpuSecondsPerGigabyte: number
}

const server = fork(new URL('./bulk-server.ts', import.meta.url), { execArgv: ['--conditions=@stead/source'] })
const [{ address, port }] = (await once(server, 'message')) as [{ address: string; port: number }]

async function cpuMs(): Promise<number> {
  server.send('cpu')
  const [{ cpuMs: ofServer }] = (await once(server, 'message')) as [{ cpuMs: number }]
  const { user, system } = process.cpuUsage()
  return ofServer + (user + system) / 1000
}

async function measure(blocks: number, move: (blocks: number) => Promise<void>): Promise<Figures> {
  const startCpuMs = await cpuMs()
  const startMs = performance.now()
  await move(blocks)
  const elapsedMs = performance.now() - startMs
  const usedCpuMs = (await cpuMs()) - startCpuMs
  const bytes = blocks * MIB
  return { megabytesPerSecond: bytes / 1000 / elapsedMs, cpuSecondsPerGigabyte: (usedCpuMs * 1e6) / bytes }
}

const block = new Uint8Array(MIB).map((_, i) => i * 31)

function rawGet(socket: TLSSocket): (blocks: number) => Promise<void> {
  return (blocks) =>
    new Promise((resolve) => {
      let left = blocks * MIB
      const onData = (chunk: Buffer): void => {
        left -= chunk.length
        if (left > 0) return
        socket.off('data', onData)
        resolve()
      }
      socket.on('data', onData)
      socket.write(`get ${left}\n`)
    })
}

function rawPut(socket: TLSSocket): (blocks: number) => Promise<void> {
  return async (blocks) => {
    const taken = once(socket, 'data')
    socket.write(`put ${blocks * MIB}\n`)
    for (let sent = 0; sent < blocks; sent++) if (!socket.write(block)) await once(socket, 'drain')
    await taken
  }
}

function requests(network: Libp2pNetwork, peer: PeerId, protocol: string, tail: Uint8Array) {
  const bulk = protocol.includes('bulk')
  const head = new Uint8Array(0)
  return async (blocks: number): Promise<void> => {
    let left = blocks
    const lane = async (): Promise<void> => {
      while (left-- > 0) await network.request(peer, protocol, head, { timeoutMs: 30_000, bulk, tail })
    }
    await Promise.all(Array.from({ length: IN_FLIGHT }, lane))
  }
}

const socket = connect({ ...TLS_OPTIONS, port, host: '127.0.0.1', rejectUnauthorized: false })
socket.setNoDelay(true)
await once(socket, 'secureConnect')
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
await network.start()
const peer = await network.connect(address, 5000)
const ways: Readonly<Record<string, (blocks: number) => Promise<void>>> = {
  rawGet: rawGet(socket),
  bulkGet: requests(network, peer, '/stead/bench-bulk/1', Uint8Array.of(1)),
  streamGet: requests(network, peer, '/stead/bench-stream/1', Uint8Array.of(1)),
  rawPut: rawPut(socket),
  bulkPut: requests(network, peer, '/stead/bench-bulk/1', block),
  streamPut: requests(network, peer, '/stead/bench-stream/1', block),
}
const best: Record<string, Figures> = {}
for (const move of Object.values(ways)) await move(32)
for (let round = 0; round < rounds; round++) {
  for (const [name, move] of Object.entries(ways)) {
    // The stream is so slow that fewer blocks do.
    const now = await measure(name.startsWith('stream') ? BLOCKS / 4 : BLOCKS, move)
    const before = best[name] ?? now
    best[name] = {
      megabytesPerSecond: Math.max(before.megabytesPerSecond, now.megabytesPerSecond),
      cpuSecondsPerGigabyte: Math.min(before.cpuSecondsPerGigabyte, now.cpuSecondsPerGigabyte),
    }
  }
}
socket.destroy()
await network.stop()
server.disconnect()
console.log(JSON.stringify(best, undefined, 2))
