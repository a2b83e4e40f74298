import { type ChildProcess, spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Waits until its standard input closes, which a process that is gone cannot keep open, and only then starts Node.js: a
 * shell that waits takes 2 MB, a Node.js 40. What cannot run any more, because its files are gone, at least ends the chain.
 */
const SCRIPT = 'read -r line; pid=$1; shift; "$@" "$pid" || kill "$pid"'
/** One that ends of itself is replaced; one that keeps ending has a reason that does not go away. */
const WATCHES_MAX = 10

const isSource = import.meta.url.endsWith('.ts')
const ORPHAN_MAIN = fileURLToPath(new URL(isSource ? './orphan-main.ts' : './orphan-main.js', import.meta.url))

/** What is watched. */
export interface OwnerWatchOptions {
  /** Where the chain keeps its state. */
  readonly directory: string
  readonly chainPid: number
  /** Called when another process watches, because somebody ended the one before. */
  readonly onReplaced: () => void
  /** Called when nothing watches, because no process could be started. */
  readonly onFailed: (error: Error) => void
}

/**
 * A process beside the local chain that ends it when this process is gone, however that ended: the chain's program does
 * not look who started it. Where there is no `/bin/sh`, on Windows, the next owner ends it.
 */
export class OwnerWatch {
  readonly #options: OwnerWatchOptions
  #child: ChildProcess
  #started = 0
  #isOver = false

  constructor(options: OwnerWatchOptions) {
    this.#options = options
    this.#child = this.#start()
  }

  /** The process that watches; undefined where there is none. */
  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Ends the watch, not the chain. */
  stop(): void {
    this.#isOver = true
    this.#child.kill('SIGKILL')
  }

  #start(): ChildProcess {
    this.#started += 1
    const { directory, chainPid } = this.#options
    const node = [process.execPath, ...(isSource ? ['--conditions=@stead/source'] : []), ORPHAN_MAIN]
    const child = spawn('/bin/sh', ['-c', SCRIPT, 'sh', String(chainPid), ...node, resolve(directory)], {
      cwd: '/',
      env: {},
      stdio: ['pipe', 'ignore', 'ignore'],
      // Its own group: Ctrl-C in a terminal must not reach it.
      detached: true,
    })
    // Nothing is ever written there: a watch that ended is heard of by its exit.
    child.stdin?.on('error', () => undefined)
    child.once('error', this.#options.onFailed)
    child.once('exit', () => this.#replace())
    child.unref()
    return child
  }

  #replace(): void {
    if (this.#isOver || this.#started >= WATCHES_MAX) return
    this.#child = this.#start()
    this.#options.onReplaced()
  }
}
