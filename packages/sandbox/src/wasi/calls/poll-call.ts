import type { Descriptor } from '../descriptors.ts'
import { Errno, fail } from '../errno.ts'
import type { WasiHost } from '../host.ts'
import { Right } from '../rights.ts'
import type { WasiCalls } from './wasi-calls.ts'

const SUBSCRIPTION_BYTES = 48
const EVENT_BYTES = 32
const SUBSCRIPTIONS_MAX = 1024
const EventType = { clock: 0, read: 1, write: 2 } as const
const Clock = { real: 0, monotonic: 1, process: 2, thread: 3 } as const
const ABSOLUTE_TIME = 1
const HANG_UP = 1

interface PendingEvent {
  readonly userdata: bigint
  readonly type: number
  readonly errno: number
  /** Virtual time until it is due; 0 when it is ready. */
  readonly waitNs: bigint
  /** Bytes that can be read or written now. */
  readonly bytes: number
  readonly hasHungUp: boolean
}

/** poll_oneoff, which never waits: when nothing is ready, virtual time jumps to the first timer. */
export const pollCalls: WasiCalls = {
  poll_oneoff: (host, from: number, to: number, count: number, countPointer: number) => {
    const length = count >>> 0
    if (length === 0 || length > SUBSCRIPTIONS_MAX) fail(Errno.inval)
    host.memory.range(from, length * SUBSCRIPTION_BYTES)
    host.memory.range(to, length * EVENT_BYTES)
    host.memory.range(countPointer, 4)
    host.chargeSteps(length)
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
  const userdata = host.memory.getU64(at)
  const type = host.memory.getU8(at + 8)
  const event = { userdata, type, errno: Errno.success, waitNs: 0n, bytes: 0, hasHungUp: false }
  if (type === EventType.clock) return { ...event, ...timer(host, at) }
  if (type !== EventType.read && type !== EventType.write) return fail(Errno.inval)
  const descriptor = host.descriptors.find(host.memory.getU32(at + 16))
  return { ...event, ...(type === EventType.read ? readable(descriptor) : writable(host, descriptor)) }
}

function timer(host: WasiHost, at: number): Partial<PendingEvent> {
  const clock = host.memory.getU32(at + 16)
  const timeoutNs = host.memory.getU64(at + 24)
  const flags = host.memory.getU16(at + 40)
  // Computing time does not pass while a guest waits.
  if (clock === Clock.process || clock === Clock.thread) return { errno: Errno.notsup }
  if (clock > Clock.thread || (flags & ~ABSOLUTE_TIME) !== 0) return { errno: Errno.inval }
  if (flags !== ABSOLUTE_TIME) return { waitNs: timeoutNs }
  const waitNs = timeoutNs - (clock === Clock.real ? host.realTimeNs() : host.monotonicNs())
  return { waitNs: waitNs > 0n ? waitNs : 0n }
}

function readable(descriptor: Descriptor | undefined): Partial<PendingEvent> {
  if (descriptor === undefined || descriptor.kind === 'directory' || descriptor.kind === 'output')
    return { errno: Errno.badf }
  if ((descriptor.rights & Right.pollReadWrite) === 0n) return { errno: Errno.notcapable }
  const size = descriptor.kind === 'file' ? descriptor.node.content.length : descriptor.bytes.length
  const bytes = Math.max(0, size - descriptor.position)
  return { bytes, hasHungUp: descriptor.kind === 'input' && bytes === 0 }
}

function writable(host: WasiHost, descriptor: Descriptor | undefined): Partial<PendingEvent> {
  if (descriptor === undefined || descriptor.kind === 'directory' || descriptor.kind === 'input')
    return { errno: Errno.badf }
  if ((descriptor.rights & Right.pollReadWrite) === 0n) return { errno: Errno.notcapable }
  return { bytes: host.quota.leftBytes }
}

function writeEvent(host: WasiHost, at: number, event: PendingEvent): void {
  const { memory } = host
  memory.range(at, EVENT_BYTES).fill(0)
  memory.setU64(at, event.userdata)
  memory.setU16(at + 8, event.errno)
  memory.setU8(at + 10, event.type)
  memory.setU64(at + 16, BigInt(event.bytes))
  memory.setU16(at + 24, event.hasHungUp ? HANG_UP : 0)
}
