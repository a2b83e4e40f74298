import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

/** Where compiled code is kept: not below /tmp, where others could plant it and where it is lost with a restart. */
export function compileCacheDirectory(environment) {
  const given = environment.XDG_CACHE_HOME ?? environment.LOCALAPPDATA
  const base = given !== undefined && isAbsolute(given) ? given : join(environment.HOME ?? homedir(), '.cache')
  return join(base, 'stead', 'node-compile-cache')
}
