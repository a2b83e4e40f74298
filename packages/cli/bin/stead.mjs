#!/usr/bin/env node
// Starts the `stead` command. In the workspace it runs from source under the pinned Node.js; an installed package runs
// its built files under the Node.js that started it. Plain JavaScript, because any Node.js >= 20 may read it.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DAEMON_FLAGS, daemonEnvironment, isDaemon } from './daemon-flags.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const root = join(here, '..', '..', '..')
const pinnedNode = join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node')

if (existsSync(pinnedNode) && existsSync(join(here, '..', 'src', 'main.ts'))) runFromSource()
else await import('./enter.mjs')

/** Becomes the pinned Node.js, or where a process cannot be replaced, waits for it: one that waits takes 40 MB. */
function runFromSource() {
  const own = process.argv.slice(2)
  const flags = ['--conditions=@stead/source', ...(isDaemon(own) ? DAEMON_FLAGS : [])]
  const args = [...flags, join(here, 'enter.mjs'), ...own]
  const env = isDaemon(own) ? daemonEnvironment(process.env) : process.env
  if (process.platform !== 'win32' && typeof process.execve === 'function') {
    process.execve(pinnedNode, [pinnedNode, ...args], env)
  }
  // By the channel the child hears that this process was killed, and does not go on beside whoever tries again.
  const child = spawn(pinnedNode, args, { stdio: ['inherit', 'inherit', 'inherit', 'ipc'], env })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    // A terminal sends Ctrl-C to the whole group; the child decides how to stop, this process only waits for it.
    process.on(signal, () => (signal === 'SIGINT' && process.stdin.isTTY ? undefined : child.kill(signal)))
  }
  child.on('error', (error) => {
    process.stderr.write(`cannot run ${pinnedNode}: ${error.message}\nRun: npm install\n`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 128 + constants.signals[signal]))
}
