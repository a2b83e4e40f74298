import { Errno, fail } from './errno.ts'
import { type DirectoryNode, type FileNode, FileType, releaseUnreachable } from './file-system.ts'
import type { GrowingBytes } from './growing-bytes.ts'
import { fileQuotas } from './quota.ts'

/** Rights of WASI preview 1 that are looked at; the others are stored and shown only. */
export const Right = { read: 0x02n, seek: 0x04n, tell: 0x20n, write: 0x40n } as const

/** All rights of WASI preview 1. */
export const ALL_RIGHTS = 0x3fff_ffffn

/** Descriptor flag: each write goes to the end. */
export const FLAG_APPEND = 1

interface DescriptorBase {
  rights: bigint
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

  get(number: number): Descriptor {
    return this.#open.get(number >>> 0) ?? fail(Errno.badf)
  }

  file(number: number): FileDescriptor {
    const descriptor = this.get(number)
    if (descriptor.kind === 'file') return descriptor
    return fail(descriptor.kind === 'directory' ? Errno.badf : Errno.spipe)
  }

  directory(number: number): DirectoryDescriptor {
    const descriptor = this.get(number)
    return descriptor.kind === 'directory' ? descriptor : fail(Errno.notdir)
  }

  open(descriptor: Descriptor): number {
    if (this.#open.size >= fileQuotas.descriptors) fail(Errno.mfile)
    while (this.#open.has(this.#lowestFree)) this.#lowestFree++
    this.#open.set(this.#lowestFree, descriptor)
    if (descriptor.kind === 'file') descriptor.node.openCount++
    return this.#lowestFree
  }

  close(number: number): void {
    const descriptor = this.get(number)
    this.#free(number >>> 0)
    if (descriptor.kind !== 'file') return
    descriptor.node.openCount--
    releaseUnreachable(descriptor.node)
  }

  /** Moves a descriptor over another open one. */
  renumber(from: number, to: number): void {
    const source = this.get(from)
    const target = this.get(to)
    if (isPreopened(source) || isPreopened(target)) fail(Errno.notsup)
    if (source === target) return
    this.close(to)
    this.#free(from >>> 0)
    this.#open.set(to >>> 0, source)
  }

  #free(index: number): void {
    this.#open.delete(index)
    this.#lowestFree = Math.min(this.#lowestFree, index)
  }
}

/** The file type that a descriptor reports. */
export function fileTypeOf(descriptor: Descriptor): number {
  if (descriptor.kind === 'file') return FileType.regularFile
  return descriptor.kind === 'directory' ? FileType.directory : FileType.characterDevice
}

function isPreopened(descriptor: Descriptor): boolean {
  return descriptor.kind === 'directory' && descriptor.preopenedAs !== undefined
}
