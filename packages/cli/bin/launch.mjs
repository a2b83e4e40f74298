// How a Node.js process of ours is started from source, in one place: by the `stead` command and by a local network for
// its daemons. Plain JavaScript, because any Node.js >= 20 may read it. Why: docs/adr/0009-memory.md.
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

/** Where compiled code is kept: not below /tmp, where others could plant it and where it is lost with a restart. */
export function cacheDirectory(environment) {
  const given = environment.XDG_CACHE_HOME ?? environment.LOCALAPPDATA
  const base = given !== undefined && isAbsolute(given) ? given : join(environment.HOME ?? homedir(), '.cache')
  return join(base, 'stead', 'node-compile-cache')
}

/** The environment of a process of ours. Set here and not by the program, whose first file would be too late. */
export function processEnvironment(environment) {
  return { NODE_COMPILE_CACHE: cacheDirectory(environment), ...environment }
}
