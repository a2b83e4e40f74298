import type { ModuleFacts } from '../prepare.ts'
import type { WasmModule } from '../webassembly.ts'

/** A compiled module under the number that the parent process gave it. */
export interface SharedModule {
  readonly handle: number
  readonly module: WasmModule
  readonly facts: ModuleFacts
}

/** From the executor's main thread to a worker. */
export interface ToWorker {
  readonly modules: readonly SharedModule[]
  readonly dropped: readonly number[]
  /** Jobs, one after the other; see {@link JobKind}. */
  readonly jobs: Uint8Array
}

/** From a worker to the executor's main thread: one job is over. */
export interface FromWorker {
  /** Free again. */
  readonly slot: number
  /** The job's answer as a frame for the parent process; empty when the job had been revoked. */
  readonly frames: Uint8Array<ArrayBuffer>
  /** The module that the job made ready. */
  readonly loaded: SharedModule | undefined
}

/** Given to a worker when it starts. */
export interface WorkerStart {
  readonly shared: SharedArrayBuffer
}

/** What a job asks for: `u32 slot, u8 kind, u32 id, u32 handle, bytes payload`. */
export const JobKind = { call: 0, load: 1 } as const

/** Jobs that one worker may hold, the running one included. */
export const WORKER_SLOTS = 32

/**
 * The memory that a worker shares with the executor's main thread, so that each job is begun by one worker or taken
 * back, and ends as a result or as a time-out, but never both.
 */
export const SharedCell = { runningSlot: 0, startedMs: 1, firstState: 2 } as const

/** Bytes of that memory: 32-bit cells. */
export const SHARED_BYTES: number = (SharedCell.firstState + WORKER_SLOTS) * 4

/** States of a slot in shared memory. Main: free -> queued, queued -> revoked, running -> condemned; worker: the rest. */
export const SlotState = { free: 0, queued: 1, running: 2, done: 3, revoked: 4, condemned: 5 } as const

/** Value of the running slot's cell when nothing runs. */
export const NOTHING_RUNS = -1

/** Milliseconds of the monotonic clock that all threads of a process share, modulo 2^31. */
export function sharedNowMs(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return (seconds * 1000 + Math.trunc(nanoseconds / 1_000_000)) & 0x7fff_ffff
}

/** Milliseconds from one {@link sharedNowMs} to a later one. */
export function elapsedMs(fromMs: number, toMs: number): number {
  return (toMs - fromMs) & 0x7fff_ffff
}
