import { createHash } from 'node:crypto'
import { openAsBlob } from 'node:fs'
import type { DaemonClient } from '@stead/sdk'
import type { GrantedObject, WriteLinkView } from '@stead/sdk/api'
import { CliError } from '../errors.ts'
import type { SharedPlace } from './share-link.ts'
import type { TransferListener } from './transfer-progress.ts'
import { whileUnchanged } from './upload-file.ts'

/** What is asked of a node to write with a link. */
export type Giver = Pick<DaemonClient, 'narrowGrant' | 'lookGranted' | 'putGranted'>

/** How a file is sent, and who hears of it. */
export interface GiveOptions extends Partial<TransferListener> {
  readonly signal: AbortSignal
}

/** What is longer goes in parts, of which some may be kept already. */
const WHOLE_BYTES_MAX = 1_048_576

/**
 * Where a file goes with a link: in a folder it gets its own name.
 * @throws CliError CLI_USAGE, STORAGE_BAD_LINK
 */
export async function givenPlace(client: Giver, { link, path }: SharedPlace, name: string): Promise<SharedPlace> {
  const { isObject } = await client.narrowGrant({ link })
  if (isObject && path !== '') throw new CliError('CLI_USAGE', 'the link is to one object, and nothing is below that')
  if (isObject || (path !== '' && !path.endsWith('/'))) return { link, path }
  if (name === '')
    throw new CliError('CLI_USAGE', 'standard input has no name: give one behind the link, <link>/<name>')
  return { link, path: `${path}${name}` }
}

/** The folder that a link is to, or one below. @throws CliError CLI_USAGE, STORAGE_BAD_LINK */
export async function givenFolder(client: Giver, { link, path }: SharedPlace): Promise<SharedPlace> {
  const { isObject }: WriteLinkView = await client.narrowGrant({ link })
  if (isObject) throw new CliError('CLI_USAGE', 'the link is to one object, and a folder does not go there')
  return { link, path: path === '' || path.endsWith('/') ? path : `${path}/` }
}

/**
 * Writes a file with a link. When that ends early, the next time only what is not kept is sent; when it was written before
 * as it is now, nothing changes.
 * @throws StorageError STORAGE_GRANT_ENDED, STORAGE_GRANT_SPENT, STORAGE_GRANT_AWAY, STORAGE_CONDITION; CliError
 * CLI_INPUT_UNREADABLE for a file that is changed meanwhile
 */
export async function giveFile(
  client: Giver,
  { file, place }: { readonly file: string; readonly place: SharedPlace },
  { signal, onBytes, onResume }: GiveOptions,
): Promise<GrantedObject> {
  return await whileUnchanged(file, async ({ size: lengthBytes, mtimeMs }) => {
    const upload = uploadOf(place, lengthBytes, mtimeMs)
    if (lengthBytes > WHOLE_BYTES_MAX) {
      const { keptBytes } = await client.lookGranted({ ...place, upload }, { signal })
      if (keptBytes > 0) onResume?.(keptBytes)
    }
    const blob = await openAsBlob(file)
    const query = { ...place, upload, lengthBytes, changedAt: Math.floor(mtimeMs) }
    return await client.putGranted(query, counted(blob, onBytes), { signal })
  })
}

/** The same file at the same place is the same writing of it; what is in it is compared by those who keep it. */
function uploadOf({ link, path }: SharedPlace, lengthBytes: number, mtimeMs: number): string {
  const name = createHash('sha256').update(JSON.stringify([link, path, lengthBytes, mtimeMs]))
  return name.digest('hex').slice(0, 32)
}

async function* counted(blob: Blob, onBytes?: (bytes: number) => void): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of blob.stream()) {
    yield chunk
    onBytes?.(chunk.length)
  }
}
