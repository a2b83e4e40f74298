import type { PeerId, UnixMs } from '@stead/core'
import {
  bytesField,
  defineSchema,
  fixedBytesField,
  optionalField,
  peerIdOfPublicKey,
  publicKeyOfPeerId,
  type Schema,
  textField,
  timeField,
  uintField,
  versionField,
} from '@stead/protocol'
import { StorageError } from '../errors.ts'
import { PathSecret } from '../keys/path-secret.ts'
import { KEEPERS_BYTES_MAX } from '../register/quorum.ts'
import { bytesOfKey } from '../tree/tree-key.ts'
import { type LinkKind, linkRow, linkText, rowRead } from './link-text.ts'
import { fileIn, folderBelow, PLACE_BYTES, placeOf, stepsOf } from './share-secrets.ts'

const SECRET_BYTES = 32
const NAME_BYTES_MAX = 1024

/** What opens a share, or a part of it: to read, and nothing else. */
export interface ShareGrant {
  readonly version: 1
  /** Opens the root and pages of the share's tree, but no row in them. */
  readonly pages: Uint8Array
  /** Of a folder, which opens it and all that is below; or of one file. */
  readonly secret: Uint8Array
  /** Where the file's folder lies; undefined when the secret is a folder's. */
  readonly folder?: Uint8Array
  /** The last step of the path: what it is called. */
  readonly name: string
  /** What the pointer is known by; not what replaces its value. */
  readonly pointer: Uint8Array
  /** The newest place in the sequence of roots when this was made: older ones are not believed. */
  readonly sequence: number
  /** Some of those who kept the pointer at first, 33 bytes each: each knows the others. */
  readonly keepers: Uint8Array
  /** A wish: nobody can keep the holder from reading on who does not follow it. */
  readonly expiresAt?: UnixMs
}

/** A grant, and whose machine knows where repaired segments are. */
export interface ShareLink extends ShareGrant {
  readonly owner: PeerId
}

interface LinkRow extends ShareGrant {
  readonly ownerKey: Uint8Array
}

const linkSchema: Schema<LinkRow> = defineSchema<LinkRow>('ShareLink', 2048, {
  version: [1, versionField(1)],
  pages: [2, fixedBytesField(SECRET_BYTES)],
  secret: [3, fixedBytesField(SECRET_BYTES)],
  folder: [4, optionalField(fixedBytesField(PLACE_BYTES))],
  name: [5, textField(NAME_BYTES_MAX)],
  pointer: [6, bytesField(33, 32)],
  sequence: [7, uintField()],
  expiresAt: [8, optionalField(timeField)],
  ownerKey: [9, fixedBytesField(33)],
  keepers: [10, bytesField(KEEPERS_BYTES_MAX)],
})

/** What every link to read begins with. */
export const SHARE_LINK_SCHEME = 'stead:share:'
const KIND: LinkKind = { scheme: SHARE_LINK_SCHEME, domain: 'stead share 1' }

/** A link as text: letters, digits, `-`, `_` and two colons. Whoever reads it reads what is shared. */
export function formatShareLink({ owner, ...grant }: ShareLink): string {
  const row = linkSchema.encodeMessage({ ...grant, ownerKey: publicKeyOfPeerId(owner) })
  return linkText(KIND, row)
}

/** @throws StorageError STORAGE_BAD_LINK, which never repeats the link */
export function parseShareLink(text: string): ShareLink {
  const row = linkRow(KIND, text)
  return rowRead(() => {
    const { ownerKey, ...grant } = linkSchema.decodeMessage(row)
    return { ...grant, owner: peerIdOfPublicKey(ownerKey) }
  })
}

/**
 * A grant to a part: a folder below or one file, or an earlier end. Nobody needs to be asked, and nobody makes the whole
 * of it again: secrets lead down only. The earlier end is a wish, as every end of a link.
 * @param path within the grant; a folder ends with `/`
 * @throws StorageError STORAGE_BAD_NAME when it leads nowhere below
 */
export function narrowLink(link: ShareLink, to: { readonly path?: string; readonly expiresAt?: UnixMs }): ShareLink {
  const { path = '', expiresAt } = to
  const ends = [link.expiresAt, expiresAt].filter((end) => end !== undefined)
  const { expiresAt: _, ...rest } = link
  const timed = ends.length === 0 ? rest : { ...rest, expiresAt: Math.min(...ends) as UnixMs }
  if (path === '') return timed
  if (link.folder !== undefined)
    throw new StorageError('STORAGE_BAD_NAME', 'the link is to one object, and nothing is below that', {
      next: 'Give the link as it is, with nothing behind it.',
    })
  const { folders, name } = stepsOf(path)
  const folder = folderBelow(new PathSecret(link.secret), folders)
  if (name === '') return { ...timed, secret: folder.bytes(), name: folders.at(-1) ?? '' }
  return { ...timed, secret: fileIn(folder, name).bytes(), folder: bytesOfKey(placeOf(folder)), name }
}
