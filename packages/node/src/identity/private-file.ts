import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { messageOf } from '@stead/core'
import { NodeError } from '../errors.ts'

/**
 * Makes a folder, and the ones above it that are missing, that only its owner can enter.
 * @throws NodeError NODE_DATA_DIR
 */
export function makePrivateDirectory(path: string): void {
  try {
    makeMissing(path)
  } catch (cause) {
    throw new NodeError('NODE_DATA_DIR', `the folder ${path} cannot be made: ${messageOf(cause)}`, {
      details: { directory: path },
      cause,
    })
  }
}

/** Step by step: the recursive form of mkdir never returns below /proc, where a parent is there and takes no child. */
function makeMissing(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return
  const parent = dirname(path)
  if (parent !== path) makeMissing(parent)
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    // Another process may have made it just now.
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) throw error
  }
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
