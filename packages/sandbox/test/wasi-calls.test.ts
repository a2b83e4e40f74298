import { describe, expect, test } from 'vitest'
import { Errno } from '../src/wasi/errno.ts'
import { Right } from '../src/wasi/rights.ts'
import { DATA, RESULT, WasiGuest } from './wasi-guest.ts'

const CREATE = 1
const DIRECTORY = 2
const EXCLUSIVE = 4
const TRUNCATE = 8
const FOLLOW = 1
const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const input = (): ReadonlyMap<string, Uint8Array> =>
  new Map([
    ['b.txt', text('bee')],
    ['dir/a.txt', text('hello')],
  ])

/** Rights that a descriptor shows: its own, and what it passes on. */
function rightsOf(guest: WasiGuest, fd: number): [bigint, bigint] {
  expect(guest.call('fd_fdstat_get', fd, RESULT)).toBe(0)
  return [guest.view().getBigUint64(RESULT + 8, true), guest.view().getBigUint64(RESULT + 16, true)]
}

describe('rights', () => {
  test('each call needs its own, and is ENOTCAPABLE without it', () => {
    const path = (guest: WasiGuest, name = 'b.txt'): [number, number] => guest.path(name)
    const ofFile: readonly (readonly [string, bigint, readonly (number | bigint)[]])[] = [
      ['fd_advise', Right.fdAdvise, [0n, 0n, 0]],
      ['fd_allocate', Right.fdAllocate, [0n, 9n]],
      ['fd_datasync', Right.fdDatasync, []],
      ['fd_sync', Right.fdSync, []],
      ['fd_fdstat_set_flags', Right.fdSetFlags, [0]],
      ['fd_filestat_get', Right.fdStat, [RESULT]],
      ['fd_filestat_set_size', Right.fdSetSize, [2n]],
      ['fd_filestat_set_times', Right.fdSetTimes, [0n, 0n, 1]],
      ['fd_pread', Right.fdSeek, [512, 1, 0n, RESULT]],
      ['fd_pwrite', Right.fdSeek, [512, 1, 0n, RESULT]],
      ['fd_seek', Right.fdSeek, [1n, 0, RESULT]],
    ]
    for (const [name, right, rest] of ofFile) {
      const guest = new WasiGuest({ files: input() })
      guest.slice(DATA, 1)
      const [all, without] = [guest.opened('b.txt'), guest.opened('b.txt')]
      const [had] = rightsOf(guest, without)
      expect(guest.call('fd_fdstat_set_rights', without, had & ~right, 0n), name).toBe(0)
      expect(guest.call(name, without, ...rest), name).toBe(Errno.notcapable)
      expect(guest.call(name, all, ...rest), name).toBe(0)
    }
    type OnDirectory = readonly [string, bigint, (guest: WasiGuest, fd: number) => readonly (number | bigint)[]]
    const ofDirectory: readonly OnDirectory[] = [
      ['fd_readdir', Right.fdReaddir, (_, fd) => [fd, DATA, 100, 0n, RESULT]],
      ['path_create_directory', Right.pathCreateDirectory, (guest, fd) => [fd, ...path(guest, 'new')]],
      ['path_filestat_get', Right.pathStat, (guest, fd) => [fd, 0, ...path(guest), RESULT]],
      ['path_filestat_set_times', Right.pathSetTimes, (guest, fd) => [fd, 0, ...path(guest), 0n, 0n, 1]],
      ['path_link', Right.pathLinkSource, (guest, fd) => [fd, 0, ...path(guest), 3, ...guest.path('l', 8192)]],
      ['path_link', Right.pathLinkTarget, (guest, fd) => [3, 0, ...path(guest), fd, ...guest.path('l', 8192)]],
      ['path_open', Right.pathOpen, (guest, fd) => [fd, 0, ...path(guest), 0, 0n, 0n, 0, RESULT]],
      ['path_open', Right.pathCreateFile, (guest, fd) => [fd, 0, ...path(guest), CREATE, 0n, 0n, 0, RESULT]],
      ['path_open', Right.pathSetSize, (guest, fd) => [fd, 0, ...path(guest), TRUNCATE, 0n, 0n, 0, RESULT]],
      ['path_readlink', Right.pathReadlink, (guest, fd) => [fd, ...path(guest, 'link'), DATA, 9, RESULT]],
      ['path_remove_directory', Right.pathRemoveDirectory, (guest, fd) => [fd, ...path(guest, 'empty')]],
      ['path_rename', Right.pathRenameSource, (guest, fd) => [fd, ...path(guest), 3, ...guest.path('n', 8192)]],
      ['path_rename', Right.pathRenameTarget, (guest, fd) => [3, ...path(guest), fd, ...guest.path('n', 8192)]],
      ['path_symlink', Right.pathSymlink, (guest, fd) => [...path(guest), fd, ...guest.path('s', 8192)]],
      ['path_unlink_file', Right.pathUnlinkFile, (guest, fd) => [fd, ...path(guest)]],
    ]
    for (const [name, right, parameters] of ofDirectory) {
      const guest = new WasiGuest({ files: input() })
      guest.symlink('b.txt', 'link')
      guest.call('path_create_directory', 3, ...guest.path('empty'))
      const without = guest.opened('.', { flags: DIRECTORY })
      const [had, inheriting] = rightsOf(guest, without)
      expect(guest.call('fd_fdstat_set_rights', without, had & ~right, inheriting), name).toBe(0)
      expect(guest.call(name, ...parameters(guest, without)), `${name} ${right}`).toBe(Errno.notcapable)
      expect(guest.call(name, ...parameters(guest, 3)), name).toBe(0)
    }
  })

  test('reading and writing without the right is EBADF, as in POSIX', () => {
    const guest = new WasiGuest({ files: input() })
    const [reader, writer] = [Right.fdRead, Right.fdWrite].map((right) =>
      guest.opened('b.txt', { rights: right | Right.fdSeek }),
    ) as [number, number]
    const list = guest.slice(DATA, 1)
    expect(guest.call('fd_write', reader, list, 1, RESULT)).toBe(Errno.badf)
    expect(guest.call('fd_pwrite', reader, list, 1, 0n, RESULT)).toBe(Errno.badf)
    expect(guest.call('fd_read', writer, list, 1, RESULT)).toBe(Errno.badf)
    expect(guest.call('fd_pread', writer, list, 1, 0n, RESULT)).toBe(Errno.badf)
    expect(guest.call('fd_read', 3, list, 1, RESULT)).toBe(Errno.isdir)
    expect(guest.call('fd_write', 3, list, 1, RESULT)).toBe(Errno.isdir)
  })

  test('the right to seek includes that to tell, and telling alone moves nothing', () => {
    const guest = new WasiGuest({ files: input() })
    const teller = guest.opened('b.txt', { rights: Right.fdTell })
    expect(guest.call('fd_tell', teller, RESULT)).toBe(0)
    expect(guest.call('fd_seek', teller, 0n, 1, RESULT)).toBe(0)
    expect(guest.call('fd_seek', teller, 1n, 1, RESULT)).toBe(Errno.notcapable)
    expect(guest.call('fd_seek', teller, 0n, 0, RESULT)).toBe(Errno.notcapable)
    expect(guest.call('fd_tell', guest.opened('b.txt', { rights: Right.fdSeek }), RESULT)).toBe(0)
    const neither = guest.opened('b.txt', { rights: Right.fdRead })
    expect(guest.call('fd_tell', neither, RESULT)).toBe(Errno.notcapable)
    expect(guest.call('fd_seek', neither, 0n, 1, RESULT)).toBe(Errno.notcapable)
  })

  test('a descriptor gets what was asked for, as far as its directory passes it on and it means something', () => {
    const guest = new WasiGuest({ files: input() })
    const [base, passed] = rightsOf(guest, 3)
    expect(base & (Right.fdRead | Right.fdWrite | Right.fdSetSize)).toBe(0n)
    expect(passed & (Right.fdRead | Right.fdWrite | Right.pathOpen)).toBe(Right.fdRead | Right.fdWrite | Right.pathOpen)
    const narrow = guest.call('path_open', 3, 0, ...guest.path('dir'), DIRECTORY, base, Right.fdRead, 0, RESULT)
    expect(narrow).toBe(0)
    const directory = guest.result()
    expect(rightsOf(guest, guest.opened('a.txt', { fd: directory }))).toEqual([Right.fdRead, Right.fdRead])
    expect(rightsOf(guest, guest.opened('b.txt', { rights: 0n }))[0]).toBe(0n)
    expect(guest.open('dir', { flags: DIRECTORY, rights: Right.fdWrite })).toBe(Errno.isdir)
    expect(guest.open('dir', { rights: Right.fdWrite })).toBe(Errno.isdir)
    expect(guest.open('dir', { rights: Right.fdRead })).toBe(0)
  })
})

