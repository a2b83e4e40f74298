import { amountCosts } from '../cost-table.ts'
import { Errno, fail } from './errno.ts'
import { type DirectoryNode, type FileSystemNode, FileType } from './nodes.ts'
import { fileQuotas } from './quota.ts'

/** Where a path leads: the directory that holds (or would hold) its last name, and what is there now. */
export interface Place {
  readonly directory: DirectoryNode
  /** Empty when the path names `directory` itself, by `.`, `..` or the start. */
  readonly name: string
  readonly node: FileSystemNode | undefined
  /** The path ended in `/`, so it can only name a directory. */
  readonly wantsDirectory: boolean
}

const encoder = new TextEncoder()

/** One resolution of a path, links inside links included. */
export class PathWalk {
  readonly #base: DirectoryNode
  readonly #charge: (units: number) => void
  #linksLeft: number = fileQuotas.links

  /**
   * @param base where the path begins; nothing above it can be named
   * @param charge who pays for the steps
   */
  constructor(base: DirectoryNode, charge: (units: number) => void) {
    this.#base = base
    this.#charge = charge
  }

  /**
   * Follows a path. `..` above the base and absolute paths are EPERM.
   * @param followLast whether a symbolic link at the end is followed
   */
  resolve(path: string, followLast: boolean): Place {
    return this.#from(this.#base, path, followLast)
  }

  #from(start: DirectoryNode, path: string, followLast: boolean): Place {
    if (path === '') fail(Errno.noent)
    if (path.startsWith('/')) fail(Errno.perm)
    const names = path.split('/')
    this.#charge(names.length * amountCosts.hostCall)
    const wantsDirectory = names[names.length - 1] === '' || names[names.length - 1] === '.'
    const steps = names.filter((name) => name !== '' && name !== '.')
    let directory = start
    for (const [index, name] of steps.entries()) {
      const isLast = index === steps.length - 1
      checkName(name)
      if (name === '..') {
        if (directory === this.#base) fail(Errno.perm)
        directory = directory.parent ?? fail(Errno.noent)
        continue
      }
      const node = directory.entries.get(name)?.node
      const follow = node?.type === FileType.symbolicLink && (!isLast || followLast || wantsDirectory)
      if (!follow && isLast) return { directory, name, node, wantsDirectory }
      let next = node
      if (node?.type === FileType.symbolicLink) {
        if (this.#linksLeft-- === 0) fail(Errno.loop)
        this.#charge(node.targetBytes * amountCosts.perHostByte)
        const place = this.#from(directory, node.target, true)
        if (isLast) return { ...place, wantsDirectory: wantsDirectory || place.wantsDirectory }
        next = place.node
      }
      if (next === undefined) fail(Errno.noent)
      if (next.type !== FileType.directory) fail(Errno.notdir)
      directory = next
    }
    return { directory, name: '', node: directory, wantsDirectory }
  }
}

function checkName(name: string): void {
  const most = fileQuotas.nameBytes
  // A UTF-16 unit is one to three bytes, so most names need no counting.
  if (name.length * 3 <= most) return
  if (name.length > most || encoder.encode(name).length > most) fail(Errno.nametoolong)
}
