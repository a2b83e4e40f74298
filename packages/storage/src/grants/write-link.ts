import type { PeerId, UnixMs } from '@stead/core'
import {
  defineSchema,
  fixedBytesField,
  flagField,
  listField,
  optionalField,
  peerIdOfPublicKey,
  publicKeyOfPeerId,
  type Schema,
  textField,
  timeField,
  versionField,
} from '@stead/protocol'
import { StorageError } from '../errors.ts'
import { PathSecret } from '../keys/path-secret.ts'
import { ID_BYTES } from '../objects/row-keys.ts'
import { OBJECT_KEY_BYTES_MAX } from '../objects/rows.ts'
import { type LinkKind, linkRow, linkText, rowRead } from '../shares/link-text.ts'
import { isFolder } from '../shares/share-marks.ts'
import { stepsOf } from '../shares/share-secrets.ts'
import { below, type GrantStep, type GrantToken, narrowedSecret, STEPS_MAX, scopeOfSteps } from './grant-scope.ts'

const SECRET_BYTES = 32
/** All steps of a link together. */
const STEP_BYTES_MAX = 1600

/** What lets its holder write, and nothing else; all but owner and token is for people, and proves nothing. */
export interface WriteLink extends GrantToken {
  readonly version: 1
  /** Whose machine is asked. */
  readonly owner: PeerId
  /** The last step of the path: what it is called; empty for a whole bucket. */
  readonly name: string
  /** Whether it is to one object, and nothing below. */
  readonly isObject: boolean
  /** Whether objects that are there may be replaced. */
  readonly mayReplace: boolean
  /** The earliest of its ends. */
  readonly expiresAt?: UnixMs
}

interface LinkRow extends Omit<WriteLink, 'owner'> {
  readonly ownerKey: Uint8Array
}

/** A {@link GrantStep} in a message. */
export const stepSchema: Schema<GrantStep> = defineSchema<GrantStep>('GrantStep', 1100, {
  path: [1, optionalField(textField(OBJECT_KEY_BYTES_MAX))],
  expiresAt: [2, optionalField(timeField)],
})

const linkSchema: Schema<LinkRow> = defineSchema<LinkRow>('WriteLink', 2900, {
  version: [1, versionField(1)],
  id: [2, fixedBytesField(ID_BYTES)],
  steps: [3, listField(stepSchema.asField(), STEPS_MAX)],
  secret: [4, fixedBytesField(SECRET_BYTES)],
  ownerKey: [5, fixedBytesField(33)],
  name: [6, textField(OBJECT_KEY_BYTES_MAX)],
  isObject: [7, flagField],
  mayReplace: [8, flagField],
  expiresAt: [9, optionalField(timeField)],
})

/** What every link to write begins with. */
export const WRITE_LINK_SCHEME = 'stead:write:'
const KIND: LinkKind = { scheme: WRITE_LINK_SCHEME, domain: 'stead write 1' }

/** A link as text. Whoever reads it may write. */
export function formatWriteLink({ owner, ...grant }: WriteLink): string {
  return linkText(KIND, linkSchema.encodeMessage({ ...grant, ownerKey: publicKeyOfPeerId(owner) }))
}

/** @throws StorageError STORAGE_BAD_LINK, which never repeats the link */
export function parseWriteLink(text: string): WriteLink {
  const row = linkRow(KIND, text)
  return rowRead(() => {
    const { ownerKey, ...grant } = linkSchema.decodeMessage(row)
    scopeOfSteps(grant.steps)
    return { ...grant, owner: peerIdOfPublicKey(ownerKey) }
  })
}

/**
 * A link to less: a folder below or one object, or an earlier end. Nobody needs to be asked, nobody makes the whole of it
 * again, and the owner's machine holds its holder to both.
 * @param to.path within the link; a folder ends with `/`
 * @throws StorageError STORAGE_BAD_NAME when it leads nowhere below; STORAGE_BAD_LINK when it was narrowed too often
 */
export function narrowWriteLink(
  link: WriteLink,
  { path = '', expiresAt }: { readonly path?: string; readonly expiresAt?: UnixMs },
): WriteLink {
  let narrowed = link
  if (path !== '') {
    if (link.isObject) throw new StorageError('STORAGE_BAD_NAME', 'there is nothing below one object')
    below(scopeOfSteps(link.steps).path, path)
    const { folders, name } = stepsOf(path)
    const isObject = !isFolder(path)
    narrowed = { ...stepped(narrowed, { path }), name: isObject ? name : (folders.at(-1) ?? ''), isObject }
  }
  if (expiresAt !== undefined && (link.expiresAt === undefined || expiresAt < link.expiresAt))
    narrowed = { ...stepped(narrowed, { expiresAt }), expiresAt }
  if (narrowed.steps.length > STEPS_MAX || lengthOf(narrowed.steps) > STEP_BYTES_MAX)
    throw new StorageError(
      'STORAGE_BAD_LINK',
      `a link is narrowed at most ${STEPS_MAX} times, and to less than it has room for`,
    )
  return narrowed
}

function lengthOf(steps: readonly GrantStep[]): number {
  return steps.reduce((sum, step) => sum + stepSchema.encodeMessage(step).length, 0)
}

function stepped(link: WriteLink, step: GrantStep): WriteLink {
  const secret = narrowedSecret(new PathSecret(link.secret), step).bytes()
  return { ...link, steps: [...link.steps, step], secret }
}
