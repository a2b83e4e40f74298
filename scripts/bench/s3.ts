import { type ChildProcess, spawn } from 'node:child_process'
import { Agent, request as openRequest } from 'node:http'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { presign, type Signer } from '../../packages/gateway/test/signing-client.ts'
import { ShiftedClock } from '../../packages/gateway/test/system-ports.ts'
import { type BenchRow, benchRow } from './row.ts'

const MB = 1_000_000
const GB = 1000 * MB
const ROUNDS = 3
const SMALL_BYTES = 4096
const SMALL_REQUESTS = 4000
const AT_ONCE = 16
const EXPIRES_SECONDS = 3600

/** The process that serves, and what is known of it. */
class ServingProcess {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>
  peakBytes = 0

  constructor(kind: 'gateway' | 'plain') {
    const file = join(import.meta.dirname, 's3-process.ts')
    this.#child = spawn(process.execPath, [...process.execArgv, file, kind], { stdio: ['pipe', 'pipe', 'inherit'] })
    if (this.#child.stdout === null) throw new Error('the process has no output')
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
  }

  async line(): Promise<Record<string, unknown>> {
    const next = await this.#lines.next()
    if (next.done === true) throw new Error('the process that serves has ended')
    return JSON.parse(next.value)
  }

  /** Notes how much memory it has now. */
  async look(): Promise<void> {
    this.#child.stdin?.write('rss\n')
    const { rssBytes } = await this.line()
    this.peakBytes = Math.max(this.peakBytes, Number(rssBytes))
  }

  stop(): void {
    this.#child.kill()
  }
}

const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE })

/** One request to its end; gives the bytes that came. */
function exchange(method: string, address: string, bodyBytes: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const { hostname, port, pathname, search } = new URL(address)
  const headers = method === 'PUT' ? { 'content-length': bodyBytes } : {}
  const options = { hostname, port, path: `${pathname}${search}`, method, headers, agent }
  const sending = openRequest(options, (answer) => {
    let cameBytes = 0
    answer.on('data', (bytes: Uint8Array) => {
      cameBytes += bytes.length
    })
    answer.on('error', reject)
    answer.on('end', () => (answer.statusCode === 200 ? resolve(cameBytes) : reject(new Error(`${answer.statusCode}`))))
  })
  sending.on('error', reject)
  void sendBytes(sending, bodyBytes)
  return promise
}

async function sendBytes(sending: ReturnType<typeof openRequest>, lengthBytes: number): Promise<void> {
  const chunk = new Uint8Array(256 * 1024)
  for (let left = lengthBytes; left > 0; left -= chunk.length)
    if (!sending.write(chunk.subarray(0, left))) await new Promise((resolve) => sending.once('drain', resolve))
  sending.end()
}

/** One measurement of a server, and its addresses. */
type Measure = (address: string) => Promise<number>

/** The S3 gateway over a store that costs nothing: what signatures, hashes and answers cost beside plain node:http. */
export async function benchS3(): Promise<readonly BenchRow[]> {
  const gateway = new ServingProcess('gateway')
  const plain = new ServingProcess('plain')
  try {
    const signed = (await gateway.line()) as unknown as Omit<Signer, 'clock'>
    const { endpoint } = await plain.line()
    const signer = { ...signed, clock: new ShiftedClock() }
    const both = async (method: string, lengthBytes: number, measure: Measure): Promise<[number, number]> => {
      const path = `/bench/${lengthBytes}`
      const address = `${signer.endpoint}${presign(signer, { method, target: path }, EXPIRES_SECONDS)}`
      const best: [number, number] = [0, 0]
      // In turn, and the best of some rounds: others use the machine too.
      for (let round = 0; round < ROUNDS; round++) {
        best[0] = Math.max(best[0], await measure(address))
        best[1] = Math.max(best[1], await measure(`${endpoint}${path}`))
        await gateway.look()
        await plain.look()
      }
      return best
    }
    const row = (name: string, unit: string, [value, reference]: [number, number], limit?: number): BenchRow => {
      const target = limit === undefined ? undefined : ({ limit, better: 'more' } as const)
      return benchRow({ name, unit, value, reference: { name: 'plain node:http', value: reference }, target })
    }
    const get = await both('GET', GB, (address) => megabytesPerSecond('GET', address))
    const put = await both('PUT', GB, (address) => megabytesPerSecond('PUT', address))
    const small = await both('GET', SMALL_BYTES, smallPerSecond)
    return [
      row('S3 get of 1 GB', 'MB/s', get, 100),
      row('S3 put of 1 GB, with its MD5', 'MB/s', put),
      row('S3 get of 4 KiB', 'per second', small, 1000),
      benchRow({
        name: 'memory of the gateway meanwhile',
        unit: 'MB',
        value: gateway.peakBytes / MB,
        reference: { name: 'plain node:http', value: plain.peakBytes / MB },
        target: { limit: 200, better: 'less' },
      }),
    ]
  } finally {
    agent.destroy()
    gateway.stop()
    plain.stop()
  }
}

async function megabytesPerSecond(method: 'GET' | 'PUT', address: string): Promise<number> {
  const start = performance.now()
  await exchange(method, address, method === 'PUT' ? GB : 0)
  return GB / MB / ((performance.now() - start) / 1000)
}

async function smallPerSecond(address: string): Promise<number> {
  const start = performance.now()
  let left = SMALL_REQUESTS
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1
      await exchange('GET', address, 0)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return SMALL_REQUESTS / ((performance.now() - start) / 1000)
}
