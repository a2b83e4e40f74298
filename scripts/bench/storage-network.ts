import { createHash } from 'node:crypto'
import {
  createErasureKernel,
  createFrameCipher,
  loadPairHasher,
  SEGMENT_PLAIN_BYTES,
  StorageConsumer,
} from '@stead/storage'
import { type BenchRow, benchRow, percentile } from './row.ts'
import { TrialNetwork } from './trial-network.ts'

const NODES = 12
const PROFILE = { dataPieces: 4, pieces: 12, enough: 9 }
const SEGMENTS = 8
const FIRST_BYTES = 25
const PLACE_STEP_BYTES = 5_000_011
const KEY = new Uint8Array(32).fill(3)

/** Whole segments to twelve nodes in processes of their own, and back: sealed, coded, sent, synced, agreed on; read and opened. */
export async function benchStorageNetwork(): Promise<readonly BenchRow[]> {
  const network = new TrialNetwork()
  try {
    await network.start(NODES, 1, 2)
    const { foundation, trade } = network.payer
    await trade.offers.wait('storage', { minimum: NODES, timeoutMs: 30_000 })
    const consumer = new StorageConsumer(
      {
        ...foundation,
        market: trade.payer.market,
        offers: trade.offers,
        identity: foundation.chain.identity,
        hasher: await loadPairHasher(),
        cipher: createFrameCipher(),
        kernel: createErasureKernel(),
      },
      { hasDistinctSubnets: false },
      PROFILE,
    )
    await consumer.start()
    const plaintext = new Uint8Array(SEGMENT_PLAIN_BYTES).map((_, index) => index * 13 + (index >> 9))
    const digest = createHash('sha256').update(plaintext).digest('hex')
    // The first segment also finds nodes, locks money and opens channels.
    const cold = await timed(() => consumer.segments.put(KEY, plaintext))
    const put = await timed(async () => {
      const references: Uint8Array[] = []
      for (let segment = 0; segment < SEGMENTS; segment++) references.push(await consumer.segments.put(KEY, plaintext))
      return references
    })
    const all = { fromByte: 0, toByte: plaintext.length }
    const get = await timed(async () => {
      for (const reference of put.value) {
        const bytes = await consumer.segments.read(reference, KEY, all)
        if (createHash('sha256').update(bytes).digest('hex') !== digest) throw new Error('a segment came back changed')
      }
    })
    const firstBytesMs: number[] = []
    for (let count = 0; count < FIRST_BYTES; count++) {
      const fromByte = (count * PLACE_STEP_BYTES) % SEGMENT_PLAIN_BYTES
      const one = { fromByte, toByte: fromByte + 1 }
      firstBytesMs.push((await timed(() => consumer.segments.read(cold.value, KEY, one))).ms)
    }
    const round = await timed(() => consumer.round())
    await consumer.stop()
    const rate = (ms: number): number => (SEGMENTS * SEGMENT_PLAIN_BYTES) / 1_000_000 / (ms / 1000)
    const row = { reference: undefined, target: undefined }
    return [
      benchRow({ ...row, name: 'the first segment, with nodes to find and money to lock', value: cold.ms, unit: 'ms' }),
      benchRow({ ...row, name: `put, 4-of-12 on ${NODES} nodes`, value: rate(put.ms), unit: 'MB/s' }),
      benchRow({ ...row, name: 'get', value: rate(get.ms), unit: 'MB/s' }),
      benchRow({
        ...row,
        name: `first byte, warm, median of ${FIRST_BYTES} places`,
        value: percentile(firstBytesMs, 0.5),
        unit: 'ms',
        target: { limit: 60, better: 'less' },
      }),
      benchRow({ ...row, name: 'a round of proofs and payments', value: round.ms, unit: 'ms' }),
    ]
  } finally {
    await network.stop()
  }
}

async function timed<Value>(work: () => Promise<Value>): Promise<{ readonly value: Value; readonly ms: number }> {
  const start = performance.now()
  const value = await work()
  return { value, ms: performance.now() - start }
}
