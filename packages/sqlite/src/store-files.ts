import { closeSync, fdatasync, fsync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'

/** Waits until the disk has every byte that was written to an open file. */
export type SyncFile = (descriptor: number) => Promise<void>

/** Asks the operating system, in its thread pool, so that a slow disk does not stop the event loop. */
export const syncFile: SyncFile = (descriptor) =>
  new Promise((resolve, reject) => {
    fdatasync(descriptor, (error) => (error === null ? resolve() : reject(error)))
  })

/** Path of the store's main file in its folder. */
export function storePath(directory: string): string {
  return join(directory, 'store.db')
}

function isCode(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code
}

/**
 * Makes the folder (0700) and an empty main file (0600) when missing; returns whether the file is new. An existing
 * file is never opened here: closing a descriptor of it would drop the locks that another store of this process holds.
 */
export function ensureStoreFile(directory: string): boolean {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  try {
    closeSync(openSync(storePath(directory), 'wx', 0o600))
    return true
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false
    throw error
  }
}

/** Makes a folder's new entries outlive a loss of power, where the platform lets a folder be synced. */
export async function syncDirectory(directory: string): Promise<void> {
  let descriptor: number
  try {
    descriptor = openSync(directory, 'r')
  } catch (error) {
    if (isCode(error, 'EISDIR') || isCode(error, 'EPERM') || isCode(error, 'EACCES')) return
    throw error
  }
  await new Promise<void>((resolve) => fsync(descriptor, () => resolve()))
  closeSync(descriptor)
}
