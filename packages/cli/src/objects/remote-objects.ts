import type { ObjectClient } from '@stead/sdk'
import type { ObjectView } from '@stead/sdk/api'
import { type Entry, OWNER_MAY_RUN } from './local-files.ts'
import type { ObjectUrl } from './object-url.ts'

/** An object below the prefix that a command is about. */
export interface RemoteEntry extends Entry {
  readonly object: ObjectView
}

/** The name under which rclone and others keep when a file was changed, in seconds since 1970. */
const MTIME = 'mtime'
/** The same for the kind of a file and who may run it, octal. Others write decimal numbers there, which are not taken for it. */
const MODE = 'mode'
const REGULAR_FILE = /^0?100([0-7]{3})$/

/** All objects below a prefix, in the order of their keys, without the empty ones that stand for folders. */
export async function* remoteObjects(
  objects: ObjectClient,
  { bucket, key: prefix }: ObjectUrl,
): AsyncGenerator<RemoteEntry, void> {
  for await (const object of objects.list(bucket, { prefix })) {
    if (object.key.endsWith('/') && object.lengthBytes === 0) continue
    yield remoteEntry(object, prefix)
  }
}

/** An object by what of its key is behind a prefix. */
export function remoteEntry(object: ObjectView, prefix: string): RemoteEntry {
  const { key, lengthBytes } = object
  const name = key.slice(prefix.length)
  return { name, lengthBytes, changedAtMs: changedAtMsOf(object), isExecutable: isExecutableOf(object), object }
}

function changedAtMsOf({ metadata, modifiedAt }: ObjectView): number {
  const seconds = Number(metadata[MTIME] ?? '')
  return metadata[MTIME] !== undefined && Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : modifiedAt
}

function isExecutableOf({ metadata }: ObjectView): boolean | undefined {
  const [, permissions] = REGULAR_FILE.exec(metadata[MODE] ?? '') ?? []
  return permissions === undefined ? undefined : (Number.parseInt(permissions, 8) & OWNER_MAY_RUN) !== 0
}

/** What an object says of the file that it was made of. */
export function metadataOf({
  changedAtMs,
  isExecutable,
}: Pick<Entry, 'changedAtMs' | 'isExecutable'>): Readonly<Record<string, string>> {
  const mode = isExecutable === undefined ? {} : { [MODE]: isExecutable ? '100755' : '100644' }
  return { [MTIME]: (changedAtMs / 1000).toFixed(3), ...mode }
}
