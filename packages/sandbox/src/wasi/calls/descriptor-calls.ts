import { type Descriptor, FLAG_APPEND, fileTypeOf, Right } from '../descriptors.ts'
import { Errno, fail } from '../errno.ts'
import { type FileSystemNode, FileType, type NodeTimes } from '../file-system.ts'
import type { Slice } from '../guest-memory.ts'
import type { WasiHost } from '../host.ts'
import type { WasiCalls } from './wasi-calls.ts'

const DESCRIPTOR_FLAGS = 0x1f
const ADVICE_MAX = 5
const Whence = { set: 0, current: 1, end: 2 } as const
const DIRECTORY_ENTRY_BYTES = 24
/** Flags of the set-times calls. */
const SetTime = { accessed: 1, accessedNow: 2, modified: 4, modifiedNow: 8 } as const

/** Calls on open descriptors. */
export const descriptorCalls: WasiCalls = {
  fd_advise: (host, fd: number, offset: bigint, length: bigint, advice: number) => {
    host.descriptors.file(fd)
    if (offset < 0n || length < 0n || advice >>> 0 > ADVICE_MAX) fail(Errno.inval)
  },
  fd_allocate: (host, fd: number, offset: bigint, length: bigint) => {
    const { node } = writableFile(host, fd)
    if (length === 0n) fail(Errno.inval)
    const end = fileOffset(offset) + fileOffset(length)
    if (end > node.content.length) resizeFile(host, node, end)
  },
  fd_close: (host, fd: number) => host.descriptors.close(fd),
  fd_datasync: (host, fd: number) => {
    host.descriptors.get(fd)
  },
  fd_sync: (host, fd: number) => {
    host.descriptors.get(fd)
  },
  fd_fdstat_get: (host, fd: number, pointer: number) => {
    const descriptor = host.descriptors.get(fd)
    const at = pointer >>> 0
    host.memory.range(at, 24).fill(0)
    host.memory.setU8(at, fileTypeOf(descriptor))
    host.memory.setU16(at + 2, descriptor.flags)
    host.memory.setU64(at + 8, descriptor.rights)
    host.memory.setU64(at + 16, descriptor.inheriting)
  },
  fd_fdstat_set_flags: (host, fd: number, flags: number) => {
    const descriptor = host.descriptors.get(fd)
    if ((flags & ~DESCRIPTOR_FLAGS) !== 0) fail(Errno.inval)
    descriptor.flags = flags
  },
  fd_fdstat_set_rights: (host, fd: number, rights: bigint, inheriting: bigint) => {
    const descriptor = host.descriptors.get(fd)
    if ((rights & ~descriptor.rights) !== 0n || (inheriting & ~descriptor.inheriting) !== 0n) fail(Errno.perm)
    descriptor.rights = rights
    descriptor.inheriting = inheriting
  },
  fd_filestat_get: (host, fd: number, pointer: number) => {
    const descriptor = host.descriptors.get(fd)
    if (descriptor.kind === 'file' || descriptor.kind === 'directory') return writeStat(host, pointer, descriptor.node)
    host.memory.range(pointer, 64).fill(0)
    host.memory.setU8((pointer >>> 0) + 16, FileType.characterDevice)
  },
  fd_filestat_set_size: (host, fd: number, size: bigint) => {
    const { node } = writableFile(host, fd)
    resizeFile(host, node, fileOffset(size))
  },
  fd_filestat_set_times: (host, fd: number, accessed: bigint, modified: bigint, flags: number) => {
    const descriptor = host.descriptors.get(fd)
    if (descriptor.kind !== 'file' && descriptor.kind !== 'directory') fail(Errno.badf)
    setTimes(host, descriptor.node.times, { accessed, modified, flags })
  },
  fd_read: (host, fd: number, slices: number, count: number, resultPointer: number) => {
    const descriptor = host.descriptors.get(fd)
    if (descriptor.kind === 'directory') fail(Errno.isdir)
    if (descriptor.kind === 'output' || (descriptor.rights & Right.read) === 0n) fail(Errno.badf)
    const read = readInto(host, descriptor, host.memory.slices(slices, count), descriptor.position)
    descriptor.position += read
    host.memory.setU32(resultPointer, read)
  },
  fd_pread: (host, fd: number, slices: number, count: number, offset: bigint, resultPointer: number) => {
    const descriptor = host.descriptors.file(fd)
    if ((descriptor.rights & Right.read) === 0n) fail(Errno.badf)
    const read = readInto(host, descriptor, host.memory.slices(slices, count), fileOffset(offset))
    host.memory.setU32(resultPointer, read)
  },
  fd_write: (host, fd: number, slices: number, count: number, resultPointer: number) => {
    const descriptor = host.descriptors.get(fd)
    if (descriptor.kind === 'directory' || descriptor.kind === 'input') fail(Errno.badf)
    if ((descriptor.rights & Right.write) === 0n) fail(Errno.badf)
    const list = host.memory.slices(slices, count)
    host.memory.range(resultPointer, 4)
    if (descriptor.kind === 'file') {
      const isAppending = (descriptor.flags & FLAG_APPEND) !== 0
      const start = isAppending ? descriptor.node.content.length : descriptor.position
      const written = writeFrom(host, descriptor, list, start)
      descriptor.position = start + written
      host.memory.setU32(resultPointer, written)
      return
    }
    host.memory.setU32(resultPointer, writeFrom(host, descriptor, list, descriptor.sink.length))
  },
  fd_pwrite: (host, fd: number, slices: number, count: number, offset: bigint, resultPointer: number) => {
    const descriptor = writableFile(host, fd)
    const list = host.memory.slices(slices, count)
    host.memory.range(resultPointer, 4)
    host.memory.setU32(resultPointer, writeFrom(host, descriptor, list, fileOffset(offset)))
  },
  fd_seek: (host, fd: number, offset: bigint, whence: number, resultPointer: number) => {
    const descriptor = host.descriptors.file(fd)
    const bases: Readonly<Record<number, number>> = {
      [Whence.set]: 0,
      [Whence.current]: descriptor.position,
      [Whence.end]: descriptor.node.content.length,
    }
    const base = bases[whence] ?? fail(Errno.inval)
    const position = fileOffset(BigInt(base) + offset)
    host.memory.setU64(resultPointer, BigInt(position))
    descriptor.position = position
  },
  fd_tell: (host, fd: number, resultPointer: number) => {
    host.memory.setU64(resultPointer, BigInt(host.descriptors.file(fd).position))
  },
  fd_prestat_get: (host, fd: number, pointer: number) => {
    const at = pointer >>> 0
    host.memory.setU32(at, 0)
    host.memory.setU32(at + 4, preopenedName(host, fd).length)
  },
  fd_prestat_dir_name: (host, fd: number, pointer: number, length: number) => {
    const name = preopenedName(host, fd)
    if (length >>> 0 < name.length) fail(Errno.nametoolong)
    host.memory.write(pointer, name)
  },
  fd_readdir: (host, fd: number, pointer: number, length: number, cookie: bigint, resultPointer: number) => {
    const { node } = host.descriptors.directory(fd)
    const target = host.memory.range(pointer, length)
    const writer = new DirectoryWriter(target)
    const after = BigInt.asUintN(64, cookie)
    if (after < 1n) writer.add('.', node, 1n)
    if (after < 2n) writer.add('..', node.parent ?? node, 2n)
    let looked = 0
    for (const [name, entry] of node.entries) {
      if (writer.isFull) break
      looked++
      if (entry.serial > after) writer.add(name, entry.node, entry.serial)
    }
    host.chargeBytes(writer.length + looked)
    host.memory.setU32(resultPointer, writer.length)
  },
  fd_renumber: (host, from: number, to: number) => host.descriptors.renumber(from, to),
}

