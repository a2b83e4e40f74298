import { amountCosts } from '../cost-table.ts'
import { Errno, fail } from './errno.ts'
import { GrowingBytes } from './growing-bytes.ts'
import {
  type DirectoryNode,
  depthOf,
  type FileNode,
  type FileSystemNode,
  FileType,
  type LinkNode,
  type NodeTimes,
  releaseUnreachable,
} from './nodes.ts'
import { PathWalk, type Place } from './path-walk.ts'
import { type ByteQuota, checkResult, fileQuotas, resultQuotas } from './quota.ts'

/** Serials 0, 1 and 2 belong to the start, `.` and `..` when a directory is read. */
const FIRST_SERIAL = 3

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** A tree of files in memory, below one root; names are ordered by when they were added, which the guest decides. */
export class FileSystem {
  readonly root: DirectoryNode
  readonly #quota: ByteQuota
  readonly #now: () => bigint
  readonly #charge: (units: number) => void
  #nextInode = 1
  #entryCount = 0

  /**
   * @param components the quota for bytes, a clock in virtual nanoseconds, and who pays for walks over many nodes
   * @param files the caller's files by relative POSIX path (see {@link isFilePath}); they take nothing of the byte quota
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

  /** Follows a path below a directory, see {@link PathWalk.resolve}. */
  resolve(base: DirectoryNode, path: string, followLast: boolean): Place {
    return new PathWalk(base, this.#charge).resolve(path, followLast)
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
    const targetBytes = encoder.encode(target).length
    const node: LinkNode = { ...this.#base(), type: FileType.symbolicLink, target, targetBytes }
    this.#add(directory, name, node)
    this.#quota.take(targetBytes)
    return node
  }

  /** Gives a file a second name. */
  link(directory: DirectoryNode, name: string, node: FileNode | LinkNode): void {
    this.#add(directory, name, node)
    node.linkCount++
    node.times.changed = this.#now()
  }

  /** Takes a name away; a file goes with its last name and last descriptor. */
  remove(directory: DirectoryNode, name: string): void {
    const node = this.#delete(directory, name)
    node.linkCount--
    node.times.changed = this.#now()
    if (node.type === FileType.symbolicLink && node.linkCount === 0) this.#quota.take(-node.targetBytes)
    if (node.type === FileType.directory) node.isRemoved = true
    if (node.type === FileType.regularFile) releaseUnreachable(node)
  }

  /** Moves an entry over whatever is there; the caller has checked that this is allowed. */
  move(from: { directory: DirectoryNode; name: string }, to: { directory: DirectoryNode; name: string }): void {
    const node = from.directory.entries.get(from.name)?.node ?? fail(Errno.noent)
    if (node.type === FileType.directory && depthOf(to.directory) + this.#height(node) > fileQuotas.depth)
      fail(Errno.nametoolong)
    checkCanHold(to.directory)
    if (to.directory.entries.has(to.name)) this.remove(to.directory, to.name)
    this.#delete(from.directory, from.name)
    this.#add(to.directory, to.name, node)
    node.times.changed = this.#now()
    if (node.type === FileType.directory) node.parent = to.directory
  }

  /**
   * Files that the guest created or changed, by path, in code unit order.
   * @param otherBytes of the result besides files: stdout and stderr
   * @throws GuestStop when they are more than a result can name, or all of it is more than the byte quota allows
   */
  changedFiles(otherBytes: number): Map<string, Uint8Array> {
    const found = this.#changed()
    checkResult('files', found.length, resultQuotas.files)
    let pathsBytes = 0
    let contentBytes = 0
    for (const [path, { content }] of found) {
      const pathBytes = encoder.encode(path).length
      checkResult('paths', pathBytes, resultQuotas.pathBytes)
      pathsBytes += pathBytes
      contentBytes += content.length
    }
    checkResult('paths', pathsBytes, resultQuotas.pathsBytes)
    this.#quota.checkResult(otherBytes + pathsBytes + contentBytes)
    found.sort(([left], [right]) => (left < right ? -1 : 1))
    return new Map(found.map(([path, { content }]) => [path, content.copy()]))
  }

  #changed(): [string, FileNode][] {
    const found: [string, FileNode][] = []
    const pending: [DirectoryNode, string][] = [[this.root, '']]
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const [directory, prefix] = next
      for (const [name, { node }] of directory.entries) {
        if (node.type === FileType.directory) pending.push([node, `${prefix}${name}/`])
        else if (node.type === FileType.regularFile && node.changed) found.push([prefix + name, node])
      }
    }
    return found
  }

  /** Levels of directories in a subtree, its top included. */
  #height(top: DirectoryNode): number {
    let height = 0
    for (let level: DirectoryNode[] = [top]; level.length > 0; height++) {
      const below: DirectoryNode[] = []
      for (const directory of level) {
        this.#charge(amountCosts.hostCall + directory.entries.size * fileQuotas.entryBytes)
        for (const { node } of directory.entries.values()) if (node.type === FileType.directory) below.push(node)
      }
      level = below
    }
    return height
  }

