import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants, realpathSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import type { Socket } from 'node:net'
import { availableParallelism } from 'node:os'
import { delimiter, dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SandboxError } from '../errors.ts'
import type { ExecutorOptions } from '../options.ts'

/** Frames hold one call or one outcome: 1 GiB of bytes at most, and their heads. */
export const FRAME_BYTES_MAX: number = 1_073_741_824 + 67_108_864

/** Where a frame's socket stands among the child's descriptors. */
const SOCKET_INDEX = 3

/** True when this package runs from its TypeScript sources. */
const isSource = import.meta.url.endsWith('.ts')

/** Starts the executor process. @param bubblewrap path of the program, or undefined to start without it */
export function launchChild(options: ExecutorOptions, bubblewrap: string | undefined): ChildProcess {
  const entry = fileURLToPath(new URL(isSource ? './child.ts' : './child.js', import.meta.url))
  const code = codeFolders()
  const childOptions = {
    workersMax: options.workersMax > 0 ? options.workersMax : availableParallelism(),
    terminateGraceMs: options.terminateGraceMs,
    frameBytesMax: FRAME_BYTES_MAX,
  }
  const flags = [
    '--permission',
    '--allow-worker',
    ...code.map((folder) => `--allow-fs-read=${join(folder, '*')}`),
    '--no-addons',
    '--disable-warning=SecurityWarning',
    '--disable-warning=ExperimentalWarning',
    ...(isSource ? ['--conditions=@stead/source'] : []),
  ]
  const command = [process.execPath, ...flags, entry, JSON.stringify(childOptions)]
  const wrapped = bubblewrap === undefined ? command : [bubblewrap, ...bubblewrapArguments(code), '--', ...command]
  const [program, ...args] = wrapped as [string, ...string[]]
  return spawn(program, args, {
    env: {},
    cwd: sep,
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    detached: false,
    windowsHide: true,
  })
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

/** The folders whose files the child runs: this package's code and core's, under every name they are reached by. */
function codeFolders(): string[] {
  const own = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
  const core = findPackageJSON('@stead/core', import.meta.url)
  if (core === undefined) throw new SandboxError('SANDBOX_EXECUTOR_FAILED', 'the package @stead/core is not installed')
  const folders = [own, dirname(core)]
  return [...new Set([...folders, ...folders.map((folder) => realpathSync(folder))])]
}

/** A root with nothing in it but the system's libraries, this Node.js and the code, all read-only; no network. */
function bubblewrapArguments(code: readonly string[]): string[] {
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
    ...code.flatMap((folder) => {
      const real = realpathSync(folder)
      return real === folder ? readOnly(folder) : ['--symlink', real, folder]
    }),
    ...['--remount-ro', '/'],
  ]
}