describe('flags that mean nothing are EINVAL', () => {
  test.each([
    ['path_open', [3, 2, 1024, 5, 0, 0n, 0n, 0, RESULT]],
    ['path_open', [3, 0, 1024, 5, 16, 0n, 0n, 0, RESULT]],
    ['path_open', [3, 0, 1024, 5, CREATE | DIRECTORY, 0n, 0n, 0, RESULT]],
    ['path_open', [3, 0, 1024, 5, 0, 0n, 0n, 32, RESULT]],
    ['path_filestat_get', [3, 2, 1024, 5, RESULT]],
    ['path_filestat_set_times', [3, 0, 1024, 5, 0n, 0n, 16]],
    ['path_link', [3, 2, 1024, 5, 3, 1024, 5]],
    ['fd_filestat_set_times', [4, 0n, 0n, 3]],
    ['fd_filestat_set_times', [4, 0n, 0n, 12]],
    ['fd_filestat_set_times', [4, 0n, 0n, -1]],
    ['fd_fdstat_set_flags', [4, 0x20]],
    ['fd_advise', [4, 0n, 0n, 6]],
    ['fd_advise', [4, -1n, 0n, 0]],
    ['fd_seek', [4, 0n, 3, RESULT]],
    ['fd_seek', [4, 0n, 255, RESULT]],
    ['fd_allocate', [4, 0n, 0n]],
    ['fd_allocate', [4, -1n, 1n]],
    ['fd_filestat_set_size', [4, -1n]],
    ['clock_time_get', [4, 0n, RESULT]],
    ['clock_res_get', [-1, RESULT]],
  ] as const)('%s %s', (name, parameters) => {
    const guest = new WasiGuest({ files: input() })
    expect(guest.opened('b.txt')).toBe(4)
    expect(guest.call(name, ...parameters)).toBe(Errno.inval)
  })
})

