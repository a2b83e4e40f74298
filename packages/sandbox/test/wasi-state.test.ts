import { describe, expect, test } from 'vitest'
import { Errno } from '../src/wasi/errno.ts'
import { Right } from '../src/wasi/rights.ts'
import { DATA, RESULT, WasiGuest } from './wasi-guest.ts'

const CREATE = 1
const DIRECTORY = 2
const TRUNCATE = 8
const APPEND = 1
const NONBLOCK = 4
const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const input = (): ReadonlyMap<string, Uint8Array> =>
  new Map([
    ['b.txt', text('bee')],
    ['dir/a.txt', text('hello')],
  ])
const content = (guest: WasiGuest, path: string): string =>
  new TextDecoder().decode(guest.host.files.changedFiles(0).get(path))

describe('environment', () => {
  test('is given as the program’s start gives it, and faults where memory ends', () => {
    const guest = new WasiGuest({
      environment: new Map([
        ['A', 'b'],
        ['PATH', 'x=y'],
      ]),
    })
    expect(guest.call('environ_sizes_get', RESULT, RESULT + 4)).toBe(0)
    expect([guest.result(), guest.view().getUint32(RESULT + 4, true)]).toEqual([2, 13])
    expect(guest.call('environ_get', RESULT, DATA)).toBe(0)
    expect(guest.text(DATA, 13)).toBe('A=b\0PATH=x=y\0')
    expect(guest.view().getUint32(RESULT + 4, true)).toBe(DATA + 4)
    expect(guest.call('environ_get', RESULT, 65_530)).toBe(Errno.fault)
    expect(guest.call('environ_get', 65_532, DATA)).toBe(Errno.fault)
    expect(guest.call('environ_sizes_get', RESULT, 65_534)).toBe(Errno.fault)
  })
})

describe('positions and sizes', () => {
  test('beyond the end there is nothing to read, and writing fills the gap with zeros', () => {
    const guest = new WasiGuest({ files: input() })
    const fd = guest.opened('b.txt')
    expect(guest.call('fd_seek', fd, 10n, 2, RESULT)).toBe(0)
    expect(guest.result64()).toBe(13n)
    expect(guest.read(fd, 10)).toBe('')
    expect(guest.call('fd_tell', fd, RESULT)).toBe(0)
    expect(guest.result64()).toBe(13n)
    guest.write(fd, '!')
    expect(content(guest, 'b.txt')).toBe(`bee${'\0'.repeat(10)}!`)
    expect(guest.call('fd_seek', fd, -15n, 1, RESULT)).toBe(Errno.inval)
    expect(guest.call('fd_tell', fd, RESULT)).toBe(0)
    expect(guest.result64()).toBe(14n)
    expect(guest.call('fd_pread', fd, guest.slice(DATA, 9), 1, 100n, RESULT)).toBe(0)
    expect(guest.result()).toBe(0)
  })

  test('appending goes to the end wherever the position is, for each descriptor of the file', () => {
    const guest = new WasiGuest({ files: input() })
    const log = guest.opened('b.txt', { descriptorFlags: APPEND })
    const other = guest.opened('b.txt')
    guest.write(log, '1')
    guest.call('fd_seek', other, 0n, 2, RESULT)
    guest.write(other, '2')
    guest.write(log, '3')
    expect(content(guest, 'b.txt')).toBe('bee123')
    expect(guest.call('fd_pwrite', log, guest.slice(DATA, 1), 1, 0n, RESULT)).toBe(0)
    expect(content(guest, 'b.txt')).toBe('3ee123')
    expect(guest.call('fd_fdstat_set_flags', log, 0)).toBe(0)
    guest.call('fd_seek', log, 1n, 0, RESULT)
    guest.write(log, 'E')
    expect(content(guest, 'b.txt')).toBe('3Ee123')
  })

  test('truncating keeps positions, and what comes back is zeros', () => {
    const guest = new WasiGuest({ files: input() })
    const fd = guest.opened('dir/a.txt')
    guest.read(fd, 5)
    expect(guest.call('fd_filestat_set_size', fd, 1n)).toBe(0)
    expect(guest.call('fd_filestat_set_size', fd, 4n)).toBe(0)
    guest.write(fd, 'x')
    expect(content(guest, 'dir/a.txt')).toBe('h\0\0\0\0x')
    guest.opened('dir/a.txt', { flags: TRUNCATE })
    expect(guest.stat('dir/a.txt').size).toBe(0)
  })

  test('allocating makes a file larger and never smaller', () => {
    const guest = new WasiGuest({ files: input() })
    const fd = guest.opened('b.txt')
    expect(guest.call('fd_allocate', fd, 1n, 1n)).toBe(0)
    expect(guest.stat('b.txt').size).toBe(3)
    expect(guest.call('fd_allocate', fd, 4n, 2n)).toBe(0)
    expect(guest.stat('b.txt').size).toBe(6)
    expect(guest.call('fd_allocate', fd, 2n ** 53n - 1n, 2n ** 53n - 1n)).toBe(Errno.fbig)
    expect(guest.call('fd_allocate', 3, 0n, 1n)).toBe(Errno.badf)
    expect(guest.call('fd_allocate', 1, 0n, 1n)).toBe(Errno.spipe)
  })

  test('what the caller gave is never changed', () => {
    const files = input()
    const guest = new WasiGuest({ files })
    guest.write(guest.opened('b.txt'), 'BEEHIVE')
    guest.call('fd_filestat_set_size', guest.opened('dir/a.txt'), 2n)
    expect(content(guest, 'b.txt')).toBe('BEEHIVE')
    expect(content(guest, 'dir/a.txt')).toBe('he')
    expect(files).toEqual(input())
  })

  test('a result that cannot be stored moves nothing', () => {
    const guest = new WasiGuest({ files: input(), stdin: text('stdin') })
    const fd = guest.opened('b.txt')
    expect(guest.call('fd_read', fd, guest.slice(DATA, 2), 1, 65_534)).toBe(Errno.fault)
    expect(guest.read(fd, 9)).toBe('bee')
    expect(guest.call('fd_read', 0, guest.slice(DATA, 2), 1, 65_534)).toBe(Errno.fault)
    expect(guest.read(0, 9)).toBe('stdin')
    expect(guest.call('fd_seek', fd, 1n, 0, 65_530)).toBe(Errno.fault)
    expect(guest.read(fd, 9)).toBe('')
    expect(guest.open('made', { flags: CREATE })).toBe(0)
    const made = guest.path('not-made')
    expect(guest.call('path_open', 3, 0, ...made, CREATE, 0n, 0n, 0, 65_534)).toBe(Errno.fault)
    expect(guest.stat('not-made').errno).toBe(Errno.noent)
  })
})

