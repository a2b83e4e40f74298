import { type Descriptor, FLAG_APPEND, requireRight } from '../descriptors.ts'
import { Errno, fail } from '../errno.ts'
import { moveBytes } from '../growing-bytes.ts'
import type { Slice } from '../guest-memory.ts'
import type { WasiHost } from '../host.ts'
import type { FileNode } from '../nodes.ts'
import { Right } from '../rights.ts'
import type { WasiCalls } from './wasi-calls.ts'

const ADVICE_MAX = 5
const Whence = { set: 0, current: 1, end: 2 } as const

/** Calls on the bytes of files and streams. */
export const fileCalls: WasiCalls = {
  fd_advise: (host, fd: number, offset: bigint, length: bigint, advice: number) => {
    host.descriptors.file(fd, Right.fdAdvise)
    if (offset < 0n || length < 0n || advice >>> 0 > ADVICE_MAX) fail(Errno.inval)
  },
  fd_allocate: (host, fd: number, offset: bigint, length: bigint) => {
    const { node } = host.descriptors.file(fd, Right.fdAllocate)
    if (length === 0n) fail(Errno.inval)
    const end = fileOffset(BigInt(fileOffset(offset)) + BigInt(fileOffset(length)))
    if (end > node.content.length) resizeFile(host, node, end)
  },
  fd_filestat_set_size: (host, fd: number, size: bigint) => {
    const { node } = host.descriptors.file(fd, Right.fdSetSize)
    resizeFile(host, node, fileOffset(size))
  },
  fd_read: (host, fd: number, slices: number, count: number, resultPointer: number) => {
    const descriptor = host.descriptors.get(fd, 0n)
    if (descriptor.kind === 'directory') fail(Errno.isdir)
    if (descriptor.kind === 'output' || (descriptor.rights & Right.fdRead) === 0n) fail(Errno.badf)
    host.memory.range(resultPointer, 4)
    const read = readInto(host, descriptor, host.slices(slices, count), descriptor.position)
    descriptor.position += read
    host.memory.setU32(resultPointer, read)
  },
  fd_pread: (host, fd: number, slices: number, count: number, offset: bigint, resultPointer: number) => {
    const descriptor = host.descriptors.file(fd, 0n)
    if ((descriptor.rights & Right.fdRead) === 0n) fail(Errno.badf)
    requireRight(descriptor, Right.fdSeek)
    host.memory.range(resultPointer, 4)
    const read = readInto(host, descriptor, host.slices(slices, count), fileOffset(offset))
    host.memory.setU32(resultPointer, read)
  },
  fd_write: (host, fd: number, slices: number, count: number, resultPointer: number) => {
    const descriptor = host.descriptors.get(fd, 0n)
    if (descriptor.kind === 'directory') fail(Errno.isdir)
    if (descriptor.kind === 'input' || (descriptor.rights & Right.fdWrite) === 0n) fail(Errno.badf)
    host.memory.range(resultPointer, 4)
    const list = host.slices(slices, count)
    if (descriptor.kind === 'output') {
      host.memory.setU32(resultPointer, writeFrom(host, descriptor, list, descriptor.sink.length))
      return
    }
    const isAppending = (descriptor.flags & FLAG_APPEND) !== 0
    const start = isAppending ? descriptor.node.content.length : descriptor.position
    const written = writeFrom(host, descriptor, list, start)
    descriptor.position = start + written
    host.memory.setU32(resultPointer, written)
  },
  fd_pwrite: (host, fd: number, slices: number, count: number, offset: bigint, resultPointer: number) => {
    const descriptor = host.descriptors.file(fd, 0n)
    if ((descriptor.rights & Right.fdWrite) === 0n) fail(Errno.badf)
    requireRight(descriptor, Right.fdSeek)
    host.memory.range(resultPointer, 4)
    // POSIX says that the offset counts, also where writes append.
    const written = writeFrom(host, descriptor, host.slices(slices, count), fileOffset(offset))
    host.memory.setU32(resultPointer, written)
  },
  fd_seek: (host, fd: number, offset: bigint, whence: number, resultPointer: number) => {
    const isTelling = offset === 0n && whence === Whence.current
    const descriptor = host.descriptors.file(fd, 0n)
    if (isTelling) checkTell(descriptor)
    else requireRight(descriptor, Right.fdSeek)
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
    const descriptor = host.descriptors.file(fd, 0n)
    checkTell(descriptor)
    host.memory.setU64(resultPointer, BigInt(descriptor.position))
  },
}

/** The right to seek implies the right to tell. */
function checkTell(descriptor: Descriptor): void {
  if ((descriptor.rights & Right.fdSeek) === 0n) requireRight(descriptor, Right.fdTell)
}

/** A file offset or size that the guest gave. */
function fileOffset(value: bigint): number {
  if (value < 0n) fail(Errno.inval)
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) fail(Errno.fbig)
  return Number(value)
}

/** Sets a file's size, charging for the bytes that appear. */
export function resizeFile(host: WasiHost, node: FileNode, size: number): void {
  const grown = size - node.content.length
  if (grown > 0) host.chargeBytes(grown)
  node.content.resize(size)
  touch(host, node)
}

function touch(host: WasiHost, node: FileNode): void {
  node.changed = true
  node.times.modified = host.realTimeNs()
  node.times.changed = node.times.modified
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
    else moveBytes(source.bytes.subarray(offset + read, offset + read + count), target)
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