describe('paths', () => {
  const escapes = ['..', '../b.txt', 'deep/../../b.txt', './/..', '/b.txt', '/', 'up/b.txt', 'deep/up/../../b.txt']

  test.each([
    ['path_create_directory', (fd: number, path: [number, number]) => [fd, ...path]],
    ['path_filestat_get', (fd: number, path: [number, number]) => [fd, FOLLOW, ...path, RESULT]],
    ['path_filestat_set_times', (fd: number, path: [number, number]) => [fd, FOLLOW, ...path, 0n, 0n, 5]],
    ['path_link', (fd: number, path: [number, number]) => [fd, FOLLOW, ...path, fd, 8192, 3]],
    ['path_link', (fd: number, path: [number, number]) => [fd, 0, 8192, 5, fd, ...path]],
    ['path_open', (fd: number, path: [number, number]) => [fd, FOLLOW, ...path, 0, 0n, 0n, 0, RESULT]],
    ['path_open', (fd: number, path: [number, number]) => [fd, FOLLOW, ...path, CREATE, 0n, 0n, 0, RESULT]],
    ['path_readlink', (fd: number, path: [number, number]) => [fd, ...path, DATA, 9, RESULT]],
    ['path_remove_directory', (fd: number, path: [number, number]) => [fd, ...path]],
    ['path_rename', (fd: number, path: [number, number]) => [fd, ...path, fd, 8192, 3]],
    ['path_rename', (fd: number, path: [number, number]) => [fd, 8192, 5, fd, ...path]],
    ['path_symlink', (fd: number, path: [number, number]) => [8192, 3, fd, ...path]],
    ['path_unlink_file', (fd: number, path: [number, number]) => [fd, ...path]],
  ] as const)('%s cannot leave its directory, above which there are files too', (name, parameters) => {
    for (const path of escapes) {
      const guest = new WasiGuest({ files: new Map([...input(), ['dir/deep/file', text('x')]]) })
      guest.symlink('..', 'dir/up')
      guest.symlink('../..', 'dir/deep/up')
      const fd = guest.opened('dir', { flags: DIRECTORY })
      guest.path('a.txt', 8192)
      expect(guest.call(name, ...parameters(fd, guest.path(path))), path).toBe(Errno.perm)
      expect(guest.list(3)).toEqual(['.', '..', 'b.txt', 'dir'])
    }
  })

  test('wrong ones have the error number of what is wrong', () => {
    const guest = new WasiGuest({ files: input() })
    const cases: readonly (readonly [string | readonly number[], number])[] = [
      ['', Errno.noent],
      ['b\0', Errno.inval],
      [[0xff], Errno.ilseq],
      [[0xc0, 0x80], Errno.ilseq],
      [[0xed, 0xa0, 0x80], Errno.ilseq],
      ['x'.repeat(255), Errno.noent],
      ['x'.repeat(256), Errno.nametoolong],
      ['ä'.repeat(127), Errno.noent],
      ['ä'.repeat(128), Errno.nametoolong],
      ['./'.repeat(2047), 0],
      ['./'.repeat(2048), 0],
      [`${'./'.repeat(2048)}.`, Errno.nametoolong],
      ['b.txt/', Errno.notdir],
      ['b.txt/..', Errno.notdir],
      ['b.txt/.', Errno.notdir],
      ['dir/.', 0],
      ['dir//', 0],
      ['none/', Errno.noent],
    ]
    for (const [path, errno] of cases) {
      const bytes = typeof path === 'string' ? text(path) : Uint8Array.from(path)
      new Uint8Array(guest.memory).set(bytes, 1024)
      expect(guest.call('path_filestat_get', 3, 0, 1024, bytes.length, RESULT), String(path).slice(0, 40)).toBe(errno)
    }
  })

  test('32 links in a row are followed and no more', () => {
    const guest = new WasiGuest({ files: input() })
    for (let index = 0; index < 33; index++) guest.symlink(index === 0 ? 'b.txt' : `l${index - 1}`, `l${index}`)
    expect(guest.open('l31')).toBe(0)
    expect(guest.open('l32')).toBe(Errno.loop)
  })

  test('names keep all their bytes, a byte order mark too', () => {
    const guest = new WasiGuest()
    guest.opened('\ufeffname', { flags: CREATE })
    expect(guest.list(3)).toContain('\ufeffname')
    expect(guest.open('name')).toBe(Errno.noent)
    expect([...guest.host.files.changedFiles(0).keys()]).toEqual(['\ufeffname'])
  })
})

