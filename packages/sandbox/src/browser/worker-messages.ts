import type { ErrorDetails } from '@stead/core'
import type { CallInput, Limits, Outcome } from '../call.ts'
import type { SandboxErrorCode } from '../errors.ts'
import type { ModuleFacts } from '../prepare.ts'
import type { FloatMode } from '../strict/float-mode.ts'
import type { WasmModule } from '../webassembly.ts'

/** A compiled module under the number that its page gave it. */
export interface NumberedModule {
  readonly handle: number
  readonly facts: ModuleFacts
  readonly module: WasmModule
}

/** Asks a worker to check, meter and compile. */
export interface LoadRequest {
  readonly kind: 'load'
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly floats: FloatMode
}

/** Asks a worker for one call. */
export interface CallRequest {
  readonly kind: 'call'
  readonly handle: number
  readonly call: CallInput
  readonly limits: Limits
}

/** From the page to a worker: modules that it lacks and may forget, and one job; structured clone. */
export interface ToWorker {
  readonly added: NumberedModule | undefined
  readonly dropped: number | undefined
  readonly request: LoadRequest | CallRequest
}

/** A worker's answer to one job. */
export type Answer =
  | { readonly kind: 'outcome'; readonly outcome: Outcome }
  | { readonly kind: 'loaded'; readonly facts: ModuleFacts; readonly module: WasmModule }
  | {
      readonly kind: 'refused'
      readonly code: SandboxErrorCode
      readonly message: string
      readonly details: ErrorDetails
    }

/** From a worker to its page: first `ready`, then one answer for each job. */
export type FromWorker = { readonly kind: 'ready' } | Answer
