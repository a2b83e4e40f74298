import { describe, expect, test } from 'vitest'
import { amountCosts, CHARGE_AHEAD_UNITS_MAX } from '../src/cost-table.ts'
import { GuestStop } from '../src/guest-stop.ts'
import { Errno } from '../src/wasi/errno.ts'
import { SeededRandom } from '../src/wasi/seeded-random.ts'
import { DATA, RESULT, WasiGuest } from './wasi-guest.ts'

const CREATE = 1
const DIRECTORY = 2
const EXCLUSIVE = 4
const TRUNCATE = 8
const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const input = (): ReadonlyMap<string, Uint8Array> =>
  new Map([
    ['b.txt', text('bee')],
    ['dir/a.txt', text('hello')],
  ])

function stopOf(action: () => unknown): GuestStop['reason'] {
  try {
    action()
  } catch (error) {
    if (error instanceof GuestStop) return error.reason
    throw error
  }
  throw new Error('the guest was not stopped')
}

describe('arguments, environment, exit', () => {
  test('arguments come with the program’s name first, the environment is empty', () => {
    const guest = new WasiGuest({ args: ['x', 'äö'] })
    expect(guest.call('args_sizes_get', RESULT, RESULT + 4)).toBe(0)
    expect([guest.result(), guest.view().getUint32(RESULT + 4, true)]).toEqual([3, 19])
    expect(guest.call('args_get', RESULT, DATA)).toBe(0)
    expect(guest.text(DATA, 19)).toBe('module.wasm\0x\0äö\0')
    expect(guest.view().getUint32(RESULT + 4, true)).toBe(DATA + 12)
    expect(guest.call('environ_sizes_get', RESULT, RESULT + 4)).toBe(0)
    expect(guest.result64()).toBe(0n)
    expect(guest.call('environ_get', RESULT, DATA)).toBe(0)
  })

  test('proc_exit ends the guest with its code', () => {
    expect(stopOf(() => new WasiGuest().call('proc_exit', -1))).toEqual({ kind: 'exit', exitCode: 0xffff_ffff })
  })

  test('sockets and signals are not there', () => {
    const guest = new WasiGuest()
    for (const [fd, errno] of [
      [1, Errno.notsock],
      [3, Errno.notsock],
      [9, Errno.badf],
    ] as const) {
      expect(guest.call('sock_accept', fd, 0, RESULT)).toBe(errno)
      expect(guest.call('sock_recv', fd, 0, 0, 0, RESULT, RESULT)).toBe(errno)
      expect(guest.call('sock_send', fd, 0, 0, 0, RESULT)).toBe(errno)
      expect(guest.call('sock_shutdown', fd, 0)).toBe(errno)
    }
    expect(guest.call('proc_raise', 9)).toBe(Errno.notsup)
    expect(guest.call('sched_yield')).toBe(0)
  })
})

