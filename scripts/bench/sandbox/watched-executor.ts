import { readdirSync, readFileSync } from 'node:fs'
import type { ExecutorOptionsInput } from '@stead/sandbox'
import { ProcessExecutor } from '@stead/sandbox/node'

const KIB = 1024

/** Why a figure about the executor process is missing where /proc is not. */
export const WATCHED_ON_LINUX_ONLY = 'the executor process can be looked into on Linux only'

/** Processes started by the threads of a process; none once it has ended. */
function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    )
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ESRCH') return []
    throw error
  }
}

/** Everything below a process that still runs, by process id. */
function descendantsOf(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)])
}

/** A started executor, and what the operating system says of its process. */
export class WatchedExecutor {
  readonly executor: ProcessExecutor
  /** Undefined where /proc is not. */
  readonly pid: number | undefined

  private constructor(executor: ProcessExecutor, pid: number | undefined) {
    this.executor = executor
    this.pid = pid
  }

  /** Starts an executor. @throws SandboxError SANDBOX_EXECUTOR_FAILED */
  static async start(options: ExecutorOptionsInput): Promise<WatchedExecutor> {
    const isWatchable = process.platform === 'linux'
    const before = new Set(isWatchable ? descendantsOf(process.pid) : [])
    const executor = new ProcessExecutor({}, options)
    await executor.start()
    if (!isWatchable) return new WatchedExecutor(executor, undefined)
    // Bubblewrap's own processes stand between; the executor is the one that runs nothing itself.
    const [pid] = descendantsOf(process.pid).filter((child) => !before.has(child) && childrenOf(child).length === 0)
    return new WatchedExecutor(executor, pid)
  }

  /** Ids of the process's threads. */
  threads(): readonly string[] {
    return this.pid === undefined ? [] : readdirSync(`/proc/${this.pid}/task`)
  }

  /** Resident memory of the process, what it shares with others included; undefined where it cannot be read. */
  residentBytes(): number | undefined {
    if (this.pid === undefined) return undefined
    const kibibytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))?.[1]
    return kibibytes === undefined ? undefined : Number(kibibytes) * KIB
  }

  /** Processor time that the threads of the process have used; undefined where it cannot be read. */
  processorMs(): number | undefined {
    if (this.pid === undefined) return undefined
    let nanoseconds = 0
    for (const thread of this.threads())
      nanoseconds += Number(readFileSync(`/proc/${this.pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0])
    return nanoseconds / 1e6
  }

  async stop(): Promise<void> {
    await this.executor.stop()
  }
}
