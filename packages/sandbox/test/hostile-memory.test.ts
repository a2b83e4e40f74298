import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ProcessExecutor } from '../src/node/index.ts'
import { functionCall, limits } from './calls.ts'
import { ModuleBuilder, op } from './module-builder.ts'
import { childPids } from './processes.ts'

const MIB = 2 ** 20
const hasPrlimit = process.platform === 'linux' && spawnSync('prlimit', ['--version']).status === 0
if (!hasPrlimit)
  process.stderr.write('\n*** A MACHINE THAT RUNS OUT OF MEMORY IS NOT TESTED: prlimit (util-linux) is missing\n')

/** Takes 256 MiB at a time until it gets no more, and ends well: what it was refused must not be seen in its result. */
function contentGuest(): Uint8Array {
  return new ModuleBuilder()
    .steadFunction([op.loop(op.i32(4096), 0x40, 0, op.i32(-1), 0x47, op.brIf(0)), op.i64(0)])
    .build()
}

type Resource = 'data' | 'as'

/** How much of a resource a process has, in bytes. */
function taken(pid: number, resource: Resource): number {
  const field = resource === 'data' ? 'VmData' : 'VmSize'
  const kibibytes = new RegExp(`${field}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kibibytes) * 1024
}

/** Sets the soft limit, which can be lifted again. */
function limitTo(pid: number, resource: Resource, bytes: number | 'unlimited'): void {
  const { status, stderr } = spawnSync('prlimit', ['--pid', String(pid), `--${resource}=${bytes}:`])
  if (status !== 0) throw new Error(`prlimit failed: ${String(stderr)}`)
}

test.runIf(hasPrlimit).each([
  ['has no more pages for a guest that grows', 'data', 600 * MIB, /^host-out-of-memory$/],
  // The engine itself may be what needs an address next, and then ends the thread.
  ['has no addresses for an instance', 'as', 2048 * MIB, /^(host-out-of-memory|worker-died|executor-died)$/],
] as const)(
  'a machine that %s is at fault, and the same call is fine when it has',
  async (_name, resource, moreBytes, code) => {
    const others = childPids()
    const executor = new ProcessExecutor({}, { workersMax: 1 })
    await executor.start()
    try {
      const module = await executor.load(contentGuest())
      const pids = childPids().filter((pid) => !others.includes(pid))
      const run = () => executor.run(module, functionCall(), limits({ memoryPages: 16_384, fuel: 2n ** 50n }))
      for (const pid of pids) limitTo(pid, resource, taken(pid, resource) + moreBytes)
      expect(await run()).toMatchObject({ status: 'node-fault', code: expect.stringMatching(code) })
      for (const pid of pids) limitTo(pid, resource, 'unlimited')
      expect(await run()).toMatchObject({ status: 'ok' })
    } finally {
      await executor.stop()
    }
  },
  30_000,
)
