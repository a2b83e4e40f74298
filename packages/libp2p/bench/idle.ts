import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { systemClock } from '../test/support/system-ports.ts'

/**
 * Starts nodes in processes of their own, lets them settle for 20 s, and prints what each costs while nothing happens, as
 * JSON. Usage: `node --conditions=@stead/source packages/libp2p/bench/idle.ts [nodes] [seconds] [node flags…]`
 */
const nodes = Number(process.argv[2] ?? 5)
const seconds = Number(process.argv[3] ?? 60)
const flags = process.argv.slice(4)
const SETTLE_MS = 20_000

interface Cost {
  readonly cpuMs: number
  readonly rssMib: number
  readonly connected: number
}

async function ask<Answer>(child: ChildProcess): Promise<Answer> {
  const [answer] = (await once(child, 'message')) as [Answer]
  return answer
}

async function costOf(child: ChildProcess): Promise<Cost> {
  child.send('cost')
  return await ask<Cost>(child)
}

const children: ChildProcess[] = []
const bootstrap: string[] = []
for (let i = 0; i < nodes; i++) {
  const child = fork(new URL('./idle-node.ts', import.meta.url), bootstrap, {
    execArgv: ['--conditions=@stead/source', ...flags],
  })
  children.push(child)
  const { address } = await ask<{ address: string }>(child)
  if (bootstrap.length === 0) bootstrap.push(address)
}
await systemClock.sleep(SETTLE_MS)
await Promise.all(children.map(costOf))
const startMs = performance.now()
await systemClock.sleep(seconds * 1000)
const costs = await Promise.all(children.map(costOf))
const elapsedMs = performance.now() - startMs
console.log(
  JSON.stringify({
    nodes,
    seconds,
    flags,
    cpuPercentOfCore: costs.map(({ cpuMs }) => Number(((100 * cpuMs) / elapsedMs).toFixed(2))),
    rssMib: costs.map(({ rssMib }) => Math.round(rssMib)),
    connected: costs.map(({ connected }) => connected),
  }),
)
for (const child of children) child.disconnect()
