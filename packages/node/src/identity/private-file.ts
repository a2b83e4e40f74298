import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/** Makes a folder that only its owner can enter. */
function makePrivateDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 })
}

/**
 * Writes a file that only its owner can read, whole or not at all: a crash leaves the old one. `flush` waits for the
 * disk, for what cannot be made again.
 */
export function writePrivateFile(path: string, content: string, flush = false): void {
  makePrivateDirectory(dirname(path))
  const temporary = `${path}.${process.pid}.tmp`
  const descriptor = openSync(temporary, 'w', 0o600)
  try {
    writeSync(descriptor, content)
    if (flush) fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  renameSync(temporary, path)
}