describe('time and randomness', () => {
  test('clocks say the declared time and what was computed since, whatever the machine’s clock says', () => {
    const guest = new WasiGuest({ declaredTimeMs: 1_700_000_000_000 })
    const read = (clock: number): bigint => {
      expect(guest.call('clock_time_get', clock, 1n, RESULT)).toBe(0)
      return guest.result64()
    }
    const first = read(0)
    expect(first - 1_700_000_000_000_000_000n).toBeLessThan(100_000n)
    const before = read(1)
    guest.counter.value = BigInt(guest.counter.value) - 5_000_000n
    const after = read(1)
    expect(after - before).toBe(5_000_000n + BigInt(amountCosts.hostCall))
    expect(read(0)).toBeGreaterThan(first)
    // What was charged ahead is given back, but no clock runs backwards.
    guest.counter.value = BigInt(guest.counter.value) + 300_000n
    for (const clock of [1, 2, 3]) expect(read(clock)).toBeGreaterThanOrEqual(after)
    expect(guest.call('clock_time_get', 9, 1n, RESULT)).toBe(Errno.inval)
    expect(guest.call('clock_res_get', 0, RESULT)).toBe(0)
  })

  test('sleeping passes virtual time and no other, and costs no fuel for the time', () => {
    const guest = new WasiGuest()
    guest.view().setBigUint64(DATA, 77n, true)
    guest.view().setUint32(DATA + 16, 1, true)
    guest.view().setBigUint64(DATA + 24, 3_600_000_000_000n, true)
    const begun = performance.now()
    expect(guest.call('poll_oneoff', DATA, RESULT, 1, DATA + 48)).toBe(0)
    expect(performance.now() - begun).toBeLessThan(1000)
    expect(guest.view().getUint32(DATA + 48, true)).toBe(1)
    expect(guest.result64()).toBe(77n)
    guest.call('clock_time_get', 1, 1n, RESULT)
    expect(guest.result64()).toBeGreaterThan(3_600_000_000_000n)
    guest.call('clock_time_get', 2, 1n, RESULT)
    expect(guest.result64()).toBeLessThan(10_000n)
  })

  test('a poll with a readable descriptor answers that one and lets no time pass', () => {
    const guest = new WasiGuest()
    guest.view().setUint32(DATA + 16, 1, true)
    guest.view().setBigUint64(DATA + 24, 1_000_000_000n, true)
    guest.view().setBigUint64(DATA + 48, 5n, true)
    guest.view().setUint8(DATA + 48 + 8, 1)
    guest.view().setBigUint64(DATA + 96, 6n, true)
    guest.view().setUint8(DATA + 96 + 8, 2)
    guest.view().setUint32(DATA + 96 + 16, 99, true)
    expect(guest.call('poll_oneoff', DATA, RESULT, 3, DATA + 200)).toBe(0)
    expect(guest.view().getUint32(DATA + 200, true)).toBe(2)
    expect(guest.result64()).toBe(5n)
    expect(guest.view().getUint16(RESULT + 32 + 8, true)).toBe(Errno.badf)
    expect(guest.call('poll_oneoff', DATA, RESULT, 0, DATA + 200)).toBe(Errno.inval)
    expect(guest.call('poll_oneoff', DATA, RESULT, 5000, DATA + 200)).toBe(Errno.inval)
  })

  test('random bytes are the seed’s: RFC 8439 key stream', () => {
    const random = new SeededRandom(new Uint8Array(32))
    const first = new Uint8Array(64)
    random.fill(first.subarray(0, 10))
    random.fill(first.subarray(10))
    expect(Buffer.from(first).toString('hex')).toBe(
      '76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586',
    )
    const draw = (seed: number): string => {
      const guest = new WasiGuest({ seed: new Uint8Array(32).fill(seed) })
      expect(guest.call('random_get', DATA, 16)).toBe(0)
      return guest.text(DATA, 16)
    }
    expect(draw(1)).toBe(draw(1))
    expect(draw(1)).not.toBe(draw(2))
  })
})

