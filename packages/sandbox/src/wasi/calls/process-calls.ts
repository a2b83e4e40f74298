import { amountCosts } from '../../cost-table.ts'
import { GuestStop } from '../../guest-stop.ts'
import { Errno, fail } from '../errno.ts'
import type { WasiHost } from '../host.ts'
import type { WasiCalls } from './wasi-calls.ts'

/** Arguments, environment, clocks, randomness, exit. */
export const processCalls: WasiCalls = {
  args_sizes_get: (host, countPointer: number, sizePointer: number) => {
    host.memory.setU32(countPointer, host.args.length)
    host.memory.setU32(sizePointer, argumentBytes(host))
  },
  args_get: (host, listPointer: number, bytesPointer: number) => {
    host.chargeBytes(argumentBytes(host))
    let at = bytesPointer >>> 0
    for (const [index, text] of host.args.entries()) {
      host.memory.setU32((listPointer >>> 0) + index * 4, at)
      host.memory.write(at, text)
      at += text.length
    }
  },
  environ_sizes_get: (host, countPointer: number, sizePointer: number) => {
    host.memory.setU32(countPointer, 0)
    host.memory.setU32(sizePointer, 0)
  },
  environ_get: () => undefined,
  clock_res_get: (host, clock: number, pointer: number) => {
    clockNs(host, clock)
    host.memory.setU64(pointer, 1n)
  },
  clock_time_get: (host, clock: number, _precision: bigint, pointer: number) => {
    host.memory.setU64(pointer, clockNs(host, clock))
  },
  random_get: (host, pointer: number, length: number) => {
    const target = host.memory.range(pointer, length)
    host.gauge.charge(target.length * amountCosts.perRandomByte)
    host.random.fill(target)
  },
  sched_yield: () => undefined,
  proc_exit: (_host, exitCode: number) => {
    throw new GuestStop({ kind: 'exit', exitCode: exitCode >>> 0 })
  },
  proc_raise: () => fail(Errno.notsup),
  sock_accept: () => fail(Errno.notsup),
  sock_recv: () => fail(Errno.notsup),
  sock_send: () => fail(Errno.notsup),
  sock_shutdown: () => fail(Errno.notsup),
}

/** What a clock says: 0 real time, 1 monotonic, 2 and 3 the process's and the thread's computing time. */
export function clockNs(host: WasiHost, clock: number): bigint {
  if (clock === 0) return host.realTimeNs()
  if (clock === 1) return host.monotonicNs()
  if (clock === 2 || clock === 3) return host.computedNs()
  return fail(Errno.inval)
}

function argumentBytes(host: WasiHost): number {
  return host.args.reduce((sum, text) => sum + text.length, 0)
}
