import { describe, expect, test } from 'vitest'
import { Errno } from '../src/wasi/errno.ts'
import { Right } from '../src/wasi/rights.ts'
import { DATA, RESULT, WasiGuest } from './wasi-guest.ts'

const CREATE = 1
const DIRECTORY = 2
const EVENTS = 20_000
const text = (value: string): Uint8Array => new TextEncoder().encode(value)

type Subscription =
  | { readonly clock: number; readonly timeoutNs: bigint; readonly flags?: number }
  | { readonly type: number; readonly fd: number }

interface Event {
  readonly userdata: number
  readonly errno: number
  readonly type: number
  readonly bytes: bigint
  readonly flags: number
}

/** Polls; each subscription's userdata is its index. */
function poll(guest: WasiGuest, ...subscriptions: readonly Subscription[]): Event[] {
  for (const [index, subscription] of subscriptions.entries()) {
    const at = DATA + index * 48
    new Uint8Array(guest.memory).fill(0, at, at + 48)
    guest.view().setBigUint64(at, BigInt(index), true)
    if ('fd' in subscription) {
      guest.view().setUint8(at + 8, subscription.type)
      guest.view().setUint32(at + 16, subscription.fd, true)
      continue
    }
    guest.view().setUint32(at + 16, subscription.clock, true)
    guest.view().setBigUint64(at + 24, subscription.timeoutNs, true)
    guest.view().setUint16(at + 40, subscription.flags ?? 0, true)
  }
  expect(guest.call('poll_oneoff', DATA, EVENTS, subscriptions.length, RESULT)).toBe(0)
  return Array.from({ length: guest.result() }, (_, index) => {
    const at = EVENTS + index * 32
    const view = guest.view()
    return {
      userdata: Number(view.getBigUint64(at, true)),
      errno: view.getUint16(at + 8, true),
      type: view.getUint8(at + 10),
      bytes: view.getBigUint64(at + 16, true),
      flags: view.getUint16(at + 24, true),
    }
  })
}

function clock(guest: WasiGuest, id: number): bigint {
  expect(guest.call('clock_time_get', id, 0n, RESULT)).toBe(0)
  return guest.result64()
}

describe('poll_oneoff', () => {
  test('of several timers the first one rings, and those that are due at the same moment', () => {
    const guest = new WasiGuest()
    const before = clock(guest, 1)
    const events = poll(
      guest,
      { clock: 1, timeoutNs: 5_000_000_000n },
      { clock: 0, timeoutNs: 2_000_000_000n },
      { clock: 1, timeoutNs: 2_000_000_000n },
    )
    expect(events.map(({ userdata, errno, type }) => [userdata, errno, type])).toEqual([
      [1, 0, 0],
      [2, 0, 0],
    ])
    const passed = clock(guest, 1) - before
    expect(passed).toBeGreaterThanOrEqual(2_000_000_000n)
    expect(passed).toBeLessThan(3_000_000_000n)
  })

  test('an absolute timer waits for the clock that it names, and one in the past rings at once', () => {
    const guest = new WasiGuest({ declaredTimeMs: 1000 })
    expect(poll(guest, { clock: 0, timeoutNs: 9_000_000_000n, flags: 1 })).toHaveLength(1)
    const real = clock(guest, 0)
    expect(real).toBeGreaterThanOrEqual(9_000_000_000n)
    expect(real).toBeLessThan(9_100_000_000n)
    poll(guest, { clock: 1, timeoutNs: 1n, flags: 1 })
    expect(clock(guest, 0) - real).toBeLessThan(1_000_000n)
  })

  test('one wrong subscription is its own event, and the others are answered', () => {
    const guest = new WasiGuest()
    const events = poll(
      guest,
      { clock: 9, timeoutNs: 1n },
      { clock: 2, timeoutNs: 1n },
      { clock: 3, timeoutNs: 1n },
      { clock: 0, timeoutNs: 1n, flags: 2 },
      { clock: 1, timeoutNs: 0n },
      { type: 1, fd: 77 },
      { type: 2, fd: 3 },
      { type: 1, fd: 1 },
      { type: 2, fd: 0 },
    )
    expect(events.map(({ userdata, errno }) => [userdata, errno])).toEqual([
      [0, Errno.inval],
      [1, Errno.notsup],
      [2, Errno.notsup],
      [3, Errno.inval],
      [4, Errno.success],
      [5, Errno.badf],
      [6, Errno.badf],
      [7, Errno.badf],
      [8, Errno.badf],
    ])
    new Uint8Array(guest.memory)[DATA + 8] = 3
    expect(guest.call('poll_oneoff', DATA, EVENTS, 1, RESULT)).toBe(Errno.inval)
  })

  test('descriptors say how many bytes can be moved, and when input has come to its end', () => {
    const guest = new WasiGuest({ stdin: text('four'), files: new Map([['f', text('content')]]) }, { outputBytes: 100 })
    const fd = guest.opened('f')
    guest.read(fd, 3)
    guest.write(1, 'x'.repeat(30))
    const [stdin, file, stdout] = poll(guest, { type: 1, fd: 0 }, { type: 1, fd }, { type: 2, fd: 1 })
    expect([stdin?.bytes, file?.bytes, stdout?.bytes]).toEqual([4n, 4n, 70n])
    expect([stdin?.flags, file?.flags, stdout?.flags]).toEqual([0, 0, 0])
    guest.read(0, 10)
    expect(poll(guest, { type: 1, fd: 0 })[0]).toMatchObject({ errno: 0, bytes: 0n, flags: 1 })
    const without = guest.opened('f', { rights: Right.fdRead })
    expect(poll(guest, { type: 1, fd: without })[0]).toMatchObject({ errno: Errno.notcapable })
  })

  test('lists that do not lie in memory are faults, before any time passes', () => {
    const guest = new WasiGuest()
    const call = (...parameters: number[]): number => guest.call('poll_oneoff', ...parameters)
    new Uint8Array(guest.memory).fill(0, DATA, DATA + 48)
    guest.view().setBigUint64(DATA + 24, 10n ** 15n, true)
    expect(call(65_500, EVENTS, 1, RESULT)).toBe(Errno.fault)
    expect(call(DATA, 65_510, 1, RESULT)).toBe(Errno.fault)
    expect(call(DATA, EVENTS, 1, 65_534)).toBe(Errno.fault)
    expect(call(DATA + 48, EVENTS, 1024, RESULT)).toBe(Errno.fault)
    expect(call(DATA, EVENTS, 1025, RESULT)).toBe(Errno.inval)
    expect(clock(guest, 1)).toBeLessThan(10n ** 9n)
  })
})