describe('standard streams', () => {
  test('stdin is read to its end, stdout and stderr are kept', () => {
    const guest = new WasiGuest({ stdin: text('line one\n') })
    expect(guest.read(0, 4)).toBe('line')
    expect(guest.read(0, 100)).toBe(' one\n')
    expect(guest.read(0, 100)).toBe('')
    guest.write(1, 'out')
    guest.write(1, 'put')
    guest.write(2, 'err')
    expect(new TextDecoder().decode(guest.host.stdout.view())).toBe('output')
    expect(new TextDecoder().decode(guest.host.stderr.view())).toBe('err')
    expect(guest.write(0, 'x')).toBe(Errno.badf)
    expect(guest.call('fd_read', 1, guest.slice(DATA, 1), 1, RESULT)).toBe(Errno.badf)
    expect(guest.call('fd_seek', 1, 0n, 0, RESULT)).toBe(Errno.spipe)
    expect(guest.call('fd_filestat_get', 1, RESULT)).toBe(0)
    expect(guest.view().getUint8(RESULT + 16)).toBe(0)
  })

  test('output beyond the limit ends the guest before it is kept', () => {
    const guest = new WasiGuest({}, { outputBytes: 10 })
    guest.write(1, '12345')
    expect(stopOf(() => guest.write(2, '678901'))).toEqual({ kind: 'limit', limit: 'output', allowed: 10, wanted: 11 })
  })

  test('gigabytes claimed from a small memory are a fault, not an allocation', () => {
    const guest = new WasiGuest()
    expect(guest.call('fd_write', 1, guest.slice(0, 0xffff_ffff), 1, RESULT)).toBe(Errno.fault)
    expect(guest.call('fd_write', 1, guest.slice(DATA, 4), 0x2000_0000, RESULT)).toBe(Errno.inval)
    expect(guest.call('fd_write', 1, 65_532, 1, RESULT)).toBe(Errno.fault)
    expect(guest.call('random_get', 65_000, 1000)).toBe(Errno.fault)
    expect(guest.call('fd_write', 1, guest.slice(DATA, 4), 1, 0xffff_fffc)).toBe(Errno.fault)
    expect(guest.host.stdout.length).toBe(0)
  })

  test('each call and each byte costs fuel', () => {
    const guest = new WasiGuest()
    const used = (action: () => void): bigint => {
      const before = BigInt(guest.counter.value)
      action()
      return before - BigInt(guest.counter.value)
    }
    const call = BigInt(amountCosts.hostCall)
    expect(used(() => guest.call('sched_yield'))).toBe(call)
    const [short, long] = [500, 1500].map((bytes) => used(() => guest.write(1, 'x'.repeat(bytes))))
    expect(long).toBe((short ?? 0n) + 1000n * BigInt(amountCosts.perHostByte))
    expect(used(() => guest.call('random_get', DATA, 100))).toBe(call + 100n * BigInt(amountCosts.perRandomByte))
    expect(used(() => guest.call('fd_close', 99))).toBeGreaterThan(call)
    // The counter begins above the limit by what charges may be ahead.
    const poor = new WasiGuest({}, { fuel: call - BigInt(CHARGE_AHEAD_UNITS_MAX) })
    expect(stopOf(() => poor.call('random_get', DATA, 49_000))).toEqual({ kind: 'out-of-fuel' })
    expect(poor.text(DATA, 1)).toBe('\0')
  })
})

