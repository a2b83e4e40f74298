import { isSteadError, type UnixMs } from '@stead/core'
import type { DaemonClient } from '@stead/sdk'
import { parseShareLink, StorageError } from '@stead/storage'
import { shownName } from '../terminal/shown-name.ts'
import type { Terminal } from '../terminal/terminal.ts'
import type { SharedPlace } from './share-link.ts'

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
  if (to.path !== '' && !to.path.endsWith('/') && (await isFolder(client, to, made.link)))
    terminal.message(`there is no object ${shownName(to.path)}: a folder ends with / (stead share <link>/<folder>/)`)
  return made
}

/**
 * A link to write less than a link lets write, and says until when; the earlier of two ends counts, and is kept to by the
 * node of the owner. @throws StorageError STORAGE_GRANT_ENDED where it would end before it begins
 */
export async function narrowGrant(
  client: Pick<DaemonClient, 'narrowGrant'>,
  terminal: Pick<Terminal, 'message'>,
  to: SharedPlace & { readonly expiresAt?: UnixMs },
): Promise<{ readonly link: string }> {
  const made = await client.narrowGrant(to)
  const { expiresAt } = made
  const end = expiresAt === undefined ? 'its owner takes it back' : new Date(expiresAt).toISOString()
  if (expiresAt !== undefined && expiresAt <= Date.now())
    throw new StorageError('STORAGE_GRANT_ENDED', `the link ended at ${end}: nothing is written with a part of it`)
  const place = to.path === '' ? 'where the whole link does' : `${made.isObject ? '' : 'into '}${shownName(to.path)}`
  terminal.message(`whoever has this link writes ${place} until ${end}; it takes no more bytes than the whole does`)
  return made
}

/** Whether a path is none of an object, and has some below it; false where the node cannot say so soon. */
async function isFolder(client: Narrower, { link, path }: SharedPlace, narrowed: string): Promise<boolean> {
  const signal = AbortSignal.timeout(LOOK_MS)
  try {
    const [object, below] = await Promise.all([
      client.listShared({ link: narrowed, limit: 1 }, { signal }),
      client.listShared({ link, folder: `${path}/`, limit: 1 }, { signal }),
    ])
    return object.objects.length === 0 && below.objects.length + below.commonPrefixes.length > 0
  } catch (error) {
    if (!isSteadError(error) && !signal.aborted) throw error
    return false
  }
}