/** Writes directory entries until the buffer is full; the last one may be cut, which tells the guest to come again. */
class DirectoryWriter {
  readonly #target: Uint8Array
  length = 0

  constructor(target: Uint8Array) {
    this.#target = target
  }

  get isFull(): boolean {
    return this.length === this.#target.length
  }

  add(name: string, node: FileSystemNode, serial: bigint): void {
    const nameBytes = new TextEncoder().encode(name)
    const entry = new Uint8Array(DIRECTORY_ENTRY_BYTES + nameBytes.length)
    const view = new DataView(entry.buffer)
    view.setBigUint64(0, serial, true)
    view.setBigUint64(8, node.inode, true)
    view.setUint32(16, nameBytes.length, true)
    view.setUint8(20, node.type)
    entry.set(nameBytes, DIRECTORY_ENTRY_BYTES)
    const count = Math.min(entry.length, this.#target.length - this.length)
    this.#target.set(entry.subarray(0, count), this.length)
    this.length += count
  }
}

/** A file offset or size that the guest gave. */
function fileOffset(value: bigint): number {
  if (value < 0n) fail(Errno.inval)
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) fail(Errno.fbig)
  return Number(value)
}

/** Writes a `filestat` structure of 64 bytes. */
export function writeStat(host: WasiHost, pointer: number, node: FileSystemNode): void {
  const { memory } = host
  const at = pointer >>> 0
  memory.range(at, 64).fill(0)
  memory.setU64(at, 1n)
  memory.setU64(at + 8, node.inode)
  memory.setU8(at + 16, node.type)
  memory.setU64(at + 24, BigInt(node.linkCount))
  memory.setU64(at + 32, BigInt(sizeOf(node)))
  memory.setU64(at + 40, node.times.accessed)
  memory.setU64(at + 48, node.times.modified)
  memory.setU64(at + 56, node.times.changed)
}

