import type { ContentId } from '@stead/core'
import type { Task } from '@stead/protocol'
import type { CallInput } from '@stead/sandbox'

const NOTHING = new Uint8Array(0)

/** Makes the sandbox's call of a task, with each blob from `gather`, in the task's order. @throws whatever `gather` throws */
export async function callOfBlobs(task: Task, gather: (id: ContentId) => Promise<Uint8Array>): Promise<CallInput> {
  const parts: Uint8Array[] = []
  for (const id of task.input) parts.push(await gather(id))
  const files = new Map<string, Uint8Array>()
  for (const { path, content } of task.files) files.set(path, await gather(content))
  const input = joined(parts)
  const isCommand = task.kind === 'command'
  return {
    kind: task.kind,
    args: task.args,
    stdin: isCommand ? input : NOTHING,
    files,
    input: isCommand ? NOTHING : input,
    seed: task.seed,
    declaredTimeMs: task.declaredTime,
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts
  if (parts.length <= 1) return only ?? NOTHING
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.length
  }
  return whole
}
