import { amountCosts } from '../../cost-table.ts'
import { Right } from '../descriptors.ts'
import { Errno, fail } from '../errno.ts'
import { type FileNode, type FileSystemNode, FileType, type Place } from '../file-system.ts'
import type { WasiHost } from '../host.ts'
import { fileQuotas } from '../quota.ts'
import { resizeFile, setTimes, writeStat } from './descriptor-calls.ts'
import type { WasiCalls } from './wasi-calls.ts'

const FOLLOW = 1
const OpenFlag = { create: 1, directory: 2, exclusive: 4, truncate: 8 } as const
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

interface PathOpen {
  readonly flags: number
  readonly rights: bigint
  readonly inheriting: bigint
  readonly descriptorFlags: number
}

/** Calls on paths. All of them stay below the descriptor's directory. */
export const pathCalls: WasiCalls = {
  path_create_directory: (host, fd: number, pointer: number, length: number) => {
    const place = resolve(host, fd, readPath(host, pointer, length), false)
    if (place.node !== undefined) fail(Errno.exist)
    host.files.createDirectory(place.directory, place.name)
  },
  path_filestat_get: (host, fd: number, lookup: number, pointer: number, length: number, result: number) => {
    writeStat(host, result, existing(resolve(host, fd, readPath(host, pointer, length), (lookup & FOLLOW) !== 0)))
  },
  path_filestat_set_times: (
    host,
    fd: number,
    lookup: number,
    pointer: number,
    length: number,
    accessed: bigint,
    modified: bigint,
    flags: number,
  ) => {
    const node = existing(resolve(host, fd, readPath(host, pointer, length), (lookup & FOLLOW) !== 0))
    setTimes(host, node.times, { accessed, modified, flags })
  },
  path_link: (
    host,
    fromFd: number,
    lookup: number,
    fromPointer: number,
    fromLength: number,
    toFd: number,
    toPointer: number,
    toLength: number,
  ) => {
    if ((lookup & FOLLOW) !== 0) fail(Errno.inval)
    const node = existing(resolve(host, fromFd, readPath(host, fromPointer, fromLength), false))
    const to = resolve(host, toFd, readPath(host, toPointer, toLength), false)
    if (node.type === FileType.directory) fail(Errno.perm)
    if (to.node !== undefined) fail(Errno.exist)
    if (to.wantsDirectory) fail(Errno.noent)
    host.files.link(to.directory, to.name, node)
  },
  path_open: (
    host,
    fd: number,
    lookup: number,
    pointer: number,
    length: number,
    flags: number,
    rights: bigint,
    inheriting: bigint,
    descriptorFlags: number,
    result: number,
  ) => {
    const path = readPath(host, pointer, length)
    host.memory.range(result, 4)
    const isExclusive = (flags & (OpenFlag.create | OpenFlag.exclusive)) === (OpenFlag.create | OpenFlag.exclusive)
    const place = resolve(host, fd, path, (lookup & FOLLOW) !== 0 && !isExclusive)
    const parent = host.descriptors.directory(fd)
    const granted = { rights: rights & parent.inheriting, inheriting: inheriting & parent.inheriting }
    host.memory.setU32(result, openPlace(host, place, { flags, descriptorFlags, ...granted }))
  },
  path_readlink: (host, fd: number, pointer: number, length: number, buffer: number, size: number, result: number) => {
    const node = existing(resolve(host, fd, readPath(host, pointer, length), false))
    if (node.type !== FileType.symbolicLink) return fail(Errno.inval)
    const target = new TextEncoder().encode(node.target).subarray(0, size >>> 0)
    host.chargeBytes(target.length)
    host.memory.write(buffer, target)
    host.memory.setU32(result, target.length)
  },
  path_remove_directory: (host, fd: number, pointer: number, length: number) => {
    const place = resolve(host, fd, readPath(host, pointer, length), false)
    const node = existing(place)
    if (node.type !== FileType.directory) return fail(Errno.notdir)
    if (place.name === '') fail(Errno.inval)
    if (node.entries.size > 0) fail(Errno.notempty)
    host.files.remove(place.directory, place.name)
  },
  path_rename: (
    host,
    fromFd: number,
    fromPointer: number,
    fromLength: number,
    toFd: number,
    toPointer: number,
    toLength: number,
  ) => {
    const from = resolve(host, fromFd, readPath(host, fromPointer, fromLength), false)
    const to = resolve(host, toFd, readPath(host, toPointer, toLength), false)
    rename(host, from, to)
  },
  path_symlink: (host, targetPointer: number, targetLength: number, fd: number, pointer: number, length: number) => {
    const target = readPath(host, targetPointer, targetLength)
    const place = resolve(host, fd, readPath(host, pointer, length), false)
    if (target.startsWith('/')) fail(Errno.perm)
    if (place.node !== undefined) fail(Errno.exist)
    if (place.wantsDirectory) fail(Errno.noent)
    host.files.createLink(place.directory, place.name, target)
  },
  path_unlink_file: (host, fd: number, pointer: number, length: number) => {
    const place = resolve(host, fd, readPath(host, pointer, length), false)
    const node = existing(place)
    if (node.type === FileType.directory) fail(Errno.isdir)
    host.files.remove(place.directory, place.name)
  },
}

