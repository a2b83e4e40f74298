import {
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { hasCode, type StoreOperation } from '@stead/core'
import { describe, expect, it } from 'vitest'
import { openStore, temporaryDirectory } from './temporary.ts'

const isCorrupt = (error: unknown): boolean => hasCode(error, 'STORE_CORRUPT')
const put = (key: string, length = 300): StoreOperation => ({
  kind: 'put',
  table: 'journal',
  key,
  value: new Uint8Array(length).fill(7),
})

/** A folder with the files that a killed process would leave: everything still in the log. */
async function killedStore(batches: number): Promise<string> {
  const directory = temporaryDirectory()
  const store = await openStore({ directory })
  for (let index = 0; index < batches; index++) await store.write([put(`a-${index}`), put(`b-${index}`)], 'process')
  const image = temporaryDirectory()
  for (const name of ['store.db', 'store.db-wal']) copyFileSync(join(directory, name), join(image, name))
  await store.close()
  return image
}

/** A folder with a store that was closed, everything in the main file. */
async function closedStore(rows: number): Promise<string> {
  const directory = temporaryDirectory()
  const store = await openStore({ directory })
  await store.write(
    Array.from({ length: rows }, (_, index) => put(`row-${index}`)),
    'power',
  )
  await store.close()
  return directory
}

function overwrite(path: string, offset: number, bytes: Uint8Array): void {
  const descriptor = openSync(path, 'r+')
  writeSync(descriptor, bytes, 0, bytes.length, offset)
  closeSync(descriptor)
}

describe('a torn log', () => {
  it('gives whole batches up to the tear and goes on from there', async () => {
    for (const lostBytes of [1, 24, 4096, 20_000]) {
      const directory = await killedStore(50)
      const log = join(directory, 'store.db-wal')
      truncateSync(log, statSync(log).size - lostBytes)
      const store = await openStore({ directory })
      const rows = (await store.scan('journal')).map((row) => row.key)
      const whole = rows.length / 2
      expect(whole).toBeLessThan(50)
      expect(whole).toBeGreaterThan(30)
      for (let index = 0; index < whole; index++)
        expect(rows).toEqual(expect.arrayContaining([`a-${index}`, `b-${index}`]))
      await store.write([put('next')], 'power')
      await store.close()
      const again = await openStore({ directory })
      expect((await again.scan('journal')).length).toBe(rows.length + 1)
      await again.close()
    }
  })

  it('ignores garbage in the tail', async () => {
    const directory = await killedStore(20)
    const log = join(directory, 'store.db-wal')
    overwrite(log, statSync(log).size - 3000, new Uint8Array(3000).fill(0xa5))
    const store = await openStore({ directory })
    expect((await store.scan('journal')).length).toBeGreaterThan(20)
    await store.close()
  })
})

describe('a damaged main file', () => {
  it('is refused with its path when the header is garbage', async () => {
    const directory = await closedStore(10)
    overwrite(join(directory, 'store.db'), 0, new Uint8Array(100).fill(0x58))
    const opened = openStore({ directory })
    await expect(opened).rejects.toSatisfy(isCorrupt)
    await expect(opened).rejects.toThrow(join(directory, 'store.db'))
  })

  it('is refused when the structure of a page is garbage', async () => {
    const directory = await closedStore(500)
    overwrite(join(directory, 'store.db'), 5 * 4096, new Uint8Array(64).fill(0xff))
    await expect(openStore({ directory })).rejects.toSatisfy(isCorrupt)
  })

  it('is refused when it was cut short', async () => {
    const directory = await closedStore(500)
    truncateSync(join(directory, 'store.db'), 3 * 4096)
    await expect(openStore({ directory })).rejects.toSatisfy(isCorrupt)
  })

  it('notices a single rotten bit inside a value, names the row, and serves the others', async () => {
    const directory = await closedStore(10)
    const path = join(directory, 'store.db')
    const content = readFileSync(path)
    const at = content.indexOf(Buffer.alloc(300, 7)) + 150
    overwrite(path, at, Uint8Array.of(6))
    const store = await openStore({ directory })
    const outcomes = await Promise.allSettled(
      Array.from({ length: 10 }, (_, index) => store.get('journal', `row-${index}`)),
    )
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
    expect(refused.map((outcome) => isCorrupt(outcome.reason))).toEqual([true])
    expect(String(refused[0]?.reason)).toMatch(/table journal, key "row-\d"/)
    await expect(store.verify()).rejects.toSatisfy(isCorrupt)
    await store.close()
  })

  it("is left alone when it is another program's database", async () => {
    const directory = temporaryDirectory()
    const foreign = new DatabaseSync(join(directory, 'store.db'))
    foreign.exec('CREATE TABLE other (a); PRAGMA application_id = 7')
    foreign.close()
    await expect(openStore({ directory })).rejects.toThrow(/not a store of Stead/)
    const after = new DatabaseSync(join(directory, 'store.db'))
    expect(after.prepare('PRAGMA application_id').get()).toEqual({ application_id: 7 })
    after.close()
  })

  it('is refused when a newer program wrote it', async () => {
    const directory = await closedStore(1)
    const newer = new DatabaseSync(join(directory, 'store.db'))
    newer.exec('PRAGMA user_version = 99')
    newer.close()
    await expect(openStore({ directory })).rejects.toThrow(/format 99, this program knows 1/)
  })

  it('starts empty from an empty file, as a process killed at the first instant leaves it', async () => {
    const directory = temporaryDirectory()
    writeFileSync(join(directory, 'store.db'), '')
    const store = await openStore({ directory })
    await store.write([put('a')], 'power')
    await store.close()
    expect(existsSync(join(directory, 'store.db-wal'))).toBe(false)
  })
})
