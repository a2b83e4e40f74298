import { copyFileSync, fdatasync, fstatSync, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { hasCode, type StoreOperation } from '@stead/core'
import { describe, expect, it } from 'vitest'
import type { SqliteStore } from '../src/index.ts'
import { openStore, temporaryDirectory } from './temporary.ts'

const MEBIBYTE = 1024 * 1024
const FILES = ['store.db', 'store.db-wal'] as const
const put = (key: string, length = 900): StoreOperation => ({
  kind: 'put',
  table: 'journal',
  key,
  value: new Uint8Array(length).fill(3),
})

/** What a loss of power would leave, and the batches that had been acknowledged with `power` by then. */
interface Image {
  readonly directory: string
  readonly acknowledged: readonly number[]
}

/**
 * A disk that promises of each file only what it had when its last finished sync began. Each sync takes images of what
 * a loss of power may leave, before it starts and after it ended: the log always at its worst, the main file once at
 * its worst and once with all that nobody had asked to force out.
 */
class ForgetfulDisk {
  readonly #directory: string
  readonly #kept: string = temporaryDirectory()
  readonly #images: string = temporaryDirectory()
  readonly acknowledged: number[] = []
  readonly images: Image[] = []
  syncsInFlightMax = 0
  #syncsInFlight = 0
  #copies = 0

  constructor(directory: string) {
    this.#directory = directory
  }

  /** SQLite itself has synced what a new store consists of. */
  begin(): void {
    for (const name of FILES) copyFileSync(join(this.#directory, name), join(this.#kept, name))
  }

  readonly syncFile = async (descriptor: number): Promise<void> => {
    const inode = fstatSync(descriptor).ino
    const name = FILES.find((candidate) => statSync(join(this.#directory, candidate)).ino === inode) ?? 'unknown'
    const candidate = join(this.#kept, `${name}-${++this.#copies}`)
    copyFileSync(join(this.#directory, name), candidate)
    this.#takeImage()
    this.syncsInFlightMax = Math.max(this.syncsInFlightMax, ++this.#syncsInFlight)
    await new Promise<void>((resolve, reject) => {
      fdatasync(descriptor, (error) => (error === null ? resolve() : reject(error)))
    })
    this.#syncsInFlight--
    copyFileSync(candidate, join(this.#kept, name))
    this.#takeImage()
  }

  #takeImage(): void {
    for (const mainFrom of [this.#kept, this.#directory]) {
      const directory = join(this.#images, String(this.images.length))
      mkdirSync(directory)
      copyFileSync(join(mainFrom, 'store.db'), join(directory, 'store.db'))
      copyFileSync(join(this.#kept, 'store.db-wal'), join(directory, 'store.db-wal'))
      this.images.push({ directory, acknowledged: [...this.acknowledged] })
    }
  }
}

async function expectWhole(store: SqliteStore, acknowledged: readonly number[]): Promise<void> {
  const keys = new Set((await store.scan('journal')).map((row) => row.key))
  expect(acknowledged.filter((index) => !keys.has(`a-${index}`) || !keys.has(`b-${index}`))).toEqual([])
  const indexes = new Set(Array.from(keys, (key) => key.slice(2)))
  expect(keys.size).toBe(2 * indexes.size)
  await store.verify()
}

describe('a loss of power', () => {
  it('at any sync loses no batch acknowledged with power and tears none, also while the log is folded', async () => {
    const directory = temporaryDirectory()
    const disk = new ForgetfulDisk(directory)
    const store = await openStore({ directory, checkpointBytes: MEBIBYTE }, { syncFile: disk.syncFile })
    disk.begin()
    const writeOne = async (index: number): Promise<void> => {
      const durability = index % 3 === 0 ? 'power' : 'process'
      await store.write([put(`a-${index}`), put(`b-${index}`)], durability)
      if (durability === 'power') disk.acknowledged.push(index)
    }
    for (let round = 0; round < 25; round++)
      await Promise.all(Array.from({ length: 24 }, (_, offset) => writeOne(round * 24 + offset)))
    await store.close()
    expect(disk.acknowledged).toHaveLength(200)
    for (const image of disk.images) {
      const next = await openStore({ directory: image.directory })
      await expectWhole(next, image.acknowledged)
      await next.close()
    }
  })

  it('does not make a process write wait for the disk', async () => {
    const gate = Promise.withResolvers<void>()
    const store = await openStore({ directory: temporaryDirectory() }, { syncFile: () => gate.promise })
    const settled: string[] = []
    const forced = store.write([put('forced')], 'power').then(() => settled.push('forced'))
    await store.write([put('quick')], 'process').then(() => settled.push('quick'))
    expect(await store.get('journal', 'forced')).toBeDefined()
    expect(settled).toEqual(['quick'])
    gate.resolve()
    await forced
    expect(settled).toEqual(['quick', 'forced'])
    await store.close()
  })

  it('lets all writes that arrive during one sync share the next', async () => {
    const gates: PromiseWithResolvers<void>[] = []
    const syncFile = (): Promise<void> => {
      const gate = Promise.withResolvers<void>()
      gates.push(gate)
      return gate.promise
    }
    const store = await openStore({ directory: temporaryDirectory() }, { syncFile })
    const first = store.write([put('first')], 'power')
    await store.write([], 'process')
    const others = Array.from({ length: 100 }, (_, index) => store.write([put(`k${index}`)], 'power'))
    await store.write([], 'process')
    expect(gates).toHaveLength(1)
    gates[0]?.resolve()
    await first
    gates[1]?.resolve()
    await Promise.all(others)
    expect(gates).toHaveLength(2)
    await store.close()
  })

  it('refuses everything after a failed sync, because nobody knows what the disk has', async () => {
    const directory = temporaryDirectory()
    let isBroken = false
    const syncFile = async (): Promise<void> => {
      if (isBroken) throw Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' })
    }
    const store = await openStore({ directory }, { syncFile })
    await store.write([put('before')], 'power')
    isBroken = true
    const isFailed = (error: unknown): boolean => hasCode(error, 'STORE_FAILED')
    await expect(store.write([put('during')], 'power')).rejects.toSatisfy(isFailed)
    isBroken = false
    await expect(store.write([put('after')], 'process')).rejects.toSatisfy(isFailed)
    await expect(store.get('journal', 'before')).rejects.toSatisfy(isFailed)
    await store.close()
    const again = await openStore({ directory })
    expect(await again.get('journal', 'before')).toBeDefined()
    expect(await again.get('journal', 'after')).toBeUndefined()
    await again.close()
  })
})

describe('the log', () => {
  it('stays near its limit however much is written', async () => {
    const directory = temporaryDirectory()
    const store = await openStore({ directory, checkpointBytes: MEBIBYTE })
    let largestBytes = 0
    for (let round = 0; round < 60; round++) {
      const batches = Array.from({ length: 50 }, (_, index) => store.write([put(`k${index}`, 3000)], 'process'))
      await Promise.all(batches)
      largestBytes = Math.max(largestBytes, statSync(join(directory, 'store.db-wal')).size)
    }
    expect(largestBytes).toBeLessThan(3 * MEBIBYTE)
    expect(statSync(join(directory, 'store.db')).size).toBeLessThan(MEBIBYTE)
    await store.close()
  })
})
