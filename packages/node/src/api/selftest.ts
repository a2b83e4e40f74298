import type { Fuel } from '@stead/core'
import { messageOf } from '@stead/core'
import { type CallInput, ECHO_MODULE, type Executor, InlineExecutor, type Limits, type Outcome } from '@stead/sandbox'
import type { DoctorCheck, DoctorReport } from '@stead/sdk/api'
import type { SteadNode } from '../daemon/stead-node.ts'

const LIMITS: Limits = { fuel: 1_000_000n as Fuel, memoryPages: 4, outputBytes: 4096, timeMs: 10_000 }

/** Runs a known task in the node's own sandbox and compares bytes and fuel with a run on this thread. */
export async function runSelftest(node: SteadNode): Promise<DoctorReport> {
  const checks: DoctorCheck[] = []
  try {
    const message = new TextEncoder().encode('the same bytes and the same fuel everywhere')
    const inline = new InlineExecutor()
    await inline.start()
    const expected = await runEcho(inline, message)
    await inline.stop()
    const startedMs = performance.now()
    const got = await runEcho(node.executor, message)
    const tookMs = Math.round((performance.now() - startedMs) * 10) / 10
    checks.push({
      name: 'task',
      state: got.status === 'ok' ? 'ok' : 'failed',
      detail: `ended ${got.status} in ${tookMs} ms`,
    })
    const isSame = describe(expected) === describe(got)
    checks.push({
      name: 'determinism',
      state: isSame ? 'ok' : 'failed',
      detail: isSame ? `both runs gave ${describe(got)}` : `expected ${describe(expected)}, got ${describe(got)}`,
      ...(isSame ? {} : { next: 'Do not sell compute with this machine; report its processor and Node.js version.' }),
    })
  } catch (error) {
    checks.push({ name: 'task', state: 'failed', detail: messageOf(error), next: 'See what is wrong: stead doctor' })
  }
  return { healthy: checks.every((check) => check.state === 'ok'), checks }
}

async function runEcho(executor: Executor, input: Uint8Array): Promise<Outcome> {
  const module = await executor.load(ECHO_MODULE)
  const call: CallInput = {
    kind: 'function',
    args: [],
    stdin: new Uint8Array(0),
    files: new Map(),
    input,
    seed: new Uint8Array(32),
    declaredTimeMs: 0,
  }
  return await executor.run(module, call, LIMITS)
}

function describe(outcome: Outcome): string {
  if (outcome.status !== 'ok') return outcome.status
  return `${JSON.stringify(new TextDecoder().decode(outcome.output))} for ${outcome.fuel} fuel`
}
