import { execFile } from 'node:child_process'
import { randomFillSync } from 'node:crypto'
import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { messageOf } from '@stead/core'
import type { Signer } from '../../packages/gateway/test/signing-client.ts'
import { ShiftedClock } from '../../packages/gateway/test/system-ports.ts'
import { memoryRow } from './resident.ts'
import { type BenchRow, benchRow, missingRow, percentile } from './row.ts'
import { exchange, writeRandom } from './s3-exchange.ts'
import { copyWithRclone, S3Peer } from './s3-peer.ts'
import { type TrialGateway, TrialNetwork } from './trial-network.ts'

const run = promisify(execFile)
const NODES = 12
const MIB = 1024 * 1024
const OBJECT_BYTES = 1024 * MIB
const MB = 1_000_000
const FIRST_BYTES = 25
const REST_MS = 200
/** A prime, so that the places are spread over pieces and segments. */
const PLACE_STEP_BYTES = 104_395_301
/** Disk of each node: two objects of three times their size on twelve, and what compaction needs. */
const NODE_GIB = 2

/** A gibibyte through the S3 gateway of a daemon to twelve nodes and back, all in processes of their own, beside plain copies. */
export async function benchStorageGibibyte(): Promise<readonly BenchRow[]> {
  const network = new TrialNetwork()
  const file = join(network.directory, 'gibibyte')
  try {
    await network.start(NODES, 1, NODE_GIB)
    const gateway = await network.startGateway()
    const digest = writeRandom(file, OBJECT_BYTES)
    const raw = await rawCopy()
    const cp = await timed(() => run('cp', [file, `${file}.copy`]))
    rmSync(`${file}.copy`)
    const signer: Signer = { endpoint: gateway.endpoint, credentials: gateway, clock: new ShiftedClock() }
    await exchange(signer, { method: 'PUT', target: '/bench' })
    // Nodes are found and money is locked with the first segment.
    await exchange(signer, { method: 'PUT', target: '/bench/first', file: writeSmall(`${file}.small`) })
    const put = await timed(() => exchange(signer, { method: 'PUT', target: '/bench/large', file }))
    const get = await timed(() => exchange(signer, { method: 'GET', target: '/bench/large' }))
    if (get.value.digest !== digest) throw new Error('the object came back changed')
    const firstBytesMs = await firstBytes((range) => exchange(signer, { method: 'GET', target: '/bench/large', range }))
    const rows = [
      ...ratedRows('put', put.ms, { cp: cp.ms, rawMegabytesPerSecond: raw.put }),
      ...ratedRows('get', get.ms, { cp: cp.ms, rawMegabytesPerSecond: raw.get }),
      benchRow({
        name: `first byte of it, warm, median of ${firstBytesMs.length} places`,
        value: percentile(firstBytesMs, 0.5),
        unit: 'ms',
        reference: undefined,
        target: { limit: 60, better: 'less' },
      }),
      benchRow({
        name: '  nine of ten of them',
        value: percentile(firstBytesMs, 0.9),
        unit: 'ms',
        reference: undefined,
        target: undefined,
      }),
      memoryRow('memory of the daemon with the gateway', [gateway.process]),
      memoryRow('memory of the largest node', network.processes),
    ]
    await exchange(signer, { method: 'DELETE', target: '/bench/large' })
    return [...rows, ...(await rcloneRows(gateway, { file, directory: join(network.directory, 'peer') }))]
  } finally {
    await network.stop()
  }
}

/** Single bytes all over the object, with a rest between them as a reader has. @returns milliseconds of each */
async function firstBytes(read: (range: string) => Promise<unknown>): Promise<readonly number[]> {
  const times: number[] = []
  for (let count = 0; count < FIRST_BYTES; count++) {
    await new Promise((resolve) => setTimeout(resolve, REST_MS))
    const at = (count * PLACE_STEP_BYTES) % OBJECT_BYTES
    times.push((await timed(() => read(`bytes=${at}-${at}`))).ms)
  }
  return times
}

/** Whole 1 MiB messages over node:tls between two processes, MB/s each way. */
async function rawCopy(): Promise<{ readonly put: number; readonly get: number }> {
  const script = join(import.meta.dirname, '../../packages/libp2p/bench/bulk.ts')
  const { stdout } = await run(process.execPath, ['--conditions=@stead/source', script, '2'])
  const { rawPut, rawGet } = JSON.parse(stdout) as Record<'rawPut' | 'rawGet', { readonly megabytesPerSecond: number }>
  return { put: rawPut.megabytesPerSecond, get: rawGet.megabytesPerSecond }
}

function ratedRows(
  what: string,
  ms: number,
  { cp, rawMegabytesPerSecond }: { readonly cp: number; readonly rawMegabytesPerSecond: number },
): readonly BenchRow[] {
  const row = { value: rate(ms), unit: 'MB/s', target: undefined }
  const load = `load ${(loadavg()[0] ?? 0).toFixed(0)}`
  return [
    benchRow({
      ...row,
      name: `${what} of 1 GiB, 4-of-12 on ${NODES} nodes (${load})`,
      reference: { name: 'cp', value: rate(cp) },
    }),
    benchRow({ ...row, name: '  the same', reference: { name: 'raw node:tls', value: rawMegabytesPerSecond } }),
  ]
}

async function rcloneRows(
  gateway: TrialGateway,
  { file, directory }: { readonly file: string; readonly directory: string },
): Promise<readonly BenchRow[]> {
  const names = ['rclone, put of 1 GiB to the gateway', 'rclone, get of it']
  try {
    const peer = await S3Peer.start(directory)
    try {
      const theirs = await copyWithRclone(peer.place, file, `${file}.back`)
      const ours = await copyWithRclone(gateway, file, `${file}.back`)
      const row = { unit: 'MB/s', target: undefined }
      const name = 's3rver, one copy on this disk'
      return [
        benchRow({
          ...row,
          name: names[0] ?? '',
          value: rate(ours.putMs),
          reference: { name, value: rate(theirs.putMs) },
        }),
        benchRow({
          ...row,
          name: names[1] ?? '',
          value: rate(ours.getMs),
          reference: { name, value: rate(theirs.getMs) },
        }),
      ]
    } finally {
      peer.stop()
    }
  } catch (error) {
    const missing = `rclone on PATH and s3rver from npm: ${messageOf(error).split('\n')[0]}`
    return names.map((name) => missingRow({ name, unit: 'MB/s', target: undefined, missing }))
  }
}

function writeSmall(path: string): string {
  const file = openSync(path, 'w')
  writeSync(file, randomFillSync(new Uint8Array(20 * MIB)))
  closeSync(file)
  return path
}

async function timed<Value>(work: () => Promise<Value>): Promise<{ readonly value: Value; readonly ms: number }> {
  const start = performance.now()
  const value = await work()
  return { value, ms: performance.now() - start }
}

function rate(ms: number): number {
  return OBJECT_BYTES / MB / (ms / 1000)
}
