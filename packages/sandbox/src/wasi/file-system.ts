import { amountCosts } from '../cost-table.ts'
import { Errno, fail } from './errno.ts'
import { GrowingBytes } from './growing-bytes.ts'
import { type ByteQuota, fileQuotas } from './quota.ts'

/** File types of WASI preview 1. */
export const FileType = { characterDevice: 2, directory: 3, regularFile: 4, symbolicLink: 7 } as const

/** Access and modification times of a node, in virtual nanoseconds since 1970. */
export interface NodeTimes {
  accessed: bigint
  modified: bigint
  changed: bigint
}

interface NodeBase {
  readonly inode: bigint
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

/** A symbolic link; its target is resolved inside the preopened directory only. */
export interface LinkNode extends NodeBase {
  readonly type: typeof FileType.symbolicLink
  readonly target: string
}

/** One entry of a directory. */
interface DirectoryEntry {
  readonly node: FileSystemNode
  /** Grows with every entry that was ever added here, so that reading a directory survives removals. */
  readonly serial: bigint
}

/** A directory. */
export interface DirectoryNode extends NodeBase {
  readonly type: typeof FileType.directory
  readonly entries: Map<string, DirectoryEntry>
  parent: DirectoryNode | undefined
  nextSerial: bigint
}

/** Anything that has an inode. */
export type FileSystemNode = FileNode | DirectoryNode | LinkNode

/** Where a path leads: the directory that holds (or would hold) its last name, and what is there now. */
export interface Place {
  readonly directory: DirectoryNode
  /** Empty when the path names `directory` itself, by `.`, `..` or the start. */
  readonly name: string
  readonly node: FileSystemNode | undefined
  /** The path ended in `/`, so it can only name a directory. */
  readonly wantsDirectory: boolean
}

interface ResolveOptions {
  readonly followLast: boolean
  /** Shared by the whole resolution, links inside links included. */
  readonly budget: { linksLeft: number }
}

/** Serials 0, 1 and 2 belong to the start, `.` and `..` when a directory is read. */
const FIRST_SERIAL = 3n

/** A tree of files in memory, below one root; names are ordered by when they were added, which the guest decides. */
export class FileSystem {
  readonly root: DirectoryNode
  readonly #quota: ByteQuota
  readonly #now: () => bigint
  readonly #charge: (units: number) => void
  #nextInode = 1n
  #nodeCount = 0

  /**
   * @param components the quota for bytes, a clock in virtual nanoseconds, and who pays for walks over many nodes
   * @param files the caller's files by relative POSIX path (see {@link isFilePath})
   */
  constructor(
    components: {
      readonly quota: ByteQuota
      readonly now: () => bigint
      readonly charge: (units: number) => void
    },
    files: ReadonlyMap<string, Uint8Array>,
  ) {
    this.#quota = components.quota
    this.#now = components.now
    this.#charge = components.charge
    this.root = this.#directory(undefined)
    // Sorted, because the order of a map's entries must not decide what the guest sees.
    for (const path of [...files.keys()].sort()) this.#place(path, files.get(path) ?? new Uint8Array(0))
  }

  /**
   * Walks a path from a directory. `..` above the root and absolute paths are EPERM.
   * @param followLast whether a symbolic link at the end is followed
   */
  resolve(start: DirectoryNode, path: string, followLast: boolean): Place {
    return this.#resolve(start, path, { followLast, budget: { linksLeft: fileQuotas.links } })
  }

