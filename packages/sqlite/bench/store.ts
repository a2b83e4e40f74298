// Measures the store: puts per second with many in flight, and the latency of single writes, against bare fdatasync.
import { closeSync, fdatasync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Durability, silentLogger, silentMetrics } from '@stead/core'
import { SqliteStore } from '../src/index.ts'

const VALUE = new Uint8Array(300)
const IN_FLIGHT = 64
const PUTS = 40_000
const SINGLES = 1000

interface Row {
  readonly name: string
  readonly unit: string
  readonly value: number
}

const directory = mkdtempSync(join(process.argv[2] ?? tmpdir(), 'stead-bench-'))
const store = await SqliteStore.open({ logger: silentLogger, metrics: silentMetrics }, { directory })
const put = (key: number, durability: Durability): Promise<void> =>
  store.write([{ kind: 'put', table: 'bench', key: `key-${key}`, value: VALUE }], durability)

function quantiles(name: string, samplesMs: readonly number[]): Row[] {
  const sorted = samplesMs.toSorted((a, b) => a - b)
  return [0.5, 0.99].map((share) => ({
    name: `${name}, p${share * 100}`,
    unit: 'ms',
    value: Number((sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(3)),
  }))
}

async function rate(durability: Durability): Promise<Row> {
  let next = 0
  const startedMs = performance.now()
  const lane = async (): Promise<void> => {
    while (next < PUTS) await put(next++, durability)
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane))
  const seconds = (performance.now() - startedMs) / 1000
  return { name: `puts, ${durability}, ${IN_FLIGHT} in flight`, unit: '1/s', value: Math.round(PUTS / seconds) }
}

async function singles(durability: Durability): Promise<Row[]> {
  const samplesMs: number[] = []
  for (let index = 0; index < SINGLES; index++) {
    const startedMs = performance.now()
    await put(index, durability)
    samplesMs.push(performance.now() - startedMs)
  }
  return quantiles(`single put, ${durability}`, samplesMs)
}

async function bareSync(): Promise<Row[]> {
  const descriptor = openSync(join(directory, 'bare'), 'w')
  const samplesMs: number[] = []
  for (let index = 0; index < SINGLES; index++) {
    const startedMs = performance.now()
    writeSync(descriptor, VALUE)
    await new Promise((resolve) => fdatasync(descriptor, resolve))
    samplesMs.push(performance.now() - startedMs)
  }
  closeSync(descriptor)
  return quantiles('reference: append and fdatasync', samplesMs)
}

async function reads(): Promise<Row[]> {
  const samplesMs: number[] = []
  for (let index = 0; index < SINGLES; index++) {
    const startedMs = performance.now()
    await store.get('bench', `key-${(index * 7919) % PUTS}`)
    samplesMs.push(performance.now() - startedMs)
  }
  return quantiles('get', samplesMs)
}

const rows = [
  await rate('process'),
  await rate('power'),
  ...(await singles('process')),
  ...(await singles('power')),
  ...(await bareSync()),
  ...(await reads()),
]
await store.close()
rmSync(directory, { recursive: true })
console.log(JSON.stringify({ rows }, null, 1))
