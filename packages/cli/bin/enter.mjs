// The entry of every `stead` process, under the right Node.js. Plain JavaScript, so that the cache is on before any
// TypeScript is met: Node.js then need not load its type stripper, which takes 20 MB for the life of the process.
import { enableCompileCache } from 'node:module'
import { compileCacheDirectory, keepsCompiled } from './compile-cache.mjs'
import { DAEMON_FLAGS, daemonEnvironment, isDaemon, isStartedAsDaemon } from './daemon-flags.mjs'

const args = process.argv.slice(2)
const lacksFlags = isDaemon(args) && !isStartedAsDaemon(process)
// A parent that talks to it starts it with them: the way to it would be lost.
if (lacksFlags && process.send === undefined && typeof process.execve === 'function' && process.platform !== 'win32')
  process.execve(
    process.execPath,
    [process.execPath, ...process.execArgv, ...DAEMON_FLAGS, import.meta.filename, ...args],
    daemonEnvironment(process.env),
  )
if (process.connected && !isDaemon(args)) {
  // Whoever waited for this command is gone, killed perhaps. A daemon sees to that itself.
  process.channel.unref()
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
}
const isWorkspace = process.execArgv.includes('--conditions=@stead/source')
if (keepsCompiled(args, isWorkspace)) enableCompileCache(compileCacheDirectory(process.env))
await import(isWorkspace ? '../src/main.ts' : '../dist/main.js')