  createFile(directory: DirectoryNode, name: string): FileNode {
    const node: FileNode = {
      ...this.#base(),
      type: FileType.regularFile,
      content: new GrowingBytes(this.#quota),
      changed: true,
      openCount: 0,
    }
    this.#add(directory, name, node)
    return node
  }

  createDirectory(directory: DirectoryNode, name: string): DirectoryNode {
    const node = this.#directory(directory)
    this.#add(directory, name, node)
    return node
  }

  createLink(directory: DirectoryNode, name: string, target: string): LinkNode {
    this.#quota.take(target.length)
    const node: LinkNode = { ...this.#base(), type: FileType.symbolicLink, target }
    this.#add(directory, name, node)
    return node
  }

  /** Gives a file a second name. */
  link(directory: DirectoryNode, name: string, node: FileNode | LinkNode): void {
    this.#add(directory, name, node)
    node.linkCount++
  }

  /** Takes a name away; a file goes with its last name and last descriptor. */
  remove(directory: DirectoryNode, name: string): void {
    const node = directory.entries.get(name)?.node
    if (node === undefined) fail(Errno.noent)
    this.#delete(directory, name)
    node.linkCount--
    this.#nodeCount--
    if (node.type === FileType.symbolicLink && node.linkCount === 0) this.#quota.take(-node.target.length)
    if (node.type === FileType.directory) node.parent = undefined
    if (node.type === FileType.regularFile) releaseUnreachable(node)
  }

  /** Moves an entry over whatever is there; the caller has checked that this is allowed. */
  move(from: { directory: DirectoryNode; name: string }, to: { directory: DirectoryNode; name: string }): void {
    const node = from.directory.entries.get(from.name)?.node
    if (node === undefined) fail(Errno.noent)
    if (node.type === FileType.directory && depthOf(to.directory) + this.#height(node) > fileQuotas.depth)
      fail(Errno.nametoolong)
    if (to.directory.entries.has(to.name)) this.remove(to.directory, to.name)
    this.#delete(from.directory, from.name)
    this.#nodeCount--
    this.#add(to.directory, to.name, node)
    if (node.type === FileType.directory) node.parent = to.directory
  }

  /**
   * Files that the guest created or changed, by path, in code unit order.
   * @param otherBytes of the result besides files: stdout and stderr
   * @throws GuestStop when all of that, paths included, is more than the quota allows
   */
  changedFiles(otherBytes: number): Map<string, Uint8Array> {
    const found: [string, Uint8Array][] = []
    const pending: [DirectoryNode, string][] = [[this.root, '']]
    let total = otherBytes
    this.#quota.checkResult(total)
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const [directory, prefix] = next
      for (const [name, { node }] of directory.entries) {
        if (node.type === FileType.directory) pending.push([node, `${prefix}${name}/`])
        else if (node.type === FileType.regularFile && node.changed) {
          total += prefix.length + name.length + node.content.length
          this.#quota.checkResult(total)
          found.push([prefix + name, node.content.view().slice()])
        }
      }
    }
    found.sort(([left], [right]) => (left < right ? -1 : 1))
    return new Map(found)
  }

  #resolve(start: DirectoryNode, path: string, options: ResolveOptions): Place {
    if (path === '') fail(Errno.noent)
    if (path.startsWith('/')) fail(Errno.perm)
    const names = path.split('/')
    const wantsDirectory = names[names.length - 1] === '' || names[names.length - 1] === '.'
    const steps = names.filter((name) => name !== '' && name !== '.')
    let directory = start
    for (const [index, name] of steps.entries()) {
      const isLast = index === steps.length - 1
      if (new TextEncoder().encode(name).length > fileQuotas.nameBytes) fail(Errno.nametoolong)
      if (name === '..') {
        directory = directory.parent ?? fail(Errno.perm)
        continue
      }
      const node = directory.entries.get(name)?.node
      const follow = node?.type === FileType.symbolicLink && (!isLast || options.followLast || wantsDirectory)
      if (!follow && isLast) return { directory, name, node, wantsDirectory }
      let next = node
      if (node?.type === FileType.symbolicLink) {
        if (options.budget.linksLeft-- === 0) fail(Errno.loop)
        const place = this.#resolve(directory, node.target, { ...options, followLast: true })
        if (isLast) return { ...place, wantsDirectory: wantsDirectory || place.wantsDirectory }
        next = place.node
      }
      if (next === undefined) fail(Errno.noent)
      if (next.type !== FileType.directory) fail(Errno.notdir)
      directory = next
    }
    return { directory, name: '', node: directory, wantsDirectory }
  }

  /** Levels of directories in a subtree, its top included. */
  #height(top: DirectoryNode): number {
    let height = 0
    for (let level: DirectoryNode[] = [top]; level.length > 0; height++) {
      const below: DirectoryNode[] = []
      for (const directory of level) {
        this.#charge(amountCosts.hostCall + directory.entries.size)
        for (const { node } of directory.entries.values()) if (node.type === FileType.directory) below.push(node)
      }
      level = below
    }
    return height
  }

  #base(): NodeBase {
    const now = this.#now()
    return { inode: this.#nextInode++, times: { accessed: now, modified: now, changed: now }, linkCount: 1 }
  }

  #directory(parent: DirectoryNode | undefined): DirectoryNode {
    return { ...this.#base(), type: FileType.directory, entries: new Map(), parent, nextSerial: FIRST_SERIAL }
  }

  #add(directory: DirectoryNode, name: string, node: FileSystemNode): void {
    if (this.#nodeCount >= fileQuotas.nodes) fail(Errno.nospc)
    if (depthOf(directory) >= fileQuotas.depth) fail(Errno.nametoolong)
    this.#nodeCount++
    directory.entries.set(name, { node, serial: directory.nextSerial++ })
    directory.times.modified = this.#now()
  }

  #delete(directory: DirectoryNode, name: string): void {
    directory.entries.delete(name)
    directory.times.modified = this.#now()
  }

  /** Puts a caller's file in place, with the directories above it. */
  #place(path: string, bytes: Uint8Array): void {
    const names = path.split('/')
    const last = names.pop() ?? ''
    let directory = this.root
    for (const name of names) {
      const next = directory.entries.get(name)?.node ?? this.createDirectory(directory, name)
      if (next.type !== FileType.directory) fail(Errno.notdir)
      directory = next
    }
    const content = new GrowingBytes(this.#quota, bytes)
    this.#add(directory, last, { ...this.#base(), type: FileType.regularFile, content, changed: false, openCount: 0 })
  }
}

/** Gives back the bytes of a file that nothing can reach any more. */
export function releaseUnreachable(node: FileNode): void {
  if (node.linkCount === 0 && node.openCount === 0) node.content.resize(0)
}

function depthOf(directory: DirectoryNode): number {
  let depth = 0
  for (let above = directory.parent; above !== undefined; above = above.parent) depth++
  return depth
}

/** True for a relative POSIX path that a caller may give a file: no empty, `.` or `..` names, no NUL, within the quotas. */
export function isFilePath(path: string): boolean {
  const names = path.split('/')
  if (names.length > fileQuotas.depth || path.includes('\0') || !path.isWellFormed()) return false
  const encoder = new TextEncoder()
  if (encoder.encode(path).length > fileQuotas.pathBytes) return false
  return names.every(
    (name) => name !== '' && name !== '.' && name !== '..' && encoder.encode(name).length <= fileQuotas.nameBytes,
  )
}
