import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type BenchRow, benchRow } from './row.ts'

/** Share of a raw TLS connection's speed that a data connection is to reach. */
const SHARE_OF_RAW = 0.7
const ROUNDS = 7

interface Figures {
  readonly megabytesPerSecond: number
  readonly cpuSecondsPerGigabyte: number
}

type Ways = Readonly<Record<'rawGet' | 'bulkGet' | 'streamGet' | 'rawPut' | 'bulkPut' | 'streamPut', Figures>>

/** Requests of 1 MiB, 8 in flight, between two processes: data connection and libp2p stream beside a raw TLS copy. */
export async function benchBulk(): Promise<readonly BenchRow[]> {
  const script = join(import.meta.dirname, '../../packages/libp2p/bench/bulk.ts')
  const args = ['--conditions=@stead/source', script, String(ROUNDS)]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  const ways = JSON.parse(stdout) as Ways
  const directions = [
    ['1 MiB answers', ways.rawGet, ways.bulkGet, ways.streamGet],
    ['1 MiB requests', ways.rawPut, ways.bulkPut, ways.streamPut],
  ] as const
  return directions.flatMap(([what, raw, bulk, stream]) => {
    const speed = { name: 'raw node:tls', value: raw.megabytesPerSecond }
    const cpu = { name: 'raw node:tls', value: raw.cpuSecondsPerGigabyte }
    const target = { limit: SHARE_OF_RAW * raw.megabytesPerSecond, better: 'more' } as const
    const unit = 'MB/s'
    return [
      benchRow({ name: `${what}, data connection`, unit, value: bulk.megabytesPerSecond, reference: speed, target }),
      benchRow({
        name: '  libp2p stream',
        unit,
        value: stream.megabytesPerSecond,
        reference: speed,
        target: undefined,
      }),
      ...(
        [
          ['data connection', bulk.cpuSecondsPerGigabyte],
          ['libp2p stream', stream.cpuSecondsPerGigabyte],
        ] as const
      ).map(([way, value]) =>
        benchRow({ name: `  ${way}, both ends`, unit: 'CPU s/GB', value, reference: cpu, target: undefined }),
      ),
    ]
  })
}
