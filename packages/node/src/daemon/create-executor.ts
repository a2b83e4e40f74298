import type { Logger } from '@stead/core'
import type { Executor } from '@stead/sandbox'
import type { NodeConfig } from '../config/settings.ts'

/** Calls that wait or run at once, for each worker; more are refused as busy. */
const CALLS_PER_WORKER = 512

/**
 * An executor for this node's guests, not started yet: one worker for each task that runs at once. Its modules are loaded
 * with the first of them: a node without work needs none.
 */
export async function createExecutor(components: { readonly logger: Logger }, config: NodeConfig): Promise<Executor> {
  const { ProcessExecutor } = await import('@stead/sandbox/node')
  const { concurrency } = config.provide
  return new ProcessExecutor(components, { workersMax: concurrency, callsInFlightMax: CALLS_PER_WORKER * concurrency })
}