describe('links', () => {
  test('a symbolic link can be linked itself, or what it leads to', () => {
    const guest = new WasiGuest({ files: input() })
    guest.symlink('b.txt', 'link')
    expect(guest.call('path_link', 3, 0, ...guest.path('link'), 3, ...guest.path('second', 8192))).toBe(0)
    expect(guest.stat('second', false)).toMatchObject({ type: 7, links: 2 })
    expect(guest.call('path_link', 3, FOLLOW, ...guest.path('link'), 3, ...guest.path('third', 8192))).toBe(0)
    expect(guest.stat('third', false)).toMatchObject({ type: 4, links: 2 })
    guest.symlink('none', 'dangling')
    const dangling = guest.call('path_link', 3, FOLLOW, ...guest.path('dangling'), 3, ...guest.path('x', 8192))
    expect(dangling).toBe(Errno.noent)
    expect(guest.two('path_link', 'b.txt', 'dangling')).toBe(Errno.exist)
    expect(guest.two('path_link', 'b.txt', 'new/')).toBe(Errno.noent)
    expect(guest.two('path_link', 'b.txt/', 'new')).toBe(Errno.notdir)
  })

  test('a file lives as long as one of its names or descriptors', () => {
    const guest = new WasiGuest({ files: input() })
    guest.two('path_link', 'b.txt', 'other')
    expect(guest.call('path_unlink_file', 3, ...guest.path('b.txt'))).toBe(0)
    expect(guest.stat('other')).toMatchObject({ links: 1, size: 3 })
    const fd = guest.opened('other')
    expect(guest.call('path_unlink_file', 3, ...guest.path('other'))).toBe(0)
    expect(guest.read(fd, 9)).toBe('bee')
    expect(guest.write(fd, 'more')).toBe(0)
    expect(guest.call('fd_filestat_get', fd, RESULT)).toBe(0)
    expect(guest.view().getBigUint64(RESULT + 24, true)).toBe(0n)
    expect(guest.host.files.changedFiles(0).size).toBe(0)
  })

  test('symbolic links are refused where POSIX refuses them', () => {
    const guest = new WasiGuest({ files: input() })
    expect(guest.symlink('', 'x')).toBe(Errno.noent)
    expect(guest.symlink('a', 'b.txt')).toBe(Errno.exist)
    expect(guest.symlink('a', 'dir')).toBe(Errno.exist)
    expect(guest.symlink('a', 'new/')).toBe(Errno.noent)
    expect(guest.symlink('a', 'none/new')).toBe(Errno.noent)
    expect(guest.symlink('nowhere', 'dangling')).toBe(0)
    expect(guest.open('dangling')).toBe(Errno.noent)
    expect(guest.open('dangling', { flags: CREATE | EXCLUSIVE })).toBe(Errno.exist)
    expect(guest.open('dangling', { flags: CREATE, follow: false })).toBe(Errno.loop)
    expect(guest.open('dangling', { flags: CREATE })).toBe(0)
    expect(guest.stat('nowhere')).toMatchObject({ errno: 0, type: 4 })
    guest.symlink('dir', 'to-dir')
    expect(guest.call('path_remove_directory', 3, ...guest.path('to-dir'))).toBe(Errno.notdir)
    expect(guest.call('path_unlink_file', 3, ...guest.path('to-dir/'))).toBe(Errno.isdir)
    expect(guest.open('to-dir/', { flags: DIRECTORY, follow: false })).toBe(0)
  })

  test('readlink cuts what does not fit and needs a place for its result', () => {
    const guest = new WasiGuest()
    guest.symlink('täglich', 'link')
    expect(guest.call('path_readlink', 3, ...guest.path('link'), DATA, 100, RESULT)).toBe(0)
    expect(guest.text(DATA, guest.result())).toBe('täglich')
    expect(guest.call('path_readlink', 3, ...guest.path('link'), DATA, 0, RESULT)).toBe(0)
    expect(guest.result()).toBe(0)
    expect(guest.call('path_readlink', 3, ...guest.path('link'), DATA, 100, 65_534)).toBe(Errno.fault)
    expect(guest.call('path_readlink', 3, ...guest.path('link'), 65_530, 100, RESULT)).toBe(Errno.fault)
    expect(guest.call('path_readlink', 3, ...guest.path('none'), DATA, 100, RESULT)).toBe(Errno.noent)
  })
})
