import { type MessagePort, parentPort } from 'node:worker_threads'
import { isSteadError, messageOf } from '@stead/core'
import { SandboxError } from '../errors.ts'
import { type CompiledModule, prepareModule } from '../prepare.ts'
import { CallRunner } from '../run.ts'
import { webAssembly } from '../webassembly.ts'
import { readCall, readLoad, writeOutcome } from './call-codec.ts'
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

const NO_FRAMES = new Uint8Array(0)

/** Entry of a worker thread of the executor process: runs calls and loads modules, one after the other. */
export function start(payload: WorkerStart): void {
  if (parentPort === null) throw new TypeError('worker.ts is the entry of a worker thread')
  dropWorkerPermission()
  const jobs = new JobRunner(parentPort, new Int32Array(payload.shared))
  parentPort.on('message', (message: ToWorker) => jobs.take(message))
}

/** A thread that may start threads could give them arguments that lift the permission model. In Node.js 26 it can stop. */
function dropWorkerPermission(): void {
  const { permission } = process as { readonly permission?: { readonly drop?: (scope: string) => void } }
  permission?.drop?.('worker')
}

class JobRunner {
  readonly #port: MessagePort
  readonly #shared: Int32Array
  readonly #modules = new Map<number, CompiledModule>()
  readonly #out = new WireWriter(64 * 1024)
  readonly #calls = new CallRunner()

  constructor(port: MessagePort, shared: Int32Array) {
    this.#port = port
    this.#shared = shared
  }

  take(message: ToWorker): void {
    for (const { handle, module, facts } of message.modules) this.#modules.set(handle, { module, facts })
    for (const handle of message.dropped) this.#modules.delete(handle)
    const jobs = new WireReader(message.jobs)
    while (jobs.remaining > 0) this.#takeJob(jobs)
  }

  #takeJob(jobs: WireReader): void {
    const slot = jobs.u32()
    const kind = jobs.u8()
    const id = jobs.u32()
    const handle = jobs.u32()
    const payload = jobs.bytes()
    const shared = this.#shared
    const state = SharedCell.firstState + slot
    if (Atomics.compareExchange(shared, state, SlotState.queued, SlotState.running) !== SlotState.queued) {
      this.#post({ slot, frames: NO_FRAMES, loaded: undefined })
      return
    }
    Atomics.store(shared, SharedCell.startedMs, sharedNowMs())
    Atomics.store(shared, SharedCell.runningSlot, slot)
    const loaded = kind === JobKind.load ? this.#load(handle, payload) : this.#run(id, handle, payload)
    Atomics.store(shared, SharedCell.runningSlot, NOTHING_RUNS)
    const frames = this.#out.take()
    // When the main thread condemned the job first, it has been answered as timed out and this thread is about to end.
    if (Atomics.compareExchange(shared, state, SlotState.running, SlotState.done) !== SlotState.running) return
    // Sent at once, not with the next job's result: nobody knows how long that one takes.
    this.#post({ slot, frames, loaded })
  }

  #run(id: number, handle: number, payload: Uint8Array): undefined {
    const { call, limits } = readCall(new WireReader(payload))
    const compiled = this.#modules.get(handle)
    const outcome =
      compiled === undefined
        ? ({ status: 'node-fault', code: 'internal', message: 'module is not in this worker' } as const)
        : this.#calls.run(compiled, call, limits)
    const frame = this.#out.beginFrame(ToParent.outcome)
    this.#out.u32(id)
    writeOutcome(this.#out, outcome)
    this.#out.endFrame(frame)
  }

  #load(handle: number, payload: Uint8Array): SharedModule | undefined {
    let loaded: SharedModule | undefined
    let answer: { readonly facts: CompiledModule['facts'] } | { readonly error: object }
    try {
      const { floats, bytes } = readLoad(new WireReader(payload))
      const { facts, metered } = prepareModule(bytes, floats)
      const module = new webAssembly.Module(metered)
      this.#modules.set(handle, { module, facts })
      loaded = { handle, module, facts }
      answer = { facts }
    } catch (error) {
      const told = isSteadError(error)
        ? error
        : new SandboxError('SANDBOX_EXECUTOR_FAILED', `the module could not be compiled: ${messageOf(error)}`)
      answer = { error: { code: told.code, message: told.message, details: told.details } }
    }
    const frame = this.#out.beginFrame(ToParent.loaded)
    this.#out.u32(handle)
    this.#out.text(JSON.stringify(answer))
    this.#out.endFrame(frame)
    return loaded
  }

  #post(message: FromWorker): void {
    this.#port.postMessage(message, message.frames.length > 0 ? [message.frames.buffer] : [])
  }
}