describe('descriptors', () => {
  test('flags that change nothing here are kept and shown', () => {
    const guest = new WasiGuest({ files: input() })
    const fd = guest.opened('b.txt', { descriptorFlags: NONBLOCK })
    for (const flags of [NONBLOCK, 0x1f, 0]) {
      guest.call('fd_fdstat_set_flags', fd, flags)
      expect(guest.call('fd_fdstat_get', fd, RESULT)).toBe(0)
      expect(guest.view().getUint16(RESULT + 2, true)).toBe(flags)
    }
  })

  test('renumbering closes what was there, may take the preopened directory, and onto itself does nothing', () => {
    const guest = new WasiGuest({ files: input() })
    const [first, second] = [guest.opened('b.txt'), guest.opened('dir/a.txt')]
    expect(guest.call('fd_renumber', first, first)).toBe(0)
    expect(guest.read(first, 1)).toBe('b')
    expect(guest.call('fd_renumber', first, second)).toBe(0)
    expect(guest.read(second, 9)).toBe('ee')
    expect(guest.call('fd_close', first)).toBe(Errno.badf)
    expect(guest.call('fd_renumber', 99, second)).toBe(Errno.badf)
    expect(guest.call('fd_renumber', second, 99)).toBe(Errno.badf)
    expect(guest.call('fd_renumber', second, 1)).toBe(0)
    expect(guest.write(1, 'x')).toBe(0)
    expect(guest.host.stdout.length).toBe(0)
    const dir = guest.opened('dir', { flags: DIRECTORY })
    expect(guest.call('fd_renumber', dir, 3)).toBe(0)
    expect(guest.open('a.txt')).toBe(0)
    expect(guest.open('b.txt')).toBe(Errno.noent)
    expect(guest.call('fd_prestat_get', 3, RESULT)).toBe(Errno.badf)
  })

  test('the preopened directory says its name to a buffer that is long enough', () => {
    const guest = new WasiGuest()
    expect(guest.call('fd_prestat_dir_name', 3, DATA, 0)).toBe(Errno.nametoolong)
    expect(guest.call('fd_prestat_dir_name', 3, DATA, 100)).toBe(0)
    expect(guest.call('fd_prestat_dir_name', 3, 65_536, 1)).toBe(Errno.fault)
    expect(guest.call('fd_prestat_dir_name', 0, DATA, 1)).toBe(Errno.badf)
    expect(guest.call('fd_close', 3)).toBe(0)
    expect(guest.call('fd_prestat_get', 3, RESULT)).toBe(Errno.badf)
    expect(guest.open('x')).toBe(Errno.badf)
  })

  test('standard streams are no terminal, so that a C library buffers them whole', () => {
    const guest = new WasiGuest()
    for (const fd of [0, 1, 2]) {
      expect(guest.call('fd_fdstat_get', fd, RESULT)).toBe(0)
      expect(guest.view().getUint8(RESULT)).toBe(0)
      expect(guest.view().getBigUint64(RESULT + 8, true) & (Right.fdSeek | Right.fdTell)).toBe(0n)
      expect(guest.call('fd_tell', fd, RESULT)).toBe(Errno.spipe)
      expect(guest.call('fd_filestat_set_size', fd, 0n)).toBe(Errno.spipe)
      expect(guest.call('fd_filestat_set_times', fd, 0n, 0n, 1)).toBe(Errno.badf)
      expect(guest.call('fd_readdir', fd, DATA, 9, 0n, RESULT)).toBe(Errno.notdir)
    }
  })
})

