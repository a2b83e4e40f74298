import { fork } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { silentLogger, silentMetrics } from '@stead/core'
import { Libp2pNetwork } from '@stead/libp2p'
import { systemClock, systemRandom } from '../test/support/system-ports.ts'

/**
 * Measures request round trips between two processes on loopback, against one raw TCP connection between the same two,
 * and prints one JSON object. Usage: `node --conditions=@stead/source packages/libp2p/bench/round-trip.ts [seconds]`
 */
const seconds = Number(process.argv[2] ?? 3)
const payload = new Uint8Array(1024).fill(7)

interface Figures {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly perSecond: number
}

async function measure(inFlight: number, ask: () => Promise<unknown>): Promise<Figures> {
  const samplesMs: number[] = []
  const run = async (endMs: number, keep: boolean): Promise<void> => {
    while (performance.now() < endMs) {
      const startMs = performance.now()
      await ask()
      if (keep) samplesMs.push(performance.now() - startMs)
    }
  }
  const lanes = async (durationMs: number, keep: boolean): Promise<void> => {
    const endMs = performance.now() + durationMs
    await Promise.all(Array.from({ length: inFlight }, () => run(endMs, keep)))
  }
  await lanes(1000, false)
  const startMs = performance.now()
  await lanes(seconds * 1000, true)
  const elapsedS = (performance.now() - startMs) / 1000
  samplesMs.sort((left, right) => left - right)
  const at = (share: number): number => Number((samplesMs[Math.floor(samplesMs.length * share)] ?? 0).toFixed(4))
  return { p50Ms: at(0.5), p99Ms: at(0.99), perSecond: Math.round(samplesMs.length / elapsedS) }
}

function rawAsker(port: number): { ask: () => Promise<void>; close: () => void } {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  const waiting: (() => void)[] = []
  let bytes = 0
  socket.on('data', (chunk) => {
    bytes += chunk.length
    while (bytes >= payload.length) {
      bytes -= payload.length
      waiting.shift()?.()
    }
  })
  const ask = (): Promise<void> =>
    new Promise((resolve) => {
      waiting.push(resolve)
      socket.write(payload)
    })
  return { ask, close: () => socket.destroy() }
}

const server = fork(new URL('./echo-server.ts', import.meta.url), { execArgv: ['--conditions=@stead/source'] })
const [{ address, port }] = (await once(server, 'message')) as [{ address: string; port: number }]
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
const dialStartMs = performance.now()
const peer = await network.connect(address, 5000)
const dialMs = performance.now() - dialStartMs
const firstStartMs = performance.now()
await network.request(peer, '/stead/bench/1', payload, { timeoutMs: 5000 })
const firstRequestMs = performance.now() - firstStartMs
const ask = (): Promise<Uint8Array> => network.request(peer, '/stead/bench/1', payload, { timeoutMs: 5000 })
const large = new Uint8Array(1024 * 1024)
const askLarge = (): Promise<Uint8Array> => network.request(peer, '/stead/bench/1', large, { timeoutMs: 20_000 })
const raw = rawAsker(port)
const result = {
  payloadBytes: payload.length,
  dialMs: Number(dialMs.toFixed(1)),
  firstRequestMs: Number(firstRequestMs.toFixed(1)),
  rawTcp: { one: await measure(1, raw.ask), inFlight64: await measure(64, raw.ask) },
  network: { one: await measure(1, ask), inFlight64: await measure(64, ask) },
  echoedMibPerSecond: (await measure(8, askLarge)).perSecond,
}
raw.close()
console.log(JSON.stringify(result, undefined, 2))
await network.stop()
server.disconnect()
