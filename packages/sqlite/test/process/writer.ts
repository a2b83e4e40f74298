// A process that writes until it is killed: batches of three rows, many in flight, each acknowledged on stdout.
import { writeSync } from 'node:fs'
import { silentLogger, silentMetrics } from '@stead/core'
import { SqliteStore } from '../../src/index.ts'

const [directory = '', firstText = '0'] = process.argv.slice(2)
const store = await SqliteStore.open(
  { logger: silentLogger, metrics: silentMetrics },
  { directory, checkpointBytes: 1024 * 1024 },
)
writeSync(1, 'open\n')

async function writeOne(index: number): Promise<void> {
  const value = new Uint8Array(64 + (index % 700)).fill(index)
  const batch = ['a', 'b', 'c'].map((part) => ({
    kind: 'put' as const,
    table: `part-${part}`,
    key: `row-${index}`,
    value,
  }))
  await store.write(batch, index % 4 === 0 ? 'power' : 'process')
  writeSync(1, `${index}\n`)
}

async function lane(first: number, step: number): Promise<void> {
  for (let index = first; ; index += step) {
    await writeOne(index)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

const LANES = 32
await Promise.all(Array.from({ length: LANES }, (_, offset) => lane(Number(firstText) + offset, LANES)))
