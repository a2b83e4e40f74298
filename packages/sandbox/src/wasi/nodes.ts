import type { GrowingBytes } from './growing-bytes.ts'

/** File types of WASI preview 1. */
export const FileType = { unknown: 0, directory: 3, regularFile: 4, symbolicLink: 7 } as const

/** Times of a node, in virtual nanoseconds since 1970. Reading does not change them. */
export interface NodeTimes {
  accessed: bigint
  modified: bigint
  changed: bigint
}

interface NodeBase {
  readonly inode: number
  readonly times: NodeTimes
  linkCount: number
}

/** A regular file. */
export interface FileNode extends NodeBase {
  readonly type: typeof FileType.regularFile
  readonly content: GrowingBytes
  /** True once the guest created or wrote it. */
  changed: boolean
  /** Descriptors that hold it. */
  openCount: number
}

/** A symbolic link; its target is resolved inside the directory that a path began in only. */
export interface LinkNode extends NodeBase {
  readonly type: typeof FileType.symbolicLink
  readonly target: string
  /** Bytes of the target in UTF-8. */
  readonly targetBytes: number
}

/** One entry of a directory. */
interface DirectoryEntry {
  readonly node: FileSystemNode
  /** Grows with every entry that was ever added here, so that reading a directory survives removals. */
  readonly serial: number
  /** What the guest's byte quota gets back when the entry goes. */
  readonly heldBytes: number
}

/** A directory. */
export interface DirectoryNode extends NodeBase {
  readonly type: typeof FileType.directory
  readonly entries: Map<string, DirectoryEntry>
  /** None for the root. */
  parent: DirectoryNode | undefined
  /** Removed while a descriptor holds it: nothing can be added any more. */
  isRemoved: boolean
  nextSerial: number
}

/** Anything that has an inode. */
export type FileSystemNode = FileNode | DirectoryNode | LinkNode

/** Gives back the bytes of a file that nothing can reach any more. */
export function releaseUnreachable(node: FileNode): void {
  if (node.linkCount === 0 && node.openCount === 0) node.content.resize(0)
}

/** Directories above a directory. */
export function depthOf(directory: DirectoryNode): number {
  let depth = 0
  for (let above = directory.parent; above !== undefined; above = above.parent) depth++
  return depth
}