function readPath(host: WasiHost, pointer: number, length: number): string {
  const bytes = host.memory.range(pointer, length)
  if (bytes.length > fileQuotas.pathBytes) fail(Errno.nametoolong)
  host.gauge.charge(amountCosts.path)
  host.chargeBytes(bytes.length)
  if (bytes.includes(0)) fail(Errno.inval)
  try {
    return utf8.decode(bytes)
  } catch {
    return fail(Errno.ilseq)
  }
}

function resolve(host: WasiHost, fd: number, path: string, followLast: boolean): Place {
  return host.files.resolve(host.descriptors.directory(fd).node, path, followLast)
}

function existing(place: Place): FileSystemNode {
  const { node } = place
  if (node === undefined) return fail(Errno.noent)
  if (place.wantsDirectory && node.type !== FileType.directory) fail(Errno.notdir)
  return node
}

/** Opens what a path leads to; the new descriptor's number. */
function openPlace(host: WasiHost, place: Place, open: PathOpen): number {
  const { flags } = open
  const has = (flag: number): boolean => (flags & flag) !== 0
  if (has(OpenFlag.create) && has(OpenFlag.directory)) fail(Errno.inval)
  if (place.node !== undefined && has(OpenFlag.create) && has(OpenFlag.exclusive)) fail(Errno.exist)
  const node = place.node ?? (has(OpenFlag.create) ? createFile(host, place) : fail(Errno.noent))
  if (node.type === FileType.symbolicLink) return fail(Errno.loop)
  if (node.type === FileType.directory) {
    const wantsToWrite = (open.rights & Right.write) !== 0n && !has(OpenFlag.directory)
    if (has(OpenFlag.truncate) || wantsToWrite) fail(Errno.isdir)
    const rights = open.rights & ~(Right.read | Right.write | Right.seek | Right.tell)
    return host.descriptors.open({ ...open, flags: 0, rights, kind: 'directory', node, preopenedAs: undefined })
  }
  if (has(OpenFlag.directory) || place.wantsDirectory) fail(Errno.notdir)
  const number = host.descriptors.open({ ...open, flags: open.descriptorFlags & 0x1f, kind: 'file', node, position: 0 })
  if (has(OpenFlag.truncate)) resizeFile(host, node, 0)
  return number
}

function createFile(host: WasiHost, place: Place): FileNode {
  if (place.wantsDirectory) fail(Errno.isdir)
  return host.files.createFile(place.directory, place.name)
}

/** POSIX rename: over a file only a file, over an empty directory only a directory, never into itself. */
function rename(host: WasiHost, from: Place, to: Place): void {
  const node = existing(from)
  if (from.name === '' || to.name === '') fail(Errno.busy)
  if (node.type === FileType.directory) {
    for (let above: Place['directory'] | undefined = to.directory; above !== undefined; above = above.parent)
      if (above === node) fail(Errno.inval)
  } else if (to.wantsDirectory) fail(Errno.notdir)
  if (to.node === node) return
  if (to.node !== undefined) {
    if (to.node.type === FileType.directory) {
      if (node.type !== FileType.directory) fail(Errno.isdir)
      if (to.node.entries.size > 0) fail(Errno.notempty)
    } else if (node.type === FileType.directory) fail(Errno.notdir)
  }
  host.files.move(from, to)
}
