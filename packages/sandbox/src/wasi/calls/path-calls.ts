import { amountCosts } from '../../cost-table.ts'
import { Errno, fail } from '../errno.ts'
import type { WasiHost } from '../host.ts'
import { type FileSystemNode, FileType } from '../nodes.ts'
import type { Place } from '../path-walk.ts'
import { fileQuotas } from '../quota.ts'
import { Right } from '../rights.ts'
import { setTimes, writeStat } from './node-stat.ts'
import { openPath } from './path-open.ts'
import type { WasiCalls } from './wasi-calls.ts'

const FOLLOW = 1
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Calls on paths. All of them stay below the descriptor's directory. */
export const pathCalls: WasiCalls = {
  path_create_directory: (host, fd: number, pointer: number, length: number) => {
    const place = resolve(host, { fd, pointer, length, right: Right.pathCreateDirectory })
    if (place.node !== undefined) fail(Errno.exist)
    host.files.createDirectory(place.directory, place.name)
  },
  path_filestat_get: (host, fd: number, lookup: number, pointer: number, length: number, result: number) => {
    const place = resolve(host, { fd, pointer, length, right: Right.pathStat, follow: follows(lookup) })
    writeStat(host, result, existing(place))
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
    const place = resolve(host, { fd, pointer, length, right: Right.pathSetTimes, follow: follows(lookup) })
    setTimes(host, existing(place).times, { accessed, modified, flags })
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
    const source = { fd: fromFd, pointer: fromPointer, length: fromLength, right: Right.pathLinkSource }
    const node = existing(resolve(host, { ...source, follow: follows(lookup) }))
    const to = resolve(host, { fd: toFd, pointer: toPointer, length: toLength, right: Right.pathLinkTarget })
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
    host.memory.range(result, 4)
    const follow = follows(lookup)
    const number = openPath(host, {
      parent: host.descriptors.directory(fd, Right.pathOpen),
      request: { flags, rights, inheriting, descriptorFlags },
      resolve: (followLast) => resolve(host, { fd, pointer, length, right: 0n, follow: follow && followLast }),
    })
    host.memory.setU32(result, number)
  },
  path_readlink: (host, fd: number, pointer: number, length: number, buffer: number, size: number, result: number) => {
    const node = existing(resolve(host, { fd, pointer, length, right: Right.pathReadlink }))
    if (node.type !== FileType.symbolicLink) return fail(Errno.inval)
    host.memory.range(result, 4)
    const target = new TextEncoder().encode(node.target).subarray(0, size >>> 0)
    host.chargeBytes(target.length)
    host.memory.write(buffer, target)
    host.memory.setU32(result, target.length)
  },
  path_remove_directory: (host, fd: number, pointer: number, length: number) => {
    const place = resolve(host, { fd, pointer, length, right: Right.pathRemoveDirectory })
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
    const source = { fd: fromFd, pointer: fromPointer, length: fromLength, right: Right.pathRenameSource }
    const target = { fd: toFd, pointer: toPointer, length: toLength, right: Right.pathRenameTarget }
    rename(host, resolve(host, source), resolve(host, target))
  },
  path_symlink: (host, targetPointer: number, targetLength: number, fd: number, pointer: number, length: number) => {
    const target = readPath(host, targetPointer, targetLength)
    const place = resolve(host, { fd, pointer, length, right: Right.pathSymlink })
    if (target === '') fail(Errno.noent)
    if (target.startsWith('/')) fail(Errno.perm)
    if (place.node !== undefined) fail(Errno.exist)
    if (place.wantsDirectory) fail(Errno.noent)
    host.files.createLink(place.directory, place.name, target)
  },
  path_unlink_file: (host, fd: number, pointer: number, length: number) => {
    const place = resolve(host, { fd, pointer, length, right: Right.pathUnlinkFile })
    const node = existing(place)
    if (node.type === FileType.directory) fail(Errno.isdir)
    host.files.remove(place.directory, place.name)
  },
}

interface PathArgument {
  readonly fd: number
  readonly pointer: number
  readonly length: number
  /** What the descriptor must allow. */
  readonly right: bigint
  /** Whether a symbolic link at the end is followed. @default false */
  readonly follow?: boolean
}

/** What a lookup flag says about a symbolic link at the end; other bits are EINVAL. */
function follows(lookup: number): boolean {
  if ((lookup & ~FOLLOW) !== 0) fail(Errno.inval)
  return lookup === FOLLOW
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

function resolve(host: WasiHost, { fd, pointer, length, right, follow = false }: PathArgument): Place {
  const { node } = host.descriptors.directory(fd, right)
  return host.files.resolve(node, readPath(host, pointer, length), follow)
}

function existing(place: Place): FileSystemNode {
  const { node } = place
  if (node === undefined) return fail(Errno.noent)
  if (place.wantsDirectory && node.type !== FileType.directory) fail(Errno.notdir)
  return node
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
