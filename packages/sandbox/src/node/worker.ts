/** Entry of a worker thread of the executor process: runs calls and loads modules, one after the other. */
import { parentPort, workerData } from 'node:worker_threads'
import { isSteadError, messageOf } from '@stead/core'
import { SandboxError } from '../errors.ts'
import { type CompiledModule, prepareModule } from '../prepare.ts'
import { runCall } from '../run.ts'
import { webAssembly } from '../webassembly.ts'
import { readCall, writeOutcome } from './call-codec.ts'
import { ToParent } from './frames.ts'
import { WireReader, WireWriter } from './wire-buffer.ts'
import {
  type FromWorker,
  JobKind,
  NOTHING_RUNS,
  SharedCell,
  type SharedModule,
  SlotState,
  sharedNowMs,
  type ToWorker,
  type WorkerStart,
} from './worker-messages.ts'

if (parentPort === null) throw new TypeError('worker.ts is the entry of a worker thread')
const port = parentPort
const shared = new Int32Array((workerData as WorkerStart).shared)
const modules = new Map<number, CompiledModule>()
const out = new WireWriter(64 * 1024)
const NO_FRAMES = new Uint8Array(0)

port.on('message', (message: ToWorker) => {
  for (const { handle, module, facts } of message.modules) modules.set(handle, { module, facts })
  for (const handle of message.dropped) modules.delete(handle)
  const jobs = new WireReader(message.jobs)
  while (jobs.remaining > 0) takeJob(jobs)
})

function takeJob(jobs: WireReader): void {
  const slot = jobs.u32()
  const kind = jobs.u8()
  const id = jobs.u32()
  const handle = jobs.u32()
  const payload = jobs.bytes()
  const state = SharedCell.firstState + slot
  if (Atomics.compareExchange(shared, state, SlotState.queued, SlotState.running) !== SlotState.queued) {
    post({ slot, frames: NO_FRAMES, loaded: undefined })
    return
  }
  Atomics.store(shared, SharedCell.startedMs, sharedNowMs())
  Atomics.store(shared, SharedCell.runningSlot, slot)
  const loaded = kind === JobKind.load ? loadModule(handle, payload) : runJob(id, handle, payload)
  Atomics.store(shared, SharedCell.runningSlot, NOTHING_RUNS)
  const frames = out.take()
  // When the main thread condemned the job first, it has been answered as timed out and this thread is about to end.
  if (Atomics.compareExchange(shared, state, SlotState.running, SlotState.done) !== SlotState.running) return
  // Sent at once, not with the next job's result: nobody knows how long that one takes.
  post({ slot, frames, loaded })
}

function runJob(id: number, handle: number, payload: Uint8Array): undefined {
  const { call, limits } = readCall(new WireReader(payload))
  const compiled = modules.get(handle)
  const outcome =
    compiled === undefined
      ? ({ status: 'node-fault', code: 'internal', message: 'module is not in this worker' } as const)
      : runCall(compiled, call, limits)
  const frame = out.beginFrame(ToParent.outcome)
  out.u32(id)
  writeOutcome(out, outcome)
  out.endFrame(frame)
}

function loadModule(handle: number, bytes: Uint8Array): SharedModule | undefined {
  let loaded: SharedModule | undefined
  let answer: { readonly facts: CompiledModule['facts'] } | { readonly error: object }
  try {
    const { facts, metered } = prepareModule(bytes)
    const module = new webAssembly.Module(metered)
    modules.set(handle, { module, facts })
    loaded = { handle, module, facts }
    answer = { facts }
  } catch (error) {
    const told = isSteadError(error)
      ? error
      : new SandboxError('SANDBOX_EXECUTOR_FAILED', `the module could not be compiled: ${messageOf(error)}`)
    answer = { error: { code: told.code, message: told.message, details: told.details } }
  }
  const frame = out.beginFrame(ToParent.loaded)
  out.u32(handle)
  out.text(JSON.stringify(answer))
  out.endFrame(frame)
  return loaded
}

function post(message: FromWorker): void {
  port.postMessage(message, message.frames.length > 0 ? [message.frames.buffer] : [])
}