describe('files', () => {
  test('inputs are there, unchanged ones are no output', () => {
    const guest = new WasiGuest({ files: input() })
    const fd = guest.opened('dir/a.txt')
    expect(guest.read(fd, 100)).toBe('hello')
    expect(guest.host.files.changedFiles(0)).toEqual(new Map())
    expect(guest.call('fd_prestat_get', 3, RESULT)).toBe(0)
    expect(guest.view().getUint32(RESULT + 4, true)).toBe(1)
    expect(guest.call('fd_prestat_dir_name', 3, DATA, 1)).toBe(0)
    expect(guest.text(DATA, 1)).toBe('/')
    expect(guest.call('fd_prestat_get', 4, RESULT)).toBe(Errno.badf)
  })

  test('written and created ones are, with their holes as zeros', () => {
    const guest = new WasiGuest({ files: input() })
    const made = guest.opened('dir/new', { flags: CREATE })
    guest.write(made, 'abc')
    guest.call('fd_seek', made, 3n, 1, RESULT)
    expect(guest.result64()).toBe(6n)
    guest.write(made, 'z')
    guest.write(guest.opened('b.txt', { flags: TRUNCATE }), 'B')
    expect(guest.host.files.changedFiles(0)).toEqual(
      new Map([
        ['b.txt', text('B')],
        ['dir/new', text('abc\0\0\0z')],
      ]),
    )
  })

  test('open flags mean what POSIX says', () => {
    const guest = new WasiGuest({ files: input() })
    expect(guest.open('none')).toBe(Errno.noent)
    expect(guest.open('none/x', { flags: CREATE })).toBe(Errno.noent)
    expect(guest.open('b.txt/x')).toBe(Errno.notdir)
    expect(guest.open('b.txt', { flags: CREATE | EXCLUSIVE })).toBe(Errno.exist)
    expect(guest.open('b.txt', { flags: DIRECTORY })).toBe(Errno.notdir)
    expect(guest.open('b.txt/')).toBe(Errno.notdir)
    expect(guest.open('dir', { flags: TRUNCATE })).toBe(Errno.isdir)
    expect(guest.open('new/', { flags: CREATE })).toBe(Errno.isdir)
    expect(guest.open('')).toBe(Errno.noent)
    expect(guest.open('dir', { flags: DIRECTORY })).toBe(0)
    const readOnly = guest.opened('b.txt', { rights: 2n })
    expect(guest.write(readOnly, 'x')).toBe(Errno.badf)
    const writeOnly = guest.opened('b.txt', { rights: 64n })
    expect(guest.call('fd_read', writeOnly, guest.slice(DATA, 1), 1, RESULT)).toBe(Errno.badf)
  })

  test('appending, positions and sizes', () => {
    const guest = new WasiGuest({ files: input() })
    const log = guest.opened('log', { flags: CREATE, descriptorFlags: 1 })
    guest.write(log, 'one')
    guest.call('fd_seek', log, 0n, 0, RESULT)
    guest.write(log, 'two')
    expect(guest.stat('log')).toMatchObject({ errno: 0, size: 6, type: 4 })
    expect(guest.call('fd_pread', log, guest.slice(DATA, 3), 1, 2n, RESULT)).toBe(0)
    expect(guest.text(DATA, 3)).toBe('etw')
    expect(guest.call('fd_pwrite', log, guest.slice(DATA, 1), 1, 9n, RESULT)).toBe(0)
    expect(guest.stat('log').size).toBe(10)
    expect(guest.call('fd_filestat_set_size', log, 2n)).toBe(0)
    expect(guest.call('fd_filestat_set_size', log, 4n)).toBe(0)
    expect(guest.host.files.changedFiles(0).get('log')).toEqual(text('on\0\0'))
    expect(guest.call('fd_allocate', log, 0n, 8n)).toBe(0)
    expect(guest.stat('log').size).toBe(8)
    expect(guest.call('fd_tell', log, RESULT)).toBe(0)
    expect(guest.result64()).toBe(6n)
    expect(guest.call('fd_seek', log, -100n, 1, RESULT)).toBe(Errno.inval)
    expect(guest.call('fd_seek', log, 0n, 7, RESULT)).toBe(Errno.inval)
    expect(guest.call('fd_seek', log, 2n ** 62n, 0, RESULT)).toBe(Errno.fbig)
    expect(guest.call('fd_advise', log, 0n, 0n, 2)).toBe(0)
    expect(guest.call('fd_advise', log, 0n, 0n, 9)).toBe(Errno.inval)
    for (const name of ['fd_sync', 'fd_datasync']) expect(guest.call(name, log)).toBe(0)
  })

  test('a file of petabytes ends as the output limit, not as an allocation', () => {
    const guest = new WasiGuest()
    const fd = guest.opened('big', { flags: CREATE })
    guest.call('fd_seek', fd, 2n ** 40n, 0, RESULT)
    const reason = stopOf(() => guest.write(fd, 'x'))
    expect(['limit', 'out-of-fuel']).toContain(reason.kind)
    const other = new WasiGuest()
    const small = other.opened('big', { flags: CREATE })
    expect(stopOf(() => other.call('fd_filestat_set_size', small, 2_000_000n))).toMatchObject({ limit: 'output' })
  })

  test('what is deleted is given back, also while a descriptor still holds it', () => {
    const guest = new WasiGuest({}, { outputBytes: 1000 })
    for (let round = 0; round < 20; round++) {
      const fd = guest.opened('journal', { flags: CREATE })
      guest.write(fd, 'x'.repeat(400))
      expect(guest.call('path_unlink_file', 3, ...guest.path('journal'))).toBe(0)
      guest.call('fd_seek', fd, 0n, 0, RESULT)
      expect(guest.read(fd, 3)).toBe('xxx')
      expect(guest.call('fd_close', fd)).toBe(0)
    }
    expect(guest.host.files.changedFiles(0)).toEqual(new Map())
  })

  test('times are virtual and can be set', () => {
    const guest = new WasiGuest({ files: input(), declaredTimeMs: 5 })
    const fd = guest.opened('b.txt')
    expect(guest.call('fd_filestat_set_times', fd, 1n, 2n, 1 | 4)).toBe(0)
    expect(guest.call('fd_filestat_get', fd, RESULT)).toBe(0)
    expect(guest.view().getBigUint64(RESULT + 40, true)).toBe(1n)
    expect(guest.view().getBigUint64(RESULT + 48, true)).toBe(2n)
    expect(guest.call('path_filestat_set_times', 3, 1, ...guest.path('b.txt'), 0n, 0n, 2 | 8)).toBe(0)
    guest.call('fd_filestat_get', fd, RESULT)
    expect(guest.view().getBigUint64(RESULT + 48, true)).toBeGreaterThanOrEqual(5_000_000n)
    expect(guest.call('fd_filestat_set_times', fd, 1n, 2n, 3)).toBe(Errno.inval)
  })
})

