import { type Clock, CoreError, microUsd, type Random, type UnixMs } from '@stead/core'
import type { PayerChannel } from '@stead/market'
import { contentIdOf } from '@stead/protocol'
import { OneShotWorld } from './one-shot-world.ts'

/**
 * What the market itself costs per delivery, both sides in one process and without disk or network: reserve, admit,
 * deliver, accept, sign, check, receipt. Prints JSON.
 * Usage: `node --conditions=@stead/source packages/market/bench/hot-path.ts [deliveries] [in flight]`
 */
const deliveries = Number(process.argv[2] ?? 50_000)
const inFlightMax = Number(process.argv[3] ?? 64)

const clock: Clock = {
  now: () => Date.now() as UnixMs,
  monotonicMs: () => performance.now(),
  setTimer: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs).unref()
    return { clear: () => clearTimeout(timer) }
  },
  sleep: () => Promise.reject(new CoreError('CORE_ABORTED', 'the benchmark does not sleep')),
}
const random: Random = {
  bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  fraction: () => Math.random(),
}

const world = new OneShotWorld(clock, random)
const channel = await world.open(microUsd(10n ** 12n))

const item = contentIdOf('dag-cbor', Uint8Array.of(1))
const evidence = contentIdOf('dag-cbor', Uint8Array.of(2))

async function one(on: PayerChannel): Promise<boolean> {
  const maximum = microUsd(10n)
  const reservation = on.reserve(maximum)
  if (reservation === undefined) return false
  const { delivery } = reservation
  const admission = world.provider.admit({ peer: world.payerPeer, channel: on.id, delivery, maximumMicroUsd: maximum })
  const entry = { delivery, item, evidence, quantity: 1_000_000n, amountMicroUsd: microUsd(7n) }
  await admission.deliver(entry)
  reservation.accept({ ...entry })
  return true
}

async function lane(count: number): Promise<void> {
  for (let done = 0; done < count; ) {
    if (await one(channel)) done += 1
    else await new Promise<void>((resolve) => setImmediate(resolve))
  }
}

async function measure(count: number): Promise<number> {
  const startMs = performance.now()
  await Promise.all(Array.from({ length: inFlightMax }, () => lane(count / inFlightMax)))
  const report = await world.payer.settle()
  if (report.unsettled.length > 0) throw report.unsettled[0]?.error
  return performance.now() - startMs
}

await measure(deliveries / 5)
const elapsedMs = await measure(deliveries)
const { increments, paidMicroUsd } = channel.stats()
console.log(
  JSON.stringify({
    deliveries,
    inFlightMax,
    secp256k1: world.secp256k1Name,
    microsecondsPerDelivery: Math.round((elapsedMs * 10_000) / deliveries) / 10,
    deliveriesPerSecond: Math.round((deliveries * 1000) / elapsedMs),
    increments,
    paidMicroUsd: Number(paidMicroUsd),
  }),
)
await world.stop()
