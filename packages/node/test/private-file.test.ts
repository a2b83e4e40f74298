import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hasCode } from '@stead/core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makePrivateDirectory } from '../src/identity/private-file.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stead-folder-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function codeOf(path: string): string {
  try {
    makePrivateDirectory(path)
    return 'none'
  } catch (error) {
    return hasCode(error, 'NODE_DATA_DIR') ? error.code : String(error)
  }
}

test('a folder is made with those above it, for its owner alone, and a second time changes nothing', () => {
  const path = join(folder, 'a', 'b', 'c')
  makePrivateDirectory(path)
  makePrivateDirectory(path)
  for (const each of ['a', 'a/b', 'a/b/c']) expect(statSync(join(folder, each)).mode & 0o777).toBe(0o700)
})

test('a file in the way is named as an unusable folder', () => {
  writeFileSync(join(folder, 'file'), '')
  expect(codeOf(join(folder, 'file'))).toBe('NODE_DATA_DIR')
  expect(codeOf(join(folder, 'file', 'below'))).toBe('NODE_DATA_DIR')
})

test.runIf(process.platform === 'linux')('a folder below /proc is refused instead of being tried for ever', () => {
  expect(codeOf('/proc/stead-nowhere/data')).toBe('NODE_DATA_DIR')
})
