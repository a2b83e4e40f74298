import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger } from '@stead/core'
import { daemonClient } from '../../packages/cli/src/daemon-access.ts'
import { DevNetwork } from '../../packages/cli/src/dev/dev-network.ts'
import { root } from '../run-step.ts'
import { buildPublished, PUBLISHED_UP } from './published-daemon.ts'
import { type BenchRow, benchRow, percentile } from './row.ts'

/** Runs `measure` on a local network as `stead dev` starts it; its providers' daemons are published ones. */
async function withNetwork<Value>(providers: number, measure: (network: DevNetwork) => Promise<Value>): Promise<Value> {
  const directory = mkdtempSync(join(tmpdir(), 'stead-bench-'))
  const onFailure = (error: unknown): void => {
    throw error
  }
  const network = new DevNetwork(
    { logger: silentLogger, events: { onNotice: () => undefined, onFailure } },
    { directory, providers, partOf: () => ({ args: [], program: PUBLISHED_UP }) },
  )
  try {
    await buildPublished()
    await network.start()
    return await measure(network)
  } finally {
    await network.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Runs a command to its end; milliseconds from the start of its process. @throws Error with its output when it fails */
async function timed(command: string, args: readonly string[]): Promise<{ startedAt: number; durationMs: number }> {
  const startedAt = Date.now()
  const start = performance.now()
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  const output: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => output.push(chunk))
  const code = await new Promise((resolve) => child.once('close', resolve))
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${Buffer.concat(output)}`)
  return { startedAt, durationMs: performance.now() - start }
}

/** From the start of the `stead run` process to the first task given to a node, beside the start of a bare Node.js. */
export async function benchJobStart(): Promise<readonly BenchRow[]> {
  return await withNetwork(3, async (network) => {
    const client = daemonClient(network.layout.payerDir)
    const command = [join(root, 'packages/cli/bin/stead.mjs'), 'run', 'examples/hello-function']
    const startsMs: number[] = []
    const bareMs: number[] = []
    const seen = new Set<string>()
    for (let run = 0; run < 8; run++) {
      bareMs.push((await timed(process.execPath, ['-e', '0'])).durationMs)
      const { startedAt } = await timed(process.execPath, [...command, '--data-dir', network.layout.root, '--json'])
      const job = (await client.listJobs()).jobs.find((each) => !seen.has(each.id))
      if (job === undefined) throw new Error('the job is not listed')
      seen.add(job.id)
      for await (const event of client.watchJob(job.id)) {
        if (event.type !== 'placed') continue
        // The first run builds the module, starts the executors and opens the channels.
        if (run > 0) startsMs.push(event.at - startedAt)
        break
      }
    }
    return [
      benchRow({
        name: 'stead run to first task placed, network up, median',
        unit: 'ms',
        value: percentile(startsMs, 0.5),
        reference: { name: 'bare Node.js start', value: percentile(bareMs, 0.5) },
        target: { limit: 300, better: 'less' },
      }),
    ]
  })
}

/** Resident memory in MB and CPU time in seconds of a process and its children, as Linux counts them. */
function usageOf(pid: number): { residentMB: number; cpuSeconds: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const kilobytes = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0)
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  let residentMB = kilobytes / 1000
  let cpuSeconds = (Number(fields[11]) + Number(fields[12])) / 100
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  for (const child of children === '' ? [] : children.split(' ')) {
    const usage = usageOf(Number(child))
    residentMB += usage.residentMB
    cpuSeconds += usage.cpuSeconds
  }
  return { residentMB, cpuSeconds }
}

const IDLE_SECONDS = 60

/** What a provider's daemon takes while there is no work, over a minute, beside a bare Node.js process. */
export async function benchIdle(): Promise<readonly BenchRow[]> {
  if (process.platform !== 'linux') throw new Error('the idle bench reads /proc and needs Linux')
  const bare = spawn(process.execPath, ['-e', 'setInterval(() => 0, 1000)'], { stdio: 'ignore' })
  try {
    return await withNetwork(5, async (network) => {
      const daemon = network.processOf('provider-2')
      if (daemon === undefined) throw new Error('no provider')
      await new Promise((resolve) => setTimeout(resolve, 5000))
      const before = usageOf(daemon.pid)
      await new Promise((resolve) => setTimeout(resolve, IDLE_SECONDS * 1000))
      const after = usageOf(daemon.pid)
      const cpuPercent = ((after.cpuSeconds - before.cpuSeconds) / IDLE_SECONDS) * 100
      return [
        benchRow({
          name: 'idle provider, resident memory, executor included',
          unit: 'MB',
          value: after.residentMB,
          reference: { name: 'bare Node.js', value: usageOf(bare.pid ?? 0).residentMB },
          target: { limit: 130, better: 'less' },
        }),
        benchRow({
          name: 'idle provider, CPU over a minute',
          unit: '% of a core',
          value: cpuPercent,
          reference: undefined,
          target: { limit: 1, better: 'less' },
        }),
      ]
    })
  } finally {
    bare.kill()
  }
}
