import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Signer } from '../../packages/gateway/test/signing-client.ts'
import { ShiftedClock } from '../../packages/gateway/test/system-ports.ts'
import { memoryNowRow, memoryRow } from './resident.ts'
import { type BenchRow, benchRow } from './row.ts'
import { exchange, writeRandom } from './s3-exchange.ts'
import { TrialNetwork } from './trial-network.ts'

const NODES = 12
const NODE_GIB = 1
const MIB = 1024 * 1024
/** Enough that more makes no difference to memory (docs/adr/0009-memory.md). */
const OBJECT_BYTES = 256 * MIB
const FIRST_BYTES = 20 * MIB

/** What an object that is put and read twice through a daemon's S3 gateway takes of memory, all in processes of their own. */
export async function benchStorageMemory(): Promise<readonly BenchRow[]> {
  const network = new TrialNetwork()
  try {
    await network.start(NODES, 1, NODE_GIB)
    const gateway = await network.startGateway()
    const signer: Signer = { endpoint: gateway.endpoint, credentials: gateway, clock: new ShiftedClock() }
    const started = memoryNowRow("the payer's daemon when it has started", [gateway.process])
    const file = join(network.directory, 'object')
    await exchange(signer, { method: 'PUT', target: '/bench' })
    // Nodes are found and money is locked with the first segment.
    writeRandom(file, FIRST_BYTES)
    await exchange(signer, { method: 'PUT', target: '/bench/first', file })
    const digest = writeRandom(file, OBJECT_BYTES)
    const putMs = await timed(() => exchange(signer, { method: 'PUT', target: '/bench/object', file }))
    rmSync(file)
    const put = memoryRow('  the most, 256 MiB put', [gateway.process])
    const getMs = await timed(async () => {
      for (let times = 0; times < 2; times++) {
        const read = await exchange(signer, { method: 'GET', target: '/bench/object' })
        if (read.digest !== digest) throw new Error('the object came back changed')
      }
    })
    return [
      started,
      put,
      memoryRow('  and read twice', [gateway.process]),
      memoryRow('the largest of 12 nodes', network.processes),
      rateRow('put meanwhile', OBJECT_BYTES, putMs),
      rateRow('get meanwhile', 2 * OBJECT_BYTES, getMs),
    ]
  } finally {
    await network.stop()
  }
}

function rateRow(name: string, bytes: number, ms: number): BenchRow {
  return benchRow({ name, unit: 'MB/s', value: bytes / 1000 / ms, reference: undefined, target: undefined })
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}
