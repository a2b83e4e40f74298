import { fileTypeOf, requireRight } from '../descriptors.ts'
import { Errno, fail } from '../errno.ts'
import type { WasiHost } from '../host.ts'
import { FileType } from '../nodes.ts'
import { Right } from '../rights.ts'
import { setTimes, writeStat } from './node-stat.ts'
import type { WasiCalls } from './wasi-calls.ts'

const DESCRIPTOR_FLAGS = 0x1f

/** Calls on open descriptors of any kind. */
export const descriptorCalls: WasiCalls = {
  fd_close: (host, fd: number) => host.descriptors.close(fd),
  fd_datasync: (host, fd: number) => {
    host.descriptors.get(fd, Right.fdDatasync)
  },
  fd_sync: (host, fd: number) => {
    host.descriptors.get(fd, Right.fdSync)
  },
  fd_fdstat_get: (host, fd: number, pointer: number) => {
    const descriptor = host.descriptors.get(fd, 0n)
    const at = pointer >>> 0
    host.memory.range(at, 24).fill(0)
    host.memory.setU8(at, fileTypeOf(descriptor))
    host.memory.setU16(at + 2, descriptor.flags)
    host.memory.setU64(at + 8, descriptor.rights)
    host.memory.setU64(at + 16, descriptor.inheriting)
  },
  fd_fdstat_set_flags: (host, fd: number, flags: number) => {
    const descriptor = host.descriptors.get(fd, Right.fdSetFlags)
    checkDescriptorFlags(flags)
    descriptor.flags = flags
  },
  fd_fdstat_set_rights: (host, fd: number, rights: bigint, inheriting: bigint) => {
    const descriptor = host.descriptors.get(fd, 0n)
    if ((rights & ~descriptor.rights) !== 0n || (inheriting & ~descriptor.inheriting) !== 0n) fail(Errno.notcapable)
    descriptor.rights = rights
    descriptor.inheriting = inheriting
  },
  fd_filestat_get: (host, fd: number, pointer: number) => {
    const descriptor = host.descriptors.get(fd, Right.fdStat)
    if (descriptor.kind === 'file' || descriptor.kind === 'directory') return writeStat(host, pointer, descriptor.node)
    const at = pointer >>> 0
    host.memory.range(at, 64).fill(0)
    host.memory.setU8(at + 16, FileType.unknown)
    host.memory.setU64(at + 24, 1n)
  },
  fd_filestat_set_times: (host, fd: number, accessed: bigint, modified: bigint, flags: number) => {
    const descriptor = host.descriptors.get(fd, 0n)
    if (descriptor.kind !== 'file' && descriptor.kind !== 'directory') return fail(Errno.badf)
    requireRight(descriptor, Right.fdSetTimes)
    setTimes(host, descriptor.node.times, { accessed, modified, flags })
  },
  fd_prestat_get: (host, fd: number, pointer: number) => {
    const name = preopenedName(host, fd)
    const at = pointer >>> 0
    host.memory.range(at, 8).fill(0)
    host.memory.setU32(at + 4, name.length)
  },
  fd_prestat_dir_name: (host, fd: number, pointer: number, length: number) => {
    const name = preopenedName(host, fd)
    if (length >>> 0 < name.length) fail(Errno.nametoolong)
    host.memory.write(pointer, name)
  },
  fd_renumber: (host, from: number, to: number) => host.descriptors.renumber(from, to),
}

/** Refuses bits that are no descriptor flag with EINVAL. All flags but append change nothing here. */
export function checkDescriptorFlags(flags: number): void {
  if ((flags & ~DESCRIPTOR_FLAGS) !== 0) fail(Errno.inval)
}

function preopenedName(host: WasiHost, fd: number): Uint8Array {
  const descriptor = host.descriptors.get(fd, 0n)
  if (descriptor.kind !== 'directory' || descriptor.preopenedAs === undefined) return fail(Errno.badf)
  return new TextEncoder().encode(descriptor.preopenedAs)
}
