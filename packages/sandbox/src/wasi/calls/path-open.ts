import { type DirectoryDescriptor, requireRight } from '../descriptors.ts'
import { Errno, fail } from '../errno.ts'
import type { WasiHost } from '../host.ts'
import { type FileNode, FileType } from '../nodes.ts'
import type { Place } from '../path-walk.ts'
import { DIRECTORY_RIGHTS, FILE_RIGHTS, Right } from '../rights.ts'
import { checkDescriptorFlags } from './descriptor-calls.ts'
import { resizeFile } from './file-calls.ts'

const OpenFlag = { create: 1, directory: 2, exclusive: 4, truncate: 8 } as const
const OPEN_FLAGS = 0xf

/** What a guest asks `path_open` for. */
interface OpenRequest {
  readonly flags: number
  readonly rights: bigint
  readonly inheriting: bigint
  readonly descriptorFlags: number
}

interface Opening {
  readonly parent: DirectoryDescriptor
  readonly request: OpenRequest
  /** Follows the path; a symbolic link at the end only when both the guest and this call want it. */
  readonly resolve: (followLast: boolean) => Place
}

/**
 * Opens what a path leads to; the new descriptor's number. It gets the rights that were asked for, as far as the
 * directory passes them on and they mean something for what was opened.
 */
export function openPath(host: WasiHost, { parent, request, resolve }: Opening): number {
  const { flags, descriptorFlags } = request
  const has = (flag: number): boolean => (flags & flag) !== 0
  if ((flags & ~OPEN_FLAGS) !== 0 || (has(OpenFlag.create) && has(OpenFlag.directory))) fail(Errno.inval)
  checkDescriptorFlags(descriptorFlags)
  if (has(OpenFlag.create)) requireRight(parent, Right.pathCreateFile)
  if (has(OpenFlag.truncate)) requireRight(parent, Right.pathSetSize)
  const isExclusive = has(OpenFlag.create) && has(OpenFlag.exclusive)
  const place = resolve(!isExclusive)
  if (place.node !== undefined && isExclusive) fail(Errno.exist)
  const asked = request.rights & parent.inheriting
  const inheriting = request.inheriting & parent.inheriting
  const node = place.node ?? (has(OpenFlag.create) ? createFile(host, place) : fail(Errno.noent))
  if (node.type === FileType.symbolicLink) return fail(Errno.loop)
  if (node.type === FileType.directory) {
    if (has(OpenFlag.truncate) || (asked & Right.fdWrite) !== 0n) fail(Errno.isdir)
    const rights = asked & DIRECTORY_RIGHTS
    return host.descriptors.open({ kind: 'directory', node, rights, inheriting, flags: 0, preopenedAs: undefined })
  }
  if (has(OpenFlag.directory) || place.wantsDirectory) fail(Errno.notdir)
  const rights = asked & FILE_RIGHTS
  const opened = { kind: 'file', node, rights, inheriting, flags: descriptorFlags, position: 0 } as const
  const number = host.descriptors.open(opened)
  if (has(OpenFlag.truncate)) resizeFile(host, node, 0)
  return number
}

function createFile(host: WasiHost, place: Place): FileNode {
  if (place.wantsDirectory) fail(Errno.isdir)
  return host.files.createFile(place.directory, place.name)
}