  #base(): { readonly inode: number; readonly times: NodeTimes; linkCount: number } {
    const now = this.#now()
    return { inode: this.#nextInode++, times: { accessed: now, modified: now, changed: now }, linkCount: 1 }
  }

  #directory(parent: DirectoryNode | undefined): DirectoryNode {
    const entries: DirectoryNode['entries'] = new Map()
    const state = { parent, isRemoved: false, nextSerial: FIRST_SERIAL }
    return { ...this.#base(), type: FileType.directory, entries, ...state }
  }

  #add(directory: DirectoryNode, name: string, node: FileSystemNode): void {
    checkCanHold(directory)
    if (this.#entryCount >= fileQuotas.nodes) fail(Errno.nospc)
    const nameBytes = encoder.encode(name)
    const heldBytes = fileQuotas.entryBytes + nameBytes.length
    this.#quota.take(heldBytes)
    // A name cut out of a path may keep the whole path alive; one decoded anew does not.
    this.#insert(directory, decoder.decode(nameBytes), node, heldBytes)
  }

  #insert(directory: DirectoryNode, name: string, node: FileSystemNode, heldBytes: number): void {
    this.#entryCount++
    directory.entries.set(name, { node, serial: directory.nextSerial++, heldBytes })
    this.#touch(directory)
  }

  #delete(directory: DirectoryNode, name: string): FileSystemNode {
    const entry = directory.entries.get(name) ?? fail(Errno.noent)
    directory.entries.delete(name)
    this.#entryCount--
    this.#quota.take(-entry.heldBytes)
    this.#touch(directory)
    return entry.node
  }

  #touch(directory: DirectoryNode): void {
    directory.times.modified = this.#now()
    directory.times.changed = directory.times.modified
  }

  /** Puts a caller's file in place, with the directories above it. */
  #place(path: string, bytes: Uint8Array): void {
    const names = path.split('/')
    const last = names.pop() ?? ''
    let directory = this.root
    for (const name of names) {
      let next = directory.entries.get(name)?.node
      if (next === undefined) {
        next = this.#directory(directory)
        this.#insert(directory, name, next, 0)
      }
      directory = next.type === FileType.directory ? next : fail(Errno.notdir)
    }
    const content = new GrowingBytes(this.#quota, bytes)
    const node: FileNode = { ...this.#base(), type: FileType.regularFile, content, changed: false, openCount: 0 }
    this.#insert(directory, last, node, 0)
  }
}

/** Ends the host call when nothing can be added to a directory: it is gone, or too deep. */
function checkCanHold(directory: DirectoryNode): void {
  if (directory.isRemoved) fail(Errno.noent)
  if (depthOf(directory) >= fileQuotas.depth) fail(Errno.nametoolong)
}

/**
 * True for a relative POSIX path that a caller may give a file: no empty, `.` or `..` names, no NUL, within the quotas,
 * and no longer than the path of a file in a result, so that every file that comes in can go out again.
 */
export function isFilePath(path: string): boolean {
  const names = path.split('/')
  if (names.length > fileQuotas.depth || path.includes('\0') || !path.isWellFormed()) return false
  if (encoder.encode(path).length > resultQuotas.pathBytes) return false
  return names.every(
    (name) => name !== '' && name !== '.' && name !== '..' && encoder.encode(name).length <= fileQuotas.nameBytes,
  )
}
