import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type DaemonReady, makePrivateDirectory } from '@stead/node/files'
import { DAEMON_FLAGS, daemonEnvironment } from '../../bin/daemon-flags.mjs'
import { CliError } from '../errors.ts'

/** How a daemon is started. */
export interface DaemonProcessOptions {
  /** Shown to people: `payer`, `provider-1`. */
  readonly name: string
  readonly dataDir: string
  /** Arguments of `stead up`, without --data-dir. */
  readonly args: readonly string[]
  /** Another program that takes these arguments and speaks as `stead up` does. @default `stead up` */
  readonly program?: DaemonProgram | undefined
  readonly readyTimeoutMs: number
}

/** A program that runs a node. */
export interface DaemonProgram {
  readonly file: string
  /** Its own arguments, before those of `stead up`. */
  readonly args: readonly string[]
  /** By which conditions it finds what it imports, `@stead/source` for sources. @default those of this process */
  readonly conditions?: readonly string[]
}

/** How a daemon ended. */
export interface DaemonExit {
  readonly code: number | null
  readonly signal: string | null
}

const STOP_TIMEOUT_MS = 20_000

/** One `stead up` in a process of its own; it stops when this process is gone, however that ends. */
export class DaemonProcess {
  readonly name: string
  readonly dataDir: string
  readonly logFile: string
  /** What the daemon said when it was up. */
  readonly ready: DaemonReady
  /** Resolves when the process is gone; never rejects. */
  readonly exited: Promise<DaemonExit>
  readonly #child: ChildProcess

  private constructor(options: DaemonProcessOptions, parts: DaemonParts, ready: DaemonReady) {
    this.name = options.name
    this.dataDir = options.dataDir
    this.logFile = parts.logFile
    this.exited = parts.exited
    this.#child = parts.child
    this.ready = ready
  }

  get pid(): number {
    return this.#child.pid ?? -1
  }

  /** Starts a daemon and waits until it serves. @throws CliError CLI_DEV_FAILED with the daemon's own words */
  static async start(options: DaemonProcessOptions): Promise<DaemonProcess> {
    const parts = spawnDaemon(options)
    try {
      return new DaemonProcess(options, parts, await waitForReady(options, parts))
    } catch (error) {
      parts.child.kill('SIGKILL')
      throw error
    }
  }

  /** Says something to a program that listens to its parent; `stead up` does not. */
  tell(message: object): void {
    if (this.#child.connected) this.#child.send(message)
  }

  /** Ends it at once, as a loss of power does to a program. */
  kill(): void {
    this.#child.kill('SIGKILL')
  }

  /** Asks the daemon to stop, and ends it when it does not within a bound. */
  async stop(): Promise<DaemonExit> {
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    const exit = await this.exited
    clearTimeout(timer)
    return exit
  }
}

interface DaemonParts {
  readonly child: ChildProcess
  readonly logFile: string
  readonly exited: Promise<DaemonExit>
}

/** The entry of every `stead` process; the same for sources and for built files. */
const STEAD_UP: DaemonProgram = { file: fileURLToPath(new URL('../../bin/enter.mjs', import.meta.url)), args: ['up'] }

function spawnDaemon(options: DaemonProcessOptions): DaemonParts {
  makePrivateDirectory(options.dataDir)
  const logFile = join(options.dataDir, 'node.log')
  const log = openSync(logFile, 'a', 0o600)
  const { file, args: own, conditions = ownConditions() } = options.program ?? STEAD_UP
  const flags = conditions.map((condition) => `--conditions=${condition}`)
  const args = [...flags, ...DAEMON_FLAGS, file, ...own, '--data-dir', options.dataDir, ...options.args]
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', log, log, 'ipc'],
    env: daemonEnvironment(process.env),
  })
  closeSync(log)
  const exited = new Promise<DaemonExit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
    child.once('error', () => resolve({ code: null, signal: null }))
  })
  return { child, logFile, exited }
}

function ownConditions(): readonly string[] {
  const option = '--conditions='
  return process.execArgv.flatMap((argument) => (argument.startsWith(option) ? argument.slice(option.length) : []))
}

/** What a starting daemon sends over its channel. */
type DaemonMessage =
  | { readonly type: 'ready'; readonly ready: DaemonReady }
  | { readonly type: 'failed'; readonly code: string; readonly message: string; readonly next: string }

async function waitForReady(options: DaemonProcessOptions, parts: DaemonParts): Promise<DaemonReady> {
  const fail = (message: string, next = `Read ${parts.logFile}`): CliError =>
    new CliError('CLI_DEV_FAILED', `${options.name}: ${message}`, { details: { log: parts.logFile }, next })
  return await new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(fail(`not up after ${options.readyTimeoutMs / 1000} s; the machine may have too much to do`)),
      options.readyTimeoutMs,
    )
    const settle = (act: () => void): void => {
      clearTimeout(timer)
      act()
    }
    parts.child.on('message', (message: DaemonMessage) =>
      settle(() => (message.type === 'ready' ? resolve(message.ready) : reject(fail(message.message, message.next)))),
    )
    void parts.exited.then(({ code, signal }) => settle(() => reject(fail(`ended with ${signal ?? `code ${code}`}`))))
  })
}
