import { Socket } from 'node:net'
import { ManualClock, SeededRandom } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import { WaitingRoom } from '../../src/bulk/waiting-room.ts'

const OPTIONS = { socketsMax: 6, socketsPerHostMax: 3, timeoutMs: 1000 }

function createRoom(seed = 1): { room: WaitingRoom; clock: ManualClock } {
  const clock = new ManualClock()
  return { room: new WaitingRoom({ clock, random: new SeededRandom(seed) }, OPTIONS), clock }
}

function socketFrom(remoteAddress: string): Socket {
  return Object.defineProperty(new Socket(), 'remoteAddress', { value: remoteAddress })
}

function enterFrom(room: WaitingRoom, hosts: readonly string[]): Socket[] {
  return hosts.map((host) => {
    const socket = socketFrom(host)
    room.enter(socket)
    return socket
  })
}

describe('WaitingRoom', () => {
  it('holds few sockets of one host, and those of others wait on', () => {
    const { room } = createRoom()
    const [other] = enterFrom(room, ['b'])
    const crowd = enterFrom(
      room,
      Array.from({ length: 50 }, () => 'a'),
    )
    expect(crowd.filter(({ destroyed }) => !destroyed)).toHaveLength(3)
    expect([room.size, other?.destroyed]).toEqual([4, false])
  })

  it('holds few sockets of all hosts together', () => {
    const { room } = createRoom()
    const crowd = enterFrom(
      room,
      Array.from({ length: 50 }, (_, i) => `host-${i}`),
    )
    expect(crowd.filter(({ destroyed }) => !destroyed)).toHaveLength(6)
    expect(room.size).toBe(6)
  })

  it('always takes the one that comes, and lets another go by chance', () => {
    const survivors = Array.from({ length: 40 }, (_, seed) => {
      const { room } = createRoom(seed)
      const sockets = enterFrom(room, ['a', 'a', 'a', 'a'])
      expect(sockets[3]?.destroyed).toBe(false)
      return sockets.findIndex(({ destroyed }) => destroyed)
    })
    expect(new Set(survivors)).toEqual(new Set([0, 1, 2]))
  })

  it('gives each its time, and none to one that has left', async () => {
    const { room, clock } = createRoom()
    const [slow] = enterFrom(room, ['a'])
    const quick = socketFrom('a')
    const leave = room.enter(quick)
    leave()
    await clock.advance(OPTIONS.timeoutMs)
    expect([slow?.destroyed, quick.destroyed]).toEqual([true, false])
  })

  it('turns all out at once', () => {
    const { room } = createRoom()
    const sockets = enterFrom(room, ['a', 'b'])
    room.clear()
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true, true])
  })
})
