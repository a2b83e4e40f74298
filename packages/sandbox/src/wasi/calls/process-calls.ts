import { amountCosts } from '../../cost-table.ts'
import { GuestStop } from '../../guest-stop.ts'
import { Errno, fail } from '../errno.ts'
import type { WasiHost } from '../host.ts'
import type { WasiCalls } from './wasi-calls.ts'

/** Arguments, environment, clocks, randomness, exit. */
export const processCalls: WasiCalls = {
  args_sizes_get: (host, countPointer: number, sizePointer: number) => {
    writeSizes(host, host.args, { countPointer, sizePointer })
  },
  args_get: (host, listPointer: number, bytesPointer: number) => {
    writeTexts(host, host.args, { listPointer, bytesPointer })
  },
  environ_sizes_get: (host, countPointer: number, sizePointer: number) => {
    writeSizes(host, host.environment, { countPointer, sizePointer })
  },
  environ_get: (host, listPointer: number, bytesPointer: number) => {
    writeTexts(host, host.environment, { listPointer, bytesPointer })
  },
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
  sock_accept: (host, fd: number) => notSocket(host, fd),
  sock_recv: (host, fd: number) => notSocket(host, fd),
  sock_send: (host, fd: number) => notSocket(host, fd),
  sock_shutdown: (host, fd: number) => notSocket(host, fd),
}

/** What a clock says: 0 real time, 1 monotonic, 2 and 3 the process's and the thread's computing time. */
function clockNs(host: WasiHost, clock: number): bigint {
  if (clock === 0) return host.realTimeNs()
  if (clock === 1) return host.monotonicNs()
  if (clock === 2 || clock === 3) return host.computedNs()
  return fail(Errno.inval)
}

/** There are no sockets, so every open descriptor is something else. */
function notSocket(host: WasiHost, fd: number): never {
  host.descriptors.get(fd, 0n)
  return fail(Errno.notsock)
}

function writeSizes(
  { memory }: WasiHost,
  texts: readonly Uint8Array[],
  { countPointer, sizePointer }: { readonly countPointer: number; readonly sizePointer: number },
): void {
  memory.setU32(countPointer, texts.length)
  memory.setU32(sizePointer, totalBytes(texts))
}

/** Writes texts one behind the other, and a list of pointers to them. */
function writeTexts(
  host: WasiHost,
  texts: readonly Uint8Array[],
  { listPointer, bytesPointer }: { readonly listPointer: number; readonly bytesPointer: number },
): void {
  host.chargeBytes(totalBytes(texts) + texts.length * 4)
  let at = bytesPointer >>> 0
  for (const [index, text] of texts.entries()) {
    host.memory.setU32((listPointer >>> 0) + index * 4, at)
    host.memory.write(at, text)
    at += text.length
  }
}

function totalBytes(texts: readonly Uint8Array[]): number {
  return texts.reduce((sum, text) => sum + text.length, 0)
}
