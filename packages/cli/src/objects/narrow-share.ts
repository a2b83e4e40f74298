import { isSteadError, type UnixMs } from '@stead/core'
import type { DaemonClient } from '@stead/sdk'
import { parseShareLink, StorageError } from '@stead/storage'
import { shownName } from '../terminal/shown-name.ts'
import type { Terminal } from '../terminal/terminal.ts'
import type { SharedPlace } from './share-link.ts'
import { sharedObjectPage } from './shared-pages.ts'

/** What is asked of a node to narrow a link. */
type Narrower = Pick<DaemonClient, 'narrowShare' | 'listShared'>

/** Whoever narrows a link gets it without waiting longer for what it shows, in milliseconds. */
const LOOK_MS = 5000

/**
 * A link to a part of what a link shows, and says until when that is read; the earlier of two ends counts.
 * @throws StorageError STORAGE_SHARE_EXPIRED where it would end before it begins
 */
export async function narrowShare(
  client: Narrower,
  terminal: Pick<Terminal, 'message'>,
  to: SharedPlace & { readonly expiresAt?: UnixMs },
): Promise<{ readonly link: string }> {
  const made = await client.narrowShare(to)
  const { expiresAt } = parseShareLink(made.link)
  const end = expiresAt === undefined ? '' : new Date(expiresAt).toISOString()
  if (expiresAt !== undefined && expiresAt <= Date.now())
    throw new StorageError('STORAGE_SHARE_EXPIRED', `the link ended at ${end}: a link to a part of it shows nothing`)
  const what = to.path === '' ? 'what the whole link shows' : shownName(to.path)
  terminal.message(`whoever has this link reads ${what} until ${end === '' ? 'its owner takes the share back' : end}`)
  const doubt = to.path === '' ? undefined : await doubtOf(client, to, made.link)
  if (doubt !== undefined) terminal.message(doubt)
  return made
}

/**
 * A link to write less than a link lets write, and says until when; the earlier of two ends counts, and is kept to by the
 * node of the owner. @throws StorageError STORAGE_GRANT_ENDED where it would end before it begins, STORAGE_BAD_NAME
 */
export async function narrowGrant(
  client: Pick<DaemonClient, 'narrowGrant'>,
  terminal: Pick<Terminal, 'message'>,
  to: SharedPlace & { readonly expiresAt?: UnixMs },
): Promise<{ readonly link: string }> {
  if (to.path !== '' && (await client.narrowGrant({ link: to.link })).isObject)
    throw new StorageError('STORAGE_BAD_NAME', 'the link is to one object, and nothing is below that', {
      next: 'Give the link as it is, with nothing behind it.',
    })
  const made = await client.narrowGrant(to)
  const { expiresAt } = made
  const end = expiresAt === undefined ? 'its owner takes it back' : new Date(expiresAt).toISOString()
  if (expiresAt !== undefined && expiresAt <= Date.now())
    throw new StorageError('STORAGE_GRANT_ENDED', `the link ended at ${end}: nothing is written with a part of it`)
  const place = to.path === '' ? 'where the whole link does' : `${made.isObject ? '' : 'into '}${shownName(to.path)}`
  terminal.message(`whoever has this link writes ${place} until ${end}; it takes no more bytes than the whole does`)
  return made
}

/** Why a path may not be what was meant; undefined where something is there, or the node cannot say so soon. */
async function doubtOf(client: Narrower, place: SharedPlace, narrowed: string): Promise<string | undefined> {
  const signal = AbortSignal.timeout(LOOK_MS)
  try {
    return await (place.path.endsWith('/') ? doubtOfFolder : doubtOfObject)(client, place, { narrowed, signal })
  } catch (error) {
    if (!isSteadError(error) && !signal.aborted) throw error
    return undefined
  }
}

interface Look {
  readonly narrowed: string
  readonly signal: AbortSignal
}

async function doubtOfObject(
  client: Narrower,
  { link, path }: SharedPlace,
  { narrowed, signal }: Look,
): Promise<string | undefined> {
  const [object, below] = await Promise.all([
    client.listShared({ link: narrowed, limit: 1 }, { signal }),
    client.listShared({ link, folder: `${path}/`, limit: 1 }, { signal }),
  ])
  if (object.objects.length > 0) return undefined
  if (below.objects.length + below.commonPrefixes.length > 0)
    return `there is no object ${shownName(path)}: a folder ends with / (stead share <link>/<folder>/)`
  return object.isFilled && below.isFilled ? nothingAt(path, 'object') : undefined
}

async function doubtOfFolder(
  client: Narrower,
  { link, path }: SharedPlace,
  { narrowed, signal }: Look,
): Promise<string | undefined> {
  const [object, inside] = await Promise.all([
    sharedObjectPage(client, { link, path: path.slice(0, -1) }, { signal }),
    client.listShared({ link: narrowed, limit: 2 }, { signal }),
  ])
  // The marker that some programs keep for an empty folder has no name in it.
  const isEmpty = inside.objects.every(({ key }) => key === '') && inside.commonPrefixes.length === 0
  if (!isEmpty) return undefined
  if (object.objects.length > 0)
    return `there is no folder ${shownName(path)}: an object has no / at its end (stead share <link>/<object>)`
  return inside.isFilled ? nothingAt(path, 'folder') : undefined
}

function nothingAt(path: string, what: 'object' | 'folder'): string {
  return `nothing is there yet under ${shownName(path)}: is that the ${what} you meant?`
}
