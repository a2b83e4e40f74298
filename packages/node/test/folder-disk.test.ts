import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hasCode } from '@stead/core'
import { diskCompliance } from '@stead/testkit/compliance'
import { expect, it } from 'vitest'
import { FolderDisk } from '../src/adapters/folder-disk.ts'

diskCompliance('a folder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'stead-disk-'))
  return {
    open: async () => FolderDisk.create(folder),
    clean: () => rm(folder, { recursive: true }),
  }
})

it('files of a folder are for their owner alone, and a folder that is gone is an error with a code', async () => {
  const folder = join(await mkdtemp(join(tmpdir(), 'stead-disk-')), 'pieces')
  const disk = FolderDisk.create(folder)
  await (await disk.open('a')).close()
  expect((await stat(join(folder, 'a'))).mode & 0o777).toBe(0o600)
  expect((await stat(folder)).mode & 0o777).toBe(0o700)
  await rm(folder, { recursive: true })
  await expect(disk.open('b')).rejects.toSatisfy((error) => hasCode(error, 'STORE_FAILED'))
  await expect(disk.list()).rejects.toSatisfy((error) => hasCode(error, 'STORE_FAILED'))
})
