import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hasCode, type StoreOperation } from '@stead/core'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { SqliteStore } from '../src/index.ts'
import type { SqliteStoreInput } from '../src/options.ts'
import { openStore, temporaryDirectory } from './temporary.ts'

const MEBIBYTE = 1024 * 1024
const isFull = (error: unknown): boolean => hasCode(error, 'STORE_FULL')
const put = (key: string, length = 20_000): StoreOperation => ({
  kind: 'put',
  table: 'journal',
  key,
  value: new Uint8Array(length).fill(1),
})

/** A place that fills up, and how room is made there. */
interface SmallDisk {
  readonly input: SqliteStoreInput
  /** Frees some space; the store stays open meanwhile. */
  makeRoom(store: SqliteStore): Promise<void>
}

/** A store with a size limit of its own, where deleting rows makes room. */
function limitedStore(): SmallDisk {
  return {
    input: { directory: temporaryDirectory(), sizeBytesMax: 2 * MEBIBYTE, checkpointBytes: MEBIBYTE },
    makeRoom: async (store) => {
      for (let index = 0; index < 10; index++)
        await store.write([{ kind: 'delete', table: 'journal', key: `a-${index}` }], 'power')
      await store.write(
        Array.from({ length: 10 }, (_, index) => put(`a-${index}`, 100)),
        'power',
      )
    },
  }
}

/** A file system of 4 MiB that another program's file shares, where this account may mount one. */
function smallDisk(): SmallDisk {
  const directory = join(temporaryDirectory(), 'disk')
  mkdirSync(directory)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', directory], { stdio: 'ignore' })
  } catch {
    return limitedStore()
  }
  onTestFinished(() => {
    // Lazy, so that a failed test that left the store open does not also leave the mount.
    execFileSync('umount', ['--lazy', directory])
  })
  const ballast = join(directory, 'another-program')
  writeFileSync(ballast, new Uint8Array(MEBIBYTE))
  return { input: { directory, checkpointBytes: MEBIBYTE }, makeRoom: async () => rmSync(ballast) }
}

async function fillUp(disk: SmallDisk): Promise<void> {
  const store = await openStore(disk.input)
  const kept: number[] = []
  let refusal: unknown
  for (let index = 0; refusal === undefined && index < 1000; index++) {
    // Two rows per batch, so that half a batch would show.
    await store.write([put(`a-${index}`), put(`b-${index}`)], index % 2 === 0 ? 'process' : 'power').then(
      () => kept.push(index),
      (error: unknown) => {
        refusal = error
      },
    )
  }
  expect(isFull(refusal)).toBe(true)
  const keys = async (): Promise<number> => (await store.scan('journal')).length
  expect(await keys()).toBe(2 * kept.length)
  expect(kept.length).toBeGreaterThan(20)

  const tooMuch = [put('b-0', 1), put('small', 1), put('huge', 8 * MEBIBYTE)]
  await expect(store.write(tooMuch, 'power')).rejects.toSatisfy(isFull)
  expect(await store.get('journal', 'huge')).toBeUndefined()
  expect(await store.get('journal', 'small')).toBeUndefined()
  expect(await store.get('journal', 'b-0')).toHaveLength(20_000)

  await disk.makeRoom(store)
  await store.write([put('after-1'), put('after-2')], 'power')
  expect(await keys()).toBe(2 * kept.length + 2)
  await store.close()

  const again = await openStore(disk.input)
  expect((await again.verify()).rows).toBe(2 * kept.length + 2)
  await again.close()
}

describe('a full disk', () => {
  it(
    'refuses with STORE_FULL, applies nothing of the batch, and works on once there is room',
    () => fillUp(smallDisk()),
    60_000,
  )

  it('does the same at the size limit of the options', () => fillUp(limitedStore()), 60_000)

  it('lets small batches through that arrive together with one that does not fit', async () => {
    const store = await openStore({ directory: temporaryDirectory(), sizeBytesMax: MEBIBYTE })
    const outcomes = await Promise.allSettled([
      store.write([put('first')], 'power'),
      store.write([put('huge', 3 * MEBIBYTE)], 'power'),
      store.write([put('second')], 'process'),
    ])
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect((await store.scan('journal')).map((row) => row.key)).toEqual(['first', 'second'])
    await store.close()
  })
})
