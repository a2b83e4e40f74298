import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants, realpathSync } from 'node:fs'
import type { Socket } from 'node:net'
import { availableParallelism } from 'node:os'
import { delimiter, join, sep } from 'node:path'
import { SandboxError } from '../errors.ts'
import type { ExecutorOptions } from '../options.ts'
import type { ChildOptions } from './child.ts'
import { bootstrapScript, readCodeBundle } from './code-bundle.ts'

/** Frames hold one call or one outcome: 1 GiB of bytes at most, and their heads. */
export const FRAME_BYTES_MAX: number = 1_073_741_824 + 67_108_864

/** Where a frame's socket stands among the child's descriptors. */
const SOCKET_INDEX = 3

/** How the executor's Node.js is started: no files, network, programs or add-ons. */
export const childFlags: readonly string[] = [
  '--permission',
  '--allow-worker',
  '--no-addons',
  // Its databases are files that the permission model does not see (Node.js 26.10).
  '--no-experimental-sqlite',
  // Hot loops are compiled sooner, and in the baseline compiler interrupted seven times as often; V8's default is 13 M.
  '--wasm-tiering-budget=1800000',
  '--disable-warning=SecurityWarning',
  '--disable-warning=ExperimentalWarning',
]

/** Starts the executor process. @param bubblewrap path of the program, or undefined to start without it */
export function launchChild(options: ExecutorOptions, bubblewrap: string | undefined): ChildProcess {
  const command = [process.execPath, ...childFlags, '--eval', bootstrapScript]
  const wrapped = bubblewrap === undefined ? command : [bubblewrap, ...bubblewrapArguments(), '--', ...command]
  const [program, ...args] = wrapped as [string, ...string[]]
  const child = spawn(program, args, {
    env: {},
    cwd: sep,
    stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
    windowsHide: true,
  })
  const payload: ChildOptions = {
    workersMax: options.workersMax > 0 ? options.workersMax : availableParallelism(),
    terminateGraceMs: options.terminateGraceMs,
    frameBytesMax: FRAME_BYTES_MAX,
  }
  // A child that dies early is told by its exit, not by the pipe that breaks.
  child.stdin?.on('error', () => undefined)
  child.stdin?.end(JSON.stringify({ code: readCodeBundle(), payload }))
  return child
}

/** The child's end of the socket pair as the parent sees it. */
export function socketOf(child: ChildProcess): Socket {
  const socket = child.stdio[SOCKET_INDEX]
  if (socket === null || socket === undefined)
    throw new SandboxError('SANDBOX_EXECUTOR_FAILED', 'the executor process has no socket')
  return socket as Socket
}

/** Path of an executable `bwrap`, or undefined. */
export function findBubblewrap(): string | undefined {
  if (process.platform !== 'linux') return undefined
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, 'bwrap')
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // Not in this folder.
    }
  }
  return undefined
}

/** A root with nothing in it but the system's libraries, and this Node.js, all read-only; no network. */
function bubblewrapArguments(): string[] {
  const readOnly = (path: string): string[] => ['--ro-bind-try', path, path]
  return [
    '--unshare-all',
    '--die-with-parent',
    '--new-session',
    '--clearenv',
    ...['--cap-drop', 'ALL'],
    ...['/usr/lib', '/usr/lib64', '/usr/lib32', '/lib', '/lib64', '/etc/ld.so.cache'].flatMap(readOnly),
    ...['--dev', '/dev'],
    ...['--proc', '/proc'],
    ...readOnly(realpathSync(process.execPath)),
    ...readOnly(process.execPath),
    ...['--remount-ro', '/'],
  ]
}
