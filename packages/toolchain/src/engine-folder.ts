import { accessSync, constants } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/**
 * Where the linked JavaScript engine is kept: linking takes seconds and is the same for all jobs, so it is the person's
 * cache folder (XDG Base Directory), or the job's build folder where there is none that can be written.
 */
export function engineFolder(directory: string): string {
  const named = process.env.XDG_CACHE_HOME ?? ''
  const home = homedir()
  try {
    accessSync(named === '' ? home : named, constants.W_OK)
    return join(named === '' ? join(home, '.cache') : named, 'stead')
  } catch {
    return join(directory, 'build')
  }
}