describe('directories and links', () => {
  test('are made, listed in pieces of any size, and removed', () => {
    const guest = new WasiGuest({ files: input() })
    expect(guest.call('path_create_directory', 3, ...guest.path('sub'))).toBe(0)
    expect(guest.call('path_create_directory', 3, ...guest.path('sub'))).toBe(Errno.exist)
    expect(guest.call('path_create_directory', 3, ...guest.path('no/sub'))).toBe(Errno.noent)
    for (const chunk of [33, 64, 4096]) expect(guest.list(3, chunk)).toEqual(['.', '..', 'b.txt', 'dir', 'sub'])
    expect(guest.call('path_remove_directory', 3, ...guest.path('dir'))).toBe(Errno.notempty)
    expect(guest.call('path_remove_directory', 3, ...guest.path('b.txt'))).toBe(Errno.notdir)
    expect(guest.call('path_unlink_file', 3, ...guest.path('sub'))).toBe(Errno.isdir)
    expect(guest.call('path_remove_directory', 3, ...guest.path('sub'))).toBe(0)
    expect(guest.list(3)).toEqual(['.', '..', 'b.txt', 'dir'])
  })

  test('removing while listing skips nothing', () => {
    const guest = new WasiGuest()
    for (let index = 0; index < 30; index++) guest.opened(`f${index}`, { flags: CREATE })
    const removed: string[] = []
    for (let rounds = 0; rounds < 100; rounds++) {
      const names = guest.list(3, 4096).filter((name) => name.startsWith('f'))
      if (names.length === 0) break
      const name = names[0] as string
      expect(guest.call('path_unlink_file', 3, ...guest.path(name))).toBe(0)
      removed.push(name)
    }
    expect(removed.length).toBe(30)
  })

  test('the order of the caller’s files does not show', () => {
    const reversed = new Map([...input()].reverse())
    expect(new WasiGuest({ files: reversed }).list(3)).toEqual(new WasiGuest({ files: input() }).list(3))
  })

  test('no path leads out', () => {
    const guest = new WasiGuest({ files: input() })
    for (const path of ['..', '../x', 'dir/../../x', '/etc/passwd', '/', './../..'])
      expect(guest.open(path), path).toBe(Errno.perm)
    expect(guest.open('dir/../b.txt')).toBe(0)
    expect(guest.open('dir/.//.././b.txt')).toBe(0)
    expect(guest.open('b\0.txt')).toBe(Errno.inval)
    expect(guest.open('x'.repeat(300), { flags: CREATE })).toBe(Errno.nametoolong)
    expect(guest.open('x/'.repeat(3000))).toBe(Errno.nametoolong)
    new Uint8Array(guest.memory).set([0xff, 0xfe], 1024)
    expect(guest.call('path_create_directory', 3, 1024, 2)).toBe(Errno.ilseq)
    const dir = guest.opened('dir', { flags: DIRECTORY })
    for (const path of ['../b.txt', '../dir/a.txt', '..', './../dir'])
      expect(guest.open(path, { fd: dir }), path).toBe(Errno.perm)
  })

  test('symbolic links are followed inside, and only so often', () => {
    const guest = new WasiGuest({ files: input() })
    expect(guest.symlink('a.txt', 'dir/link')).toBe(0)
    expect(guest.read(guest.opened('dir/link'), 10)).toBe('hello')
    expect(guest.open('dir/link', { follow: false })).toBe(Errno.loop)
    expect(guest.stat('dir/link', false)).toMatchObject({ type: 7, size: 5 })
    expect(guest.call('path_readlink', 3, ...guest.path('dir/link'), DATA, 3, RESULT)).toBe(0)
    expect(guest.text(DATA, guest.result())).toBe('a.t')
    expect(guest.call('path_readlink', 3, ...guest.path('b.txt'), DATA, 3, RESULT)).toBe(Errno.inval)
    expect(guest.symlink('/etc', 'abs')).toBe(Errno.perm)
    expect(guest.symlink('../..', 'dir/up')).toBe(0)
    expect(guest.open('dir/up/x')).toBe(Errno.perm)
    expect(guest.symlink('loop', 'loop')).toBe(0)
    expect(guest.open('loop')).toBe(Errno.loop)
    guest.symlink('dir', 'd')
    expect(guest.read(guest.opened('d/a.txt'), 10)).toBe('hello')
  })

  test('links that multiply cost no time', () => {
    const guest = new WasiGuest()
    guest.call('path_create_directory', 3, ...guest.path('l0'))
    for (let level = 1; level < 40; level++) {
      const below = `l${level - 1}`
      guest.symlink(
        Array.from({ length: 30 }, () => `${below}/..`)
          .join('/')
          .concat(`/${below}`),
        `l${level}`,
      )
    }
    const begun = performance.now()
    expect(guest.open('l39')).toBe(Errno.loop)
    expect(performance.now() - begun).toBeLessThan(500)
  })

  test('rename and hard links', () => {
    const guest = new WasiGuest({ files: input() })
    expect(guest.two('path_link', 'b.txt', 'dir/b2')).toBe(0)
    expect(guest.stat('b.txt').links).toBe(2)
    expect(guest.two('path_link', 'b.txt', 'dir/b2')).toBe(Errno.exist)
    expect(guest.two('path_link', 'dir', 'dir2')).toBe(Errno.perm)
    expect(guest.two('path_rename', 'b.txt', 'dir/a.txt')).toBe(0)
    expect(guest.read(guest.opened('dir/a.txt'), 10)).toBe('bee')
    expect(guest.open('b.txt')).toBe(Errno.noent)
    expect(guest.two('path_rename', 'dir', 'dir/inside')).toBe(Errno.inval)
    guest.call('path_create_directory', 3, ...guest.path('empty'))
    expect(guest.two('path_rename', 'dir/a.txt', 'empty')).toBe(Errno.isdir)
    expect(guest.two('path_rename', 'empty', 'dir')).toBe(Errno.notempty)
    expect(guest.two('path_rename', 'dir', 'empty')).toBe(0)
    expect(guest.list(3)).toEqual(['.', '..', 'empty'])
    expect(guest.two('path_rename', 'none', 'x')).toBe(Errno.noent)
  })
})

