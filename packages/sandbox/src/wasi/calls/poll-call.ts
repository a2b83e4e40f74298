import { Errno, fail, WasiFault } from '../errno.ts'
import type { WasiHost } from '../host.ts'
import { clockNs } from './process-calls.ts'
import type { WasiCalls } from './wasi-calls.ts'

const SUBSCRIPTION_BYTES = 48
const EVENT_BYTES = 32
const SUBSCRIPTIONS_MAX = 1024
const EventType = { clock: 0, read: 1, write: 2 } as const
const ABSOLUTE_TIME = 1

interface PendingEvent {
  readonly userdata: bigint
  readonly type: number
  readonly errno: number
  /** Virtual time until it is due; 0 when it is ready. */
  readonly waitNs: bigint
}

/** poll_oneoff, which never waits: when nothing is ready, virtual time jumps to the first timer. */
export const pollCalls: WasiCalls = {
  poll_oneoff: (host, from: number, to: number, count: number, countPointer: number) => {
    const length = count >>> 0
    if (length === 0 || length > SUBSCRIPTIONS_MAX) fail(Errno.inval)
    host.chargeBytes(length * (SUBSCRIPTION_BYTES + EVENT_BYTES))
    host.memory.range(to, length * EVENT_BYTES)
    const events: PendingEvent[] = []
    for (let index = 0; index < length; index++)
      events.push(readSubscription(host, (from >>> 0) + index * SUBSCRIPTION_BYTES))
    let soonestNs = events[0]?.waitNs ?? 0n
    for (const { waitNs } of events) if (waitNs < soonestNs) soonestNs = waitNs
    host.sleep(soonestNs)
    const due = events.filter(({ waitNs }) => waitNs <= soonestNs)
    for (const [index, event] of due.entries()) writeEvent(host, (to >>> 0) + index * EVENT_BYTES, event)
    host.memory.setU32(countPointer, due.length)
  },
}

function readSubscription(host: WasiHost, at: number): PendingEvent {
  const { memory } = host
  const userdata = memory.getU64(at)
  const type = memory.getU8(at + 8)
  if (type === EventType.clock) {
    const clock = memory.getU32(at + 16)
    const timeoutNs = memory.getU64(at + 24)
    const isAbsolute = (memory.getU16(at + 40) & ABSOLUTE_TIME) !== 0
    const nowNs = clockNs(host, clock)
    const waitNs = isAbsolute ? timeoutNs - nowNs : timeoutNs
    return { userdata, type, errno: Errno.success, waitNs: waitNs > 0n ? waitNs : 0n }
  }
  if (type !== EventType.read && type !== EventType.write) fail(Errno.inval)
  return { userdata, type, errno: descriptorErrno(host, memory.getU32(at + 16)), waitNs: 0n }
}

function descriptorErrno(host: WasiHost, descriptor: number): number {
  try {
    host.descriptors.get(descriptor)
    return Errno.success
  } catch (error) {
    if (error instanceof WasiFault) return error.errno
    throw error
  }
}

function writeEvent(host: WasiHost, at: number, event: PendingEvent): void {
  const { memory } = host
  memory.range(at, EVENT_BYTES).fill(0)
  memory.setU64(at, event.userdata)
  memory.setU16(at + 8, event.errno)
  memory.setU8(at + 10, event.type)
  if (event.type !== EventType.clock && event.errno === Errno.success) memory.setU64(at + 16, 1n)
}
