import { describe, expect, test } from 'vitest'
import { GuestStop } from '../src/guest-stop.ts'
import { Errno } from '../src/wasi/errno.ts'
import { GrowingBytes } from '../src/wasi/growing-bytes.ts'
import { ByteQuota, fileQuotas, resultQuotas } from '../src/wasi/quota.ts'
import { collectGarbage } from './garbage.ts'
import { SeededNumbers } from './seeded-numbers.ts'
import { RESULT, WasiGuest } from './wasi-guest.ts'

const CREATE = 1
const DIRECTORY = 2
const MIB = 2 ** 20
const text = (value: string): Uint8Array => new TextEncoder().encode(value)

/** Bytes that this process still holds after a collection. */
function heldBytes(): number {
  collectGarbage()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** Runs until the guest is stopped; the reason. */
function stopOf(action: () => unknown): GuestStop['reason'] {
  try {
    action()
  } catch (error) {
    if (error instanceof GuestStop) return error.reason
    throw error
  }
  throw new Error('the guest was not stopped')
}

describe('bytes that grow', () => {
  test('4 MiB written byte by byte take no time that grows with the square', () => {
    const bytes = new GrowingBytes(new ByteQuota(4 * MIB))
    const one = Uint8Array.of(7)
    const begun = performance.now()
    // Copying all of it at each write would be eight terabytes.
    for (let at = 0; at < 4 * MIB && performance.now() - begun < 5000; at++) bytes.write(at, one)
    expect(bytes.length).toBe(4 * MIB)
    expect(bytes.view().every((value) => value === 7)).toBe(true)
    expect(() => bytes.write(4 * MIB, one)).toThrow()
  })

  test('a log written in small pieces through fd_write is as cheap', () => {
    const guest = new WasiGuest({}, { outputBytes: 2 * MIB })
    const list = guest.slice(0, 8)
    const begun = performance.now()
    for (let count = 0; count < 2 ** 17 && performance.now() - begun < 5000; count++)
      guest.call('fd_write', 1, list, 1, RESULT)
    expect(guest.host.stdout.length).toBe(MIB)
  })

  test('buffers shrink with what they hold', () => {
    const before = heldBytes()
    const all = Array.from({ length: 50 }, () => {
      const bytes = new GrowingBytes(new ByteQuota(4 * MIB))
      bytes.resize(4 * MIB)
      bytes.write(0, Uint8Array.of(1, 2, 3))
      bytes.resize(3)
      return bytes
    })
    expect(heldBytes() - before).toBeLessThan(20 * MIB)
    for (const bytes of all) {
      bytes.resize(5)
      expect([...bytes.view()]).toEqual([1, 2, 3, 0, 0])
    }
  })

  test('hold the same as a plain array, whatever order of writes, cuts and reads', () => {
    const initial = Uint8Array.from({ length: 9000 }, (_, index) => index)
    const bytes = new GrowingBytes(new ByteQuota(10 * MIB), initial)
    let plain = [...initial]
    const random = new SeededNumbers(1)
    for (let step = 0; step < 400; step++) {
      if (random.below(3) === 0) {
        const length = random.below(20_000)
        bytes.resize(length)
        plain = Array.from({ length }, (_, index) => plain[index] ?? 0)
      } else {
        const [offset, length] = [random.below(plain.length + 100), random.below(3000)]
        const added = Uint8Array.from({ length }, () => random.below(256))
        bytes.write(offset, added)
        if (length > 0) while (plain.length < offset) plain.push(0)
        plain.splice(offset, length, ...added)
      }
      expect(bytes.length).toBe(plain.length)
      const from = random.below(plain.length + 1)
      const target = new Uint8Array(500)
      const count = bytes.read(from, target)
      expect([...target.subarray(0, count)]).toEqual(plain.slice(from, from + 500))
    }
    expect([...bytes.copy()]).toEqual(plain)
    expect(initial.every((value, index) => value === (index & 0xff))).toBe(true)
  })
})

describe('the byte quota', () => {
  test('an entry takes its name and a fixed share, and gives them back', () => {
    const share = fileQuotas.entryBytes
    const guest = new WasiGuest({}, { outputBytes: 1000 })
    const left = (): number => guest.host.quota.leftBytes
    guest.opened('name', { flags: CREATE })
    expect(left()).toBe(1000 - share - 4)
    guest.two('path_link', 'name', 'näme')
    expect(left()).toBe(1000 - 2 * share - 9)
    guest.symlink('target', 'link')
    expect(left()).toBe(1000 - 3 * share - 9 - 4 - 6)
    guest.call('path_create_directory', 3, ...guest.path('d'))
    expect(left()).toBe(1000 - 4 * share - 9 - 4 - 6 - 1)
    guest.two('path_rename', 'name', 'd/long-name')
    expect(left()).toBe(1000 - 4 * share - 9 - 4 - 6 - 1 - 5)
    for (const path of ['d/long-name', 'näme', 'link']) guest.call('path_unlink_file', 3, ...guest.path(path))
    guest.call('path_remove_directory', 3, ...guest.path('d'))
    guest.call('fd_close', 4)
    expect(left()).toBe(1000)
  })

  test('entries alone can reach the limit', () => {
    const guest = new WasiGuest({}, { outputBytes: 1000 })
    const reason = stopOf(() => {
      for (let count = 0; count < 100; count++) guest.call('path_create_directory', 3, ...guest.path(`d${count}`))
    })
    expect(reason).toMatchObject({ kind: 'limit', limit: 'output', allowed: 1000 })
  })

  test('the caller’s files are free up to the length that they came with, and removing them earns nothing', () => {
    const files = new Map([['f', new Uint8Array(5000)]])
    const guest = new WasiGuest({ files }, { outputBytes: 100 })
    const fd = guest.opened('f')
    expect(guest.call('fd_filestat_set_size', fd, 10n)).toBe(0)
    expect(guest.call('fd_filestat_set_size', fd, 5050n)).toBe(0)
    expect(guest.host.quota.leftBytes).toBe(50)
    expect(guest.call('fd_close', fd)).toBe(0)
    expect(guest.call('path_unlink_file', 3, ...guest.path('f'))).toBe(0)
    expect(guest.host.quota.leftBytes).toBe(100)
    expect(stopOf(() => guest.write(1, 'x'.repeat(101)))).toMatchObject({ limit: 'output', wanted: 101 })
  })

  test('all files together, not each', () => {
    const guest = new WasiGuest({}, { outputBytes: 1000 })
    guest.write(1, 'x'.repeat(300))
    guest.write(guest.opened('a', { flags: CREATE }), 'x'.repeat(300))
    guest.write(2, 'x'.repeat(200))
    const wanted = 300 + 300 + 200 + 2 * (fileQuotas.entryBytes + 1) + 300
    const more = stopOf(() => guest.write(guest.opened('b', { flags: CREATE }), 'x'.repeat(300)))
    expect(more).toEqual({ kind: 'limit', limit: 'output', allowed: 1000, wanted })
  })
})

describe('the number of entries', () => {
  test('counts files, directories, symbolic links and second names alike', () => {
    const guest = new WasiGuest({ files: new Map([['f', text('x')]]) }, { outputBytes: 8 * MIB })
    const make: readonly ((name: string) => number)[] = [
      (name) => guest.call('path_create_directory', 3, ...guest.path(name)),
      (name) => guest.symlink('f', name),
      (name) => guest.two('path_link', 'f', name),
    ]
    for (let count = 1; count < fileQuotas.nodes; count++) expect(make[count % 3]?.(`n${count}`)).toBe(0)
    for (const each of make) expect(each('one-more')).toBe(Errno.nospc)
    expect(guest.open('one-more', { flags: CREATE })).toBe(Errno.nospc)
    expect(guest.two('path_rename', 'f', 'renamed')).toBe(0)
    expect(guest.call('path_unlink_file', 3, ...guest.path('renamed'))).toBe(0)
    expect(guest.open('one-more', { flags: CREATE })).toBe(0)
  })

  test('and each holds at most 2 KiB of this machine, however its path was spelled', () => {
    const guest = new WasiGuest({}, { outputBytes: 64 * MIB })
    const count = 4000
    const before = heldBytes()
    for (let index = 0; index < count; index++) {
      const name = `${index}`.padStart(200, 'n')
      expect(guest.open(`${'./'.repeat(1900)}${name}`, { flags: CREATE })).toBe(0)
      guest.call('fd_close', guest.result())
    }
    expect((heldBytes() - before) / count).toBeLessThan(2048)
    expect(guest.host.files.root.entries.size).toBe(count)
  })
})

describe('a result', () => {
  const created = (...paths: readonly string[]): WasiGuest => {
    const guest = new WasiGuest({}, { outputBytes: MIB })
    for (const path of paths) {
      // A path may be longer than one call takes.
      let fd = 3
      const names = path.split('/')
      for (const name of names.slice(0, -1)) {
        guest.call('path_create_directory', fd, ...guest.path(name))
        fd = guest.opened(name, { fd, flags: DIRECTORY })
      }
      guest.opened(names.at(-1) ?? '', { fd, flags: CREATE })
    }
    return guest
  }

  test('names 64 files, and one more is the limit', () => {
    const paths = Array.from({ length: resultQuotas.files }, (_, index) => `f${index}`)
    expect(created(...paths).host.files.changedFiles(0).size).toBe(resultQuotas.files)
    const reason = stopOf(() => created(...paths, 'more').host.files.changedFiles(0))
    expect(reason).toEqual({ kind: 'limit', limit: 'files', allowed: 64, wanted: 65 })
  })

  test('names paths of 1,024 bytes, 32 KiB together', () => {
    const deep = `${'d'.repeat(255)}/`.repeat(4)
    const just = deep.slice(0, 1024 - 1)
    expect([...created(just).host.files.changedFiles(0).keys()]).toEqual([just])
    expect(stopOf(() => created(`${deep}f`).host.files.changedFiles(0))).toMatchObject({ limit: 'paths', wanted: 1025 })
    const many = Array.from({ length: 33 }, (_, index) => `${deep.slice(0, 1000)}${index}`)
    expect(stopOf(() => created(...many).host.files.changedFiles(0))).toMatchObject({
      limit: 'paths',
      allowed: resultQuotas.pathsBytes,
    })
  })

  test('does not count what was only read, or removed again', () => {
    const files = new Map(Array.from({ length: 100 }, (_, index) => [`in${index}`, text('x')]))
    const guest = new WasiGuest({ files }, { outputBytes: MIB })
    for (let index = 0; index < 100; index++) {
      guest.opened(`scratch${index}`, { flags: CREATE })
      guest.call('path_unlink_file', 3, ...guest.path(`scratch${index}`))
    }
    expect(guest.host.files.changedFiles(0).size).toBe(0)
  })
})
