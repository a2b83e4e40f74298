import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import type { JobRequest, Verification } from '@stead/compute'
import { fuel, microUsd, type UnixMs } from '@stead/core'
import { METER_VERSION } from '@stead/sandbox/facts'
import { echoModule } from './echo-module.ts'
import { type BenchRow, benchRow, percentile } from './row.ts'
import { TrialNetwork } from './trial-network.ts'

const INPUT_BYTES = 1024

interface TrialRun {
  /** From asking to the checked answer, per task. */
  readonly roundTripsMs: readonly number[]
  /** From the first placement to the last receipt. */
  readonly seconds: number
  readonly tasks: number
}

/** Runs a job of `count` tasks of 1 kB in and out, and checks that every one was delivered and paid. */
async function runJob(
  network: TrialNetwork,
  job: { readonly count: number; readonly pipelineDepth: number; readonly verification: Verification },
): Promise<TrialRun> {
  const { consumer, blobs } = await network.consumer(job.pipelineDepth)
  const module = await blobs.cache.put(await echoModule())
  const tasks: JobRequest['tasks'][number][] = []
  for (let number = 0; number < job.count; number++) {
    const input = await blobs.cache.put(randomBytes(INPUT_BYTES))
    const limits = { fuel: fuel(1_000_000n), memoryPages: 16, outputBytes: 65_536, timeMs: 10_000 }
    const task = {
      version: 1,
      kind: 'function',
      module,
      meterVersion: METER_VERSION,
      args: [],
      input: [input],
      files: [],
      limits,
      seed: new Uint8Array(32),
      declaredTime: 0 as UnixMs,
    } as const
    tasks.push({ key: String(number), task })
  }
  const maxCostMicroUsd = microUsd(100_000_000n)
  const handle = await consumer.submit({ name: 'bench', tasks, verification: job.verification, maxCostMicroUsd })
  const { status } = await handle.result()
  if (status.state !== 'complete' || status.tasks.succeeded !== job.count) {
    throw new Error(
      `the job ended ${status.state}: ${JSON.stringify(status.tasks)} ${JSON.stringify(status.unfinished)}`,
    )
  }
  const roundTripsMs: number[] = []
  let firstAt = Number.POSITIVE_INFINITY
  let lastAt = 0
  for await (const event of handle.events(1)) {
    if (event.type === 'placed') firstAt = Math.min(firstAt, event.at)
    if (event.type === 'answered') roundTripsMs.push(event.durationMs)
    lastAt = Math.max(lastAt, event.at)
  }
  await consumer.stop()
  return { roundTripsMs, seconds: (lastAt - firstAt) / 1000, tasks: job.count }
}

/** Bare round trips of 1 kB over one TCP connection to another process. */
async function tcpRoundTrips(port: number, count: number): Promise<readonly number[]> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  const message = randomBytes(INPUT_BYTES)
  const samples: number[] = []
  let received = 0
  let answered: () => void = () => undefined
  socket.on('data', (bytes) => {
    received += bytes.length
    if (received >= INPUT_BYTES) answered()
  })
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  for (let number = 0; number < count; number++) {
    received = 0
    const start = performance.now()
    const answer = new Promise<void>((resolve) => {
      answered = resolve
    })
    socket.write(message)
    await answer
    samples.push(performance.now() - start)
  }
  socket.destroy()
  return samples.slice(Math.floor(count / 10))
}

/** The warm task round trip between two processes, paid and metered, beside a bare TCP round trip between two others. */
export async function benchRoundTrip(): Promise<readonly BenchRow[]> {
  const network = new TrialNetwork()
  try {
    await network.start(1, 1)
    await runJob(network, { count: 1000, pipelineDepth: 0, verification: { mode: 'trust' } })
    const tcp = await tcpRoundTrips(await network.startEcho(), 5000)
    const { roundTripsMs } = await runJob(network, { count: 4000, pipelineDepth: 0, verification: { mode: 'trust' } })
    const rows: readonly (readonly [string, number, number])[] = [
      ['p50', 0.5, 0.8],
      ['p99', 0.99, 4],
    ]
    return rows.map(([name, share, limit]) =>
      benchRow({
        name: `warm task round trip, 1 kB, paid and metered, ${name}`,
        unit: 'ms',
        value: percentile(roundTripsMs, share),
        reference: { name: 'bare TCP', value: percentile(tcp, share) },
        target: { limit, better: 'less' },
      }),
    )
  } finally {
    await network.stop()
  }
}

/** Bare requests per second with 64 in flight over one TCP connection. */
async function tcpThroughput(port: number, seconds: number): Promise<number> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  const message = randomBytes(INPUT_BYTES)
  let bytesBack = 0
  socket.on('data', (bytes) => {
    const before = Math.floor(bytesBack / INPUT_BYTES)
    bytesBack += bytes.length
    const answers = Math.floor(bytesBack / INPUT_BYTES) - before
    for (let answer = 0; answer < answers; answer++) socket.write(message)
  })
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  const start = performance.now()
  for (let number = 0; number < 64; number++) socket.write(message)
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
  socket.destroy()
  return bytesBack / INPUT_BYTES / ((performance.now() - start) / 1000)
}

/** Tasks per second with 64 in flight, verified and paid, settlement of the last voucher included. */
export async function benchThroughput(): Promise<readonly BenchRow[]> {
  const rows: BenchRow[] = []
  const trials = [
    { providers: 1, concurrency: 2, pipelineDepth: 62, verification: { mode: 'trust' }, target: 5000 },
    { providers: 4, concurrency: 1, pipelineDepth: 15, verification: { mode: 'adaptive' }, target: undefined },
  ] as const
  for (const { providers, concurrency, pipelineDepth, verification, target } of trials) {
    const network = new TrialNetwork()
    try {
      await network.start(providers, concurrency)
      await runJob(network, { count: 3000, pipelineDepth, verification })
      const tcp = await tcpThroughput(await network.startEcho(), 1)
      const run = await runJob(network, { count: 15_000, pipelineDepth, verification })
      rows.push(
        benchRow({
          name: `tasks, 64 in flight, ${providers} provider${providers === 1 ? '' : 's'}, ${verification.mode}`,
          unit: '/s',
          value: run.tasks / run.seconds,
          reference: { name: 'bare TCP', value: tcp },
          target: target === undefined ? undefined : { limit: target, better: 'more' },
        }),
      )
    } finally {
      await network.stop()
    }
  }
  return rows
}
