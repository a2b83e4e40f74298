// What compute and market cost per task: payer and provider in one process, without sockets, disks or a sandbox process.
// Prints one JSON object. Run: node --conditions=@stead/source packages/compute/bench/one-process.ts [tasks] [mode]
import { address, type Fuel, type MicroUsd, silentLogger, silentMetrics, type UnixMs } from '@stead/core'
import {
  MarketPayer,
  MarketProvider,
  marketPayerOptionsSchema,
  marketProviderOptionsSchema,
  OfferBook,
  offerBookOptionsSchema,
} from '@stead/market'
import { createSigner, loadSecp256k1, peerIdOfPublicKey } from '@stead/protocol'
import type { Executor } from '@stead/sandbox'
import { METER_VERSION } from '@stead/sandbox/facts'
import { MemoryChain, MemoryHub, MemoryLedger, MemoryStore, SeededRandom } from '@stead/testkit'
import { BlobExchange, ComputeConsumer, ComputeProvider } from '../src/index.ts'
import { localClock as clock } from './local-clock.ts'

const tasks = Number(process.argv[2] ?? 20_000)
const mode = process.argv[3] === 'adaptive' ? 'adaptive' : 'trust'
const providers = Number(process.argv[4] ?? (mode === 'trust' ? 1 : 4))
const random = new SeededRandom(1)
const secp256k1 = await loadSecp256k1()
const hub = new MemoryHub({ clock, random })
const ledger = new MemoryLedger({ clock, secp256k1 })
const account = address(`0x${'aa'.repeat(20)}`)
ledger.give(account, { dollarMicroUsd: 10n ** 12n, gasWei: 10n ** 20n })

/** Answers with its input at once, so that only the way to it and back is measured. */
const executor: Executor = {
  meterVersion: METER_VERSION,
  start: async () => undefined,
  stop: async () => undefined,
  isolation: () => ({ walls: [] }),
  load: async () => ({
    moduleId: '00',
    kinds: ['function'],
    originalBytes: 1,
    memoryPagesMin: 0,
    meterVersion: METER_VERSION,
    floats: 'raw',
  }),
  run: async (_, call) => ({
    status: 'ok',
    output: call.input,
    files: new Map(),
    exitCode: 0,
    stderr: new Uint8Array(0),
    fuel: 1000n as Fuel,
  }),
}

const partsOf = async (number: number, owner: typeof account) => {
  const signer = createSigner(secp256k1, new Uint8Array(32).fill(number))
  const network = hub.createNode(peerIdOfPublicKey(signer.publicKey))
  await network.start()
  const chain = new MemoryChain(ledger, owner)
  await chain.start()
  const store = new MemoryStore()
  const common = { clock, random, logger: silentLogger, metrics: silentMetrics, secp256k1 }
  const parts = { ...common, signer, network, chain, store }
  const offers = new OfferBook({ ...parts, identity: chain.identity }, offerBookOptionsSchema.parse({}))
  const blobs = new BlobExchange(parts)
  await blobs.start()
  return { ...parts, offers, blobs }
}

for (let number = 1; number <= providers; number++) {
  const operator = address(`0x${number.toString(16).padStart(2, '0').repeat(20)}`)
  const parts = await partsOf(number, operator)
  const market = new MarketProvider(parts, marketProviderOptionsSchema.parse({ operator }))
  const provider = new ComputeProvider({ ...parts, market, executor }, { concurrency: Math.ceil(56 / providers) })
  await provider.start()
  await market.start()
  await parts.offers.start()
  const { signer } = parts
  parts.offers.publish({ resource: 'compute', signer, operator, region: '-', terms: () => provider.offerTerms() })
}
const parts = await partsOf(200, account)
const market = new MarketPayer(parts, marketPayerOptionsSchema.parse({}))
const consumer = new ComputeConsumer({ ...parts, market })
await market.start()
await parts.offers.start()
await consumer.start()
for (const { self } of [hub].flatMap(() => [])) await parts.network.connect(self, 1000)
for (let number = 1; number <= providers; number++) {
  const { publicKey } = createSigner(secp256k1, new Uint8Array(32).fill(number))
  await parts.network.connect(peerIdOfPublicKey(publicKey), 1000)
}
await parts.offers.wait('compute', { minimum: providers, timeoutMs: 5000 })

const module = await parts.blobs.cache.put(random.bytes(1000))
const list = []
for (let index = 0; index < tasks; index++) {
  const input = [await parts.blobs.cache.put(random.bytes(1024))]
  const limits = { fuel: 1_000_000n as Fuel, memoryPages: 16, outputBytes: 65_536, timeMs: 1000 }
  const declaredTime = 0 as UnixMs
  const seed = new Uint8Array(32)
  const task = {
    version: 1,
    kind: 'function',
    module,
    meterVersion: METER_VERSION,
    args: [],
    input,
    files: [],
    limits,
    seed,
    declaredTime,
  } as const
  list.push({ key: `t${index}`, task })
}
const plannedMs = performance.now()
const maxCostMicroUsd = BigInt(tasks * 10) as MicroUsd
const job = await consumer.submit({ name: 'bench', tasks: list, verification: { mode }, maxCostMicroUsd })
const startedMs = performance.now()
const { status } = await job.result()
const endedMs = performance.now()
const perSecond = Math.round((tasks / (endedMs - startedMs)) * 1000)
console.log(
  JSON.stringify({
    mode,
    tasks,
    providers,
    state: status.state,
    succeeded: status.tasks.succeeded,
    replicated: status.tasks.replicated,
    submitMs: Math.round(startedMs - plannedMs),
    runMs: Math.round(endedMs - startedMs),
    tasksPerSecond: perSecond,
    unfinished: status.unfinished,
  }),
)
process.exit(0)
