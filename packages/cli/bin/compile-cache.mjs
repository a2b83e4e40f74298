import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { isDaemon } from './daemon-flags.mjs'

/** Where compiled code is kept: not below /tmp, where others could plant it and where it is lost with a restart. */
export function compileCacheDirectory(environment) {
  const given = environment.XDG_CACHE_HOME ?? environment.LOCALAPPDATA
  const base = given !== undefined && isAbsolute(given) ? given : join(environment.HOME ?? homedir(), '.cache')
  return join(base, 'stead', 'node-compile-cache')
}

/**
 * Whether a process reads and writes that cache. What the cache has of a file stays in memory as long as the process: too
 * much for a daemon, unless it runs from TypeScript, which it would have to strip (docs/adr/0009-memory.md).
 */
export function keepsCompiled(args, isWorkspace) {
  return isWorkspace || !isDaemon(args)
}
