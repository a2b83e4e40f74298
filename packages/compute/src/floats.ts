import type { Task } from '@stead/protocol'
import type { FloatMode } from '@stead/sandbox'

/** The mode in which a task's floats are computed: its document names it only when it is strict. */
export function floatsOf(task: Task): FloatMode {
  return task.floats ?? 'raw'
}
