import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hasCode } from '@stead/core'
import { describe, expect, it } from 'vitest'
import { startProcess } from './process/spawn.ts'
import { openStore, temporaryDirectory } from './temporary.ts'

const isLocked = (error: unknown): boolean => hasCode(error, 'STORE_LOCKED')

const holder = new URL('process/holder.ts', import.meta.url)

describe('one process per store', () => {
  it('refuses a second process and names the store; a killed owner leaves no lock behind', async () => {
    const directory = temporaryDirectory()
    const first = startProcess(holder, directory)
    expect((await first.lines.next()).value).toBe('open')
    const second = startProcess(holder, directory)
    expect((await second.lines.next()).value).toBe('STORE_LOCKED')
    await expect(openStore({ directory, lockTimeoutMs: 0 })).rejects.toSatisfy(isLocked)
    await expect(openStore({ directory, lockTimeoutMs: 0 })).rejects.toThrow(directory)
    await first.kill()
    const store = await openStore({ directory, lockTimeoutMs: 0 })
    await store.close()
  })

  it('refuses a second store in the same process without freeing the first for others', async () => {
    const directory = temporaryDirectory()
    const store = await openStore({ directory })
    for (let attempt = 0; attempt < 3; attempt++)
      await expect(openStore({ directory, lockTimeoutMs: 0 })).rejects.toSatisfy(isLocked)
    // POSIX locks go away with any descriptor of the file that is closed: the trap that this guards against.
    const other = startProcess(holder, directory)
    expect((await other.lines.next()).value).toBe('STORE_LOCKED')
    await store.write([{ kind: 'put', table: 't', key: 'k', value: Uint8Array.of(1) }], 'power')
    await store.close()
    const next = await openStore({ directory, lockTimeoutMs: 0 })
    expect(await next.get('t', 'k')).toEqual(Uint8Array.of(1))
    await next.close()
  })

  it('keeps the files to the owner', async () => {
    const directory = join(temporaryDirectory(), 'deep', 'store')
    const store = await openStore({ directory })
    expect(statSync(directory).mode & 0o777).toBe(0o700)
    expect(statSync(join(directory, 'store.db')).mode & 0o777).toBe(0o600)
    expect(statSync(join(directory, 'store.db-wal')).mode & 0o777).toBe(0o600)
    await store.close()
  })

  it('says which path cannot be used', async () => {
    const file = join(temporaryDirectory(), 'file')
    writeFileSync(file, '')
    const opened = openStore({ directory: join(file, 'store') })
    await expect(opened).rejects.toSatisfy((error) => hasCode(error, 'STORE_FAILED'))
    await expect(opened).rejects.toThrow(join(file, 'store', 'store.db'))
  })

  it('refuses unknown options', async () => {
    const input = { directory: temporaryDirectory(), lockTimeout: 5 }
    await expect(openStore(input)).rejects.toThrow(/lockTimeout/)
  })
})
