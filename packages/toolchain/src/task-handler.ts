/** What a handler is told besides its input. */
export interface TaskContext {
  /** The task's arguments. */
  readonly args: readonly string[]
}

/**
 * What the entry file of a TypeScript or JavaScript task exports by default: bytes in, bytes (or a text, as UTF-8) out.
 * Whatever it throws or rejects with ends the task with exit code 1 and the stack on standard error. Inside it,
 * `Date.now()` begins at the task's declared time, and chance comes from the task's seed.
 */
export type TaskHandler = (
  input: Uint8Array,
  context: TaskContext,
) => Uint8Array | string | Promise<Uint8Array | string>
