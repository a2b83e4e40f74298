import { Errno, fail } from '../errno.ts'
import type { WasiHost } from '../host.ts'
import { type FileSystemNode, FileType, type NodeTimes } from '../nodes.ts'

/** Flags of the set-times calls. */
const SetTime = { accessed: 1, accessedNow: 2, modified: 4, modifiedNow: 8 } as const
const SET_TIME_FLAGS = 0xf

/** Writes a `filestat` structure of 64 bytes. */
export function writeStat(host: WasiHost, pointer: number, node: FileSystemNode): void {
  const { memory } = host
  const at = pointer >>> 0
  memory.range(at, 64).fill(0)
  memory.setU64(at, 1n)
  memory.setU64(at + 8, BigInt(node.inode))
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
  if ((flags & ~SET_TIME_FLAGS) !== 0) fail(Errno.inval)
  const now = host.realTimeNs()
  if ((flags & SetTime.accessed) !== 0) times.accessed = BigInt.asUintN(64, accessed)
  if ((flags & SetTime.accessedNow) !== 0) times.accessed = now
  if ((flags & SetTime.modified) !== 0) times.modified = BigInt.asUintN(64, modified)
  if ((flags & SetTime.modifiedNow) !== 0) times.modified = now
  times.changed = now
}

function sizeOf(node: FileSystemNode): number {
  if (node.type === FileType.regularFile) return node.content.length
  return node.type === FileType.symbolicLink ? node.targetBytes : 0
}
