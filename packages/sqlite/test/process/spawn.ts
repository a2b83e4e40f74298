import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A child process that speaks in lines. */
export interface LineProcess {
  readonly child: ChildProcess
  /** Lines of its stdout until it ends. */
  readonly lines: AsyncIterableIterator<string>
  /** Ends it at once, as `kill -9` does, and waits until the kernel has cleaned up. */
  kill(): Promise<void>
}

/** Starts a script under the same Node.js. */
export function startProcess(script: URL, ...scriptArguments: readonly string[]): LineProcess {
  const child = spawn(process.execPath, ['--conditions=@stead/source', fileURLToPath(script), ...scriptArguments], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    child,
    lines,
    kill: async () => {
      child.kill('SIGKILL')
      await exited
    },
  }
}
