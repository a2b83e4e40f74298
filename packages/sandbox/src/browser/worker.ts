/**
 * Entry of a web worker that runs guests for a `WorkerExecutor`; importing this file starts it. A page's bundler makes
 * the worker from a file that does nothing but import `@stead/sandbox/browser/worker`, named as
 * `new Worker(new URL('./that-file.js', import.meta.url), { type: 'module' })`.
 */
import { isSteadError, messageOf } from '@stead/core'
import type { Outcome } from '../call.ts'
import { SandboxError, type SandboxErrorCode } from '../errors.ts'
import { type CompiledModule, compileModule } from '../prepare.ts'
import { CallRunner } from '../run.ts'
import type { WebWorkerScope } from './web-worker.ts'
import type { Answer, CallRequest, FromWorker, LoadRequest, ToWorker } from './worker-messages.ts'

const scope = globalThis as unknown as WebWorkerScope
const modules = new Map<number, CompiledModule>()
const calls = new CallRunner()

function load({ bytes, floats }: LoadRequest): Answer {
  try {
    return { kind: 'loaded', ...compileModule(bytes, floats) }
  } catch (error) {
    const told = isSteadError(error)
      ? error
      : new SandboxError('SANDBOX_EXECUTOR_FAILED', `the module could not be compiled: ${messageOf(error)}`)
    return { kind: 'refused', code: told.code as SandboxErrorCode, message: told.message, details: told.details }
  }
}

function run({ handle, call, limits }: CallRequest): Answer {
  const compiled = modules.get(handle)
  const outcome: Outcome =
    compiled === undefined
      ? { status: 'node-fault', code: 'internal', message: 'module is not in this worker' }
      : calls.run(compiled, call, limits)
  return { kind: 'outcome', outcome }
}

/** Buffers that go to the page instead of being copied: those that hold one result and nothing else. */
function buffersOf(answer: Answer): ArrayBuffer[] {
  if (answer.kind !== 'outcome' || answer.outcome.status !== 'ok') return []
  const { output, stderr, files } = answer.outcome
  const found = new Set<ArrayBuffer>()
  for (const { buffer, byteLength } of [output, stderr, ...files.values()])
    if (byteLength > 0 && byteLength === buffer.byteLength) found.add(buffer as ArrayBuffer)
  return [...found]
}

function send(message: FromWorker, buffers: ArrayBuffer[] = []): void {
  scope.postMessage(message, buffers)
}

scope.addEventListener('message', ({ data }) => {
  const { added, dropped, request } = data as ToWorker
  if (added !== undefined) modules.set(added.handle, added)
  if (dropped !== undefined) modules.delete(dropped)
  const answer = request.kind === 'load' ? load(request) : run(request)
  send(answer, buffersOf(answer))
})

send({ kind: 'ready' })
