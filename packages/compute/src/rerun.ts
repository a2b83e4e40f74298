import type { ContentId } from '@stead/core'
import type { Task } from '@stead/protocol'
import type { Executor, Outcome } from '@stead/sandbox'
import { callOfBlobs } from './call-input.ts'
import { ComputeError } from './errors.ts'
import { floatsOf } from './floats.ts'

/**
 * Runs a task on an executor of one's own, as an auditor or a self-test does.
 * @throws ComputeError COMPUTE_BLOB_MISSING when `blobs` does not have the module or an input
 * @throws SandboxError as Executor.load and Executor.run
 */
export async function outcomeOfTask(
  task: Task,
  components: {
    readonly executor: Executor
    readonly blobs: (id: ContentId) => Promise<Uint8Array | undefined>
  },
): Promise<Outcome> {
  const { executor, blobs } = components
  const required = async (id: ContentId): Promise<Uint8Array> => {
    const bytes = await blobs(id)
    if (bytes === undefined)
      throw new ComputeError('COMPUTE_BLOB_MISSING', `the blob ${id} is not here`, { details: { id } })
    return bytes
  }
  const module = await executor.load(await required(task.module), { floats: floatsOf(task) })
  return executor.run(module, await callOfBlobs(task, required), task.limits)
}