describe('reading a directory while it changes', () => {
  const entriesAfter = (guest: WasiGuest, cookie: bigint): [string, bigint][] => {
    expect(guest.call('fd_readdir', 3, DATA, 4096, cookie, RESULT)).toBe(0)
    const entries: [string, bigint][] = []
    for (let at = DATA; at < DATA + guest.result(); ) {
      const length = guest.view().getUint32(at + 16, true)
      entries.push([guest.text(at + 24, length), guest.view().getBigUint64(at, true)])
      at += 24 + length
    }
    return entries
  }

  test('cookies stay good: what is removed is gone, what is new comes last, nothing comes twice', () => {
    const guest = new WasiGuest()
    for (const name of ['a', 'b', 'c', 'd']) guest.opened(name, { flags: CREATE })
    const all = entriesAfter(guest, 0n)
    expect(all.map(([name]) => name)).toEqual(['.', '..', 'a', 'b', 'c', 'd'])
    const afterB = all[3]?.[1] ?? 0n
    guest.call('path_unlink_file', 3, ...guest.path('a'))
    guest.call('path_unlink_file', 3, ...guest.path('b'))
    guest.opened('a', { flags: CREATE })
    expect(entriesAfter(guest, afterB).map(([name]) => name)).toEqual(['c', 'd', 'a'])
    guest.two('path_rename', 'c', 'z')
    expect(entriesAfter(guest, afterB).map(([name]) => name)).toEqual(['d', 'a', 'z'])
    expect(entriesAfter(guest, 2n ** 63n)).toEqual([])
    expect(entriesAfter(guest, -1n)).toEqual([])
  })

  test('a buffer of no or few bytes is filled, not overrun', () => {
    const guest = new WasiGuest({ files: input() })
    new Uint8Array(guest.memory).fill(7, DATA, DATA + 200)
    expect(guest.call('fd_readdir', 3, DATA, 0, 0n, RESULT)).toBe(0)
    expect(guest.result()).toBe(0)
    for (const size of [1, 23, 24, 25, 49, 55]) {
      expect(guest.call('fd_readdir', 3, DATA, size, 0n, RESULT)).toBe(0)
      expect(guest.result()).toBe(size)
      expect(guest.view().getUint8(DATA + size)).toBe(7)
    }
  })

  test('a removed directory has no entries and takes none', () => {
    const guest = new WasiGuest()
    guest.call('path_create_directory', 3, ...guest.path('gone'))
    const fd = guest.opened('gone', { flags: DIRECTORY })
    expect(guest.call('path_remove_directory', 3, ...guest.path('gone'))).toBe(0)
    expect(guest.list(fd)).toEqual(['.', '..'])
    expect(guest.open('x', { fd, flags: CREATE })).toBe(Errno.noent)
    expect(guest.call('path_create_directory', fd, ...guest.path('x'))).toBe(Errno.noent)
    expect(guest.open('..', { fd })).toBe(Errno.perm)
    guest.opened('file', { flags: CREATE })
    expect(guest.call('path_rename', 3, ...guest.path('file'), fd, ...guest.path('x', 8192))).toBe(Errno.noent)
    expect(guest.stat('file').errno).toBe(0)
  })
})