describe('clocks', () => {
  test('all four have a resolution of one nanosecond', () => {
    const guest = new WasiGuest()
    for (const id of [0, 1, 2, 3]) {
      expect(guest.call('clock_res_get', id, RESULT)).toBe(0)
      expect(guest.result64()).toBe(1n)
    }
    expect(guest.call('clock_res_get', 4, RESULT)).toBe(Errno.inval)
    expect(guest.call('clock_res_get', 0, 65_530)).toBe(Errno.fault)
    expect(guest.call('clock_time_get', 0, 0n, 65_530)).toBe(Errno.fault)
  })

  test('however long a guest sleeps, they never begin again', () => {
    const guest = new WasiGuest({ declaredTimeMs: 9_223_372_036_854 })
    let last = 0n
    for (let round = 0; round < 20; round++) {
      poll(guest, { clock: 1, timeoutNs: 2n ** 64n - 1n })
      const now = clock(guest, 0)
      expect(now).toBeGreaterThan(last)
      last = now
    }
    expect(last).toBeGreaterThan(2n ** 63n)
    expect(clock(guest, 1)).toBeLessThan(2n ** 63n)
  })
})

describe('times of files', () => {
  const times = (guest: WasiGuest, path: string): { accessed: bigint; modified: bigint; changed: bigint } => {
    expect(guest.call('path_filestat_get', 3, 0, ...guest.path(path), RESULT)).toBe(0)
    const [accessed, modified, changed] = [40, 48, 56].map((at) => guest.view().getBigUint64(RESULT + at, true))
    return { accessed: accessed ?? 0n, modified: modified ?? 0n, changed: changed ?? 0n }
  }

  test('are nanoseconds, whatever 64 bits the guest sets', () => {
    const guest = new WasiGuest({ files: new Map([['f', text('x')]]) })
    for (const value of [0n, 1n, 1_700_000_000_123_456_789n, -1n]) {
      expect(guest.call('path_filestat_set_times', 3, 0, ...guest.path('f'), value, 7n, 1 | 4)).toBe(0)
      expect(times(guest, 'f')).toMatchObject({ accessed: BigInt.asUintN(64, value), modified: 7n })
    }
  })

  test('follow what happens: contents, names and directories, but not reading', () => {
    const guest = new WasiGuest({ files: new Map([['dir/f', text('x')]]) })
    const sleep = (): Event[] => poll(guest, { clock: 1, timeoutNs: 1_000_000_000n })
    const fd = guest.opened('dir/f')
    const first = times(guest, 'dir/f')
    sleep()
    guest.read(fd, 1)
    expect(times(guest, 'dir/f')).toEqual(first)
    guest.write(fd, 'y')
    const written = times(guest, 'dir/f')
    expect(written.modified - first.modified).toBeGreaterThan(1_000_000_000n)
    expect(written.changed).toBe(written.modified)
    sleep()
    const directory = times(guest, 'dir')
    expect(guest.two('path_link', 'dir/f', 'dir/g')).toBe(0)
    expect(times(guest, 'dir/f').changed).toBeGreaterThan(written.changed)
    expect(times(guest, 'dir/f').modified).toBe(written.modified)
    expect(times(guest, 'dir').modified).toBeGreaterThan(directory.modified)
    sleep()
    const linked = times(guest, 'dir/g')
    expect(guest.two('path_rename', 'dir/g', 'h')).toBe(0)
    expect(times(guest, 'h').changed).toBeGreaterThan(linked.changed)
    guest.opened('new', { flags: CREATE })
    expect(times(guest, 'new').accessed).toBeGreaterThan(first.accessed + 3_000_000_000n)
  })

  test('of a directory can be set through its descriptor', () => {
    const guest = new WasiGuest({ files: new Map([['dir/f', text('x')]]) })
    const fd = guest.opened('dir', { flags: DIRECTORY })
    expect(guest.call('fd_filestat_set_times', fd, 5n, 6n, 5)).toBe(0)
    expect(times(guest, 'dir')).toMatchObject({ accessed: 5n, modified: 6n })
    expect(guest.call('path_filestat_set_times', 3, 0, ...guest.path('none'), 0n, 0n, 1)).toBe(Errno.noent)
  })
})