describe('quotas', () => {
  test('files, descriptors and depth have an end with the right error', () => {
    const guest = new WasiGuest({}, { outputBytes: 4_000_000 })
    let errno = 0
    let count = 0
    for (; errno === 0; count++) {
      errno = guest.open(`f${count}`, { flags: CREATE })
      if (errno === 0) guest.call('fd_close', guest.result())
    }
    expect([errno, count]).toEqual([Errno.nospc, 16_385])
    const other = new WasiGuest({ files: input() })
    errno = 0
    for (count = 0; errno === 0; count++) errno = other.open('b.txt')
    expect([errno, count]).toEqual([Errno.mfile, 509])
    const deep = new WasiGuest()
    let path = 'd'
    for (count = 0; deep.call('path_create_directory', 3, ...deep.path(path)) === 0; count++) path += '/d'
    expect(count).toBe(128)
  })

  test('a tree cannot be made deeper by moving it', () => {
    const guest = new WasiGuest()
    const chain = (name: string): string => {
      let path = name
      for (let depth = 0; depth < 100; depth++) {
        expect(guest.call('path_create_directory', 3, ...guest.path(path))).toBe(0)
        path += '/d'
      }
      return path.slice(0, -2)
    }
    chain('a')
    expect(guest.two('path_rename', 'a', `${chain('b')}/a`)).toBe(Errno.nametoolong)
  })
})