/** Applies the flags of a set-times call. */
export function setTimes(
  host: WasiHost,
  times: NodeTimes,
  { accessed, modified, flags }: { readonly accessed: bigint; readonly modified: bigint; readonly flags: number },
): void {
  const isBoth = (pair: number): boolean => (flags & pair) === pair
  if (isBoth(SetTime.accessed | SetTime.accessedNow) || isBoth(SetTime.modified | SetTime.modifiedNow))
    fail(Errno.inval)
  const now = host.realTimeNs()
  if ((flags & SetTime.accessed) !== 0) times.accessed = BigInt.asUintN(64, accessed)
  if ((flags & SetTime.accessedNow) !== 0) times.accessed = now
  if ((flags & SetTime.modified) !== 0) times.modified = BigInt.asUintN(64, modified)
  if ((flags & SetTime.modifiedNow) !== 0) times.modified = now
  times.changed = now
}

/** Sets a file's size, charging for the bytes that appear. */
export function resizeFile(host: WasiHost, node: Extract<FileSystemNode, { type: 4 }>, size: number): void {
  const grown = size - node.content.length
  if (grown > 0) host.chargeBytes(grown)
  node.content.resize(size)
  touch(host, node)
}

function touch(host: WasiHost, node: Extract<FileSystemNode, { type: 4 }>): void {
  node.changed = true
  node.times.modified = host.realTimeNs()
}

function sizeOf(node: FileSystemNode): number {
  if (node.type === FileType.regularFile) return node.content.length
  return node.type === FileType.symbolicLink ? new TextEncoder().encode(node.target).length : 0
}

function writableFile(host: WasiHost, fd: number): Extract<Descriptor, { kind: 'file' }> {
  const descriptor = host.descriptors.file(fd)
  return (descriptor.rights & Right.write) === 0n ? fail(Errno.badf) : descriptor
}

function preopenedName(host: WasiHost, fd: number): Uint8Array {
  const descriptor = host.descriptors.get(fd)
  if (descriptor.kind !== 'directory' || descriptor.preopenedAs === undefined) return fail(Errno.badf)
  return new TextEncoder().encode(descriptor.preopenedAs)
}

function readInto(
  host: WasiHost,
  source: Extract<Descriptor, { kind: 'file' | 'input' }>,
  slices: readonly Slice[],
  offset: number,
): number {
  let read = 0
  for (const { pointer, length } of slices) {
    const size = source.kind === 'file' ? source.node.content.length : source.bytes.length
    const count = Math.max(0, Math.min(length, size - offset - read))
    if (count === 0) continue
    host.chargeBytes(count)
    const target = host.memory.range(pointer, count)
    if (source.kind === 'file') source.node.content.read(offset + read, target)
    else target.set(source.bytes.subarray(offset + read, offset + read + count))
    read += count
  }
  return read
}

function writeFrom(
  host: WasiHost,
  target: Extract<Descriptor, { kind: 'file' | 'output' }>,
  slices: readonly Slice[],
  offset: number,
): number {
  const content = target.kind === 'file' ? target.node.content : target.sink
  let written = 0
  for (const { pointer, length } of slices) {
    if (length === 0) continue
    const start = offset + written
    host.chargeBytes(length + Math.max(0, start - content.length))
    content.write(start, host.memory.range(pointer, length))
    written += length
  }
  if (target.kind === 'file' && written > 0) touch(host, target.node)
  return written
}
