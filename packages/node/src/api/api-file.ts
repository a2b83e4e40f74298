import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { writePrivateFile } from '../identity/private-file.ts'

/** How a client on this machine reaches the running node. */
export interface ApiAccess {
  /** `http://127.0.0.1:<port>`. */
  readonly url: string
  /** Sent as `Authorization: Bearer <token>`; new at each start. */
  readonly token: string
  readonly pid: number
}

/** Where the access of a node is written. */
export function apiFilePath(stateDir: string): string {
  return join(stateDir, 'api.json')
}

/** Writes the access for this user alone. */
export function writeApiFile(stateDir: string, access: ApiAccess): void {
  writePrivateFile(apiFilePath(stateDir), `${JSON.stringify(access)}\n`)
}

/** Removes the access that this process wrote; one that a later process wrote stays. */
export function removeApiFile(stateDir: string, pid: number): void {
  if (readApiFile(stateDir)?.pid === pid) rmSync(apiFilePath(stateDir), { force: true })
}

/** The access as written last; undefined when there is none. The process may be gone: ask it. */
export function readApiFile(stateDir: string): ApiAccess | undefined {
  const path = apiFilePath(stateDir)
  if (!existsSync(path)) return undefined
  try {
    const { url, token, pid } = JSON.parse(readFileSync(path, 'utf8')) as Partial<ApiAccess>
    if (typeof url !== 'string' || typeof token !== 'string' || typeof pid !== 'number') return undefined
    return { url, token, pid }
  } catch {
    // Half a file of a killed process, or removed meanwhile: there is no node to reach either way.
    return undefined
  }
}