describe('descriptors', () => {
  test('the lowest free number is given, as POSIX says', () => {
    const guest = new WasiGuest({ files: input() })
    expect([guest.opened('b.txt'), guest.opened('b.txt'), guest.opened('b.txt')]).toEqual([4, 5, 6])
    expect(guest.call('fd_close', 4)).toBe(0)
    expect(guest.call('fd_close', 4)).toBe(Errno.badf)
    expect(guest.opened('b.txt')).toBe(4)
    expect(guest.call('fd_renumber', 6, 4)).toBe(0)
    expect(guest.call('fd_tell', 6, RESULT)).toBe(Errno.badf)
    expect(guest.call('fd_renumber', 4, 99)).toBe(Errno.badf)
    expect(guest.opened('b.txt')).toBe(6)
    expect(guest.call('fd_renumber', 6, 3)).toBe(0)
    expect(guest.open('b.txt')).toBe(Errno.notdir)
  })

  test('flags and rights are shown, and rights only shrink', () => {
    const guest = new WasiGuest({ files: input() })
    const fd = guest.opened('b.txt', { rights: 0x62n, descriptorFlags: 1 })
    expect(guest.call('fd_fdstat_get', fd, RESULT)).toBe(0)
    expect(guest.view().getUint8(RESULT)).toBe(4)
    expect(guest.view().getUint16(RESULT + 2, true)).toBe(1)
    expect(guest.view().getBigUint64(RESULT + 8, true)).toBe(0x62n)
    expect(guest.call('fd_fdstat_set_rights', fd, 0x66n, 0n)).toBe(Errno.notcapable)
    expect(guest.call('fd_fdstat_set_rights', fd, 0x02n, 0n)).toBe(0)
    expect(guest.write(fd, 'x')).toBe(Errno.badf)
    expect(guest.call('fd_fdstat_set_flags', fd, 4)).toBe(Errno.notcapable)
    const whole = guest.opened('b.txt')
    expect(guest.call('fd_fdstat_set_flags', whole, 4)).toBe(0)
    expect(guest.call('fd_fdstat_set_flags', whole, 0x100)).toBe(Errno.inval)
    expect(guest.call('fd_fdstat_get', 99, RESULT)).toBe(Errno.badf)
    expect(guest.call('fd_readdir', fd, DATA, 100, 0n, RESULT)).toBe(Errno.notdir)
    expect(guest.open('x', { fd })).toBe(Errno.notdir)
  })
})
