import { Errno, fail } from './errno.ts'
import type { GrowingBytes } from './growing-bytes.ts'
import { type DirectoryNode, type FileNode, FileType, releaseUnreachable } from './nodes.ts'
import { fileQuotas } from './quota.ts'

/** Descriptor flag: each write goes to the end. */
export const FLAG_APPEND = 1

interface DescriptorBase {
  /** What may be done with it. */
  rights: bigint
  /** The most that descriptors opened through it may have. */
  inheriting: bigint
  flags: number
}

/** An open regular file. */
export interface FileDescriptor extends DescriptorBase {
  readonly kind: 'file'
  readonly node: FileNode
  position: number
}

/** An open directory; the preopened one has the name that the guest's libc matches paths against. */
export interface DirectoryDescriptor extends DescriptorBase {
  readonly kind: 'directory'
  readonly node: DirectoryNode
  readonly preopenedAs: string | undefined
}

/** Standard input. */
interface InputDescriptor extends DescriptorBase {
  readonly kind: 'input'
  readonly bytes: Uint8Array
  position: number
}

/** Standard output or standard error. */
interface OutputDescriptor extends DescriptorBase {
  readonly kind: 'output'
  readonly sink: GrowingBytes
}

/** What a descriptor number stands for. */
export type Descriptor = FileDescriptor | DirectoryDescriptor | InputDescriptor | OutputDescriptor

/** A guest's open descriptors; new ones get the lowest free number, as in POSIX. */
export class DescriptorTable {
  readonly #open = new Map<number, Descriptor>()
  #lowestFree = 0

  find(number: number): Descriptor | undefined {
    return this.#open.get(number >>> 0)
  }

  /** The descriptor, which must have the right; 0 asks for none. EBADF, ENOTCAPABLE otherwise. */
  get(number: number, right: bigint): Descriptor {
    const descriptor = this.find(number) ?? fail(Errno.badf)
    requireRight(descriptor, right)
    return descriptor
  }

  /** An open file; EBADF for a directory and ESPIPE for a stream. */
  file(number: number, right: bigint): FileDescriptor {
    const descriptor = this.get(number, 0n)
    if (descriptor.kind !== 'file') return fail(descriptor.kind === 'directory' ? Errno.badf : Errno.spipe)
    requireRight(descriptor, right)
    return descriptor
  }

  /** An open directory; ENOTDIR for all else. */
  directory(number: number, right: bigint): DirectoryDescriptor {
    const descriptor = this.get(number, 0n)
    if (descriptor.kind !== 'directory') return fail(Errno.notdir)
    requireRight(descriptor, right)
    return descriptor
  }

  open(descriptor: Descriptor): number {
    if (this.#open.size >= fileQuotas.descriptors) fail(Errno.mfile)
    while (this.#open.has(this.#lowestFree)) this.#lowestFree++
    this.#open.set(this.#lowestFree, descriptor)
    if (descriptor.kind === 'file') descriptor.node.openCount++
    return this.#lowestFree
  }

  close(number: number): void {
    const descriptor = this.get(number, 0n)
    this.#free(number >>> 0)
    if (descriptor.kind !== 'file') return
    descriptor.node.openCount--
    releaseUnreachable(descriptor.node)
  }

  /** Moves a descriptor over another open one. */
  renumber(from: number, to: number): void {
    const source = this.get(from, 0n)
    if (source === this.get(to, 0n)) return
    this.close(to)
    this.#free(from >>> 0)
    this.#open.set(to >>> 0, source)
  }

  #free(index: number): void {
    this.#open.delete(index)
    this.#lowestFree = Math.min(this.#lowestFree, index)
  }
}

/** Ends the host call with ENOTCAPABLE unless the descriptor has the right. */
export function requireRight(descriptor: Descriptor, right: bigint): void {
  if ((descriptor.rights & right) !== right) fail(Errno.notcapable)
}

/**
 * The file type that a descriptor reports. Standard streams have none, as pipes in preview 1: a C library then buffers
 * them whole instead of by line, as it does for everything that is no terminal.
 */
export function fileTypeOf(descriptor: Descriptor): number {
  if (descriptor.kind === 'file') return FileType.regularFile
  return descriptor.kind === 'directory' ? FileType.directory : FileType.unknown
}
