import type { Fuel } from '@stead/core'
import { messageOf } from '@stead/core'
import { type CallInput, type Executor, InlineExecutor, type Limits, type Outcome } from '@stead/sandbox'
import type { DoctorCheck, DoctorReport } from '@stead/sdk/api'
import type { SteadNode } from '../daemon/stead-node.ts'

/**
 * A function module that gives back its input, written by hand:
 * `(memory 1) (func stead_alloc (param i32) (result i32) i32.const 1024)
 *  (func stead_run (param i32 i32) (result i64) ptr << 32 | len)`.
 */
const ECHO_MODULE = Uint8Array.from([
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  ...[0x01, 0x0c, 0x02, 0x60, 0x01, 0x7f, 0x01, 0x7f, 0x60, 0x02, 0x7f, 0x7f, 0x01, 0x7e],
  ...[0x03, 0x03, 0x02, 0x00, 0x01],
  ...[0x05, 0x03, 0x01, 0x00, 0x01],
  // Exports: memory, stead_alloc, stead_run.
  ...[0x07, 0x24, 0x03],
  ...[0x06, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 0x02, 0x00],
  ...[0x0b, 0x73, 0x74, 0x65, 0x61, 0x64, 0x5f, 0x61, 0x6c, 0x6c, 0x6f, 0x63, 0x00, 0x00],
  ...[0x09, 0x73, 0x74, 0x65, 0x61, 0x64, 0x5f, 0x72, 0x75, 0x6e, 0x00, 0x01],
  // Code: i32.const 1024; then (i64.extend_i32_u ptr << 32) | i64.extend_i32_u len.
  ...[0x0a, 0x14, 0x02],
  ...[0x05, 0x00, 0x41, 0x80, 0x08, 0x0b],
  ...[0x0c, 0x00, 0x20, 0x00, 0xad, 0x42, 0x20, 0x86, 0x20, 0x01, 0xad, 0x84, 0x0b],
])

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
