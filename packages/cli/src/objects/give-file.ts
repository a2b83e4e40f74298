import { createHash, randomBytes } from 'node:crypto'
import { openAsBlob, type Stats } from 'node:fs'
import { hasCode } from '@stead/core'
import type { DaemonClient } from '@stead/sdk'
import type { GrantedObject } from '@stead/sdk/api'
import { CliError } from '../errors.ts'
import type { Terminal } from '../terminal/terminal.ts'
import type { SharedPlace } from './share-link.ts'
import type { TransferListener } from './transfer-progress.ts'
import { interrupted } from './transfer-report.ts'
import { whileUnchanged } from './upload-file.ts'

/** What is asked of a node to write with a link. */
export type Giver = Pick<DaemonClient, 'narrowGrant' | 'lookGranted' | 'putGranted'>

/** How a file is sent, and who hears of it. */
export interface GiveOptions extends Partial<TransferListener> {
  readonly signal: AbortSignal
}

/** What is longer goes in parts, of which some may be kept already. */
const WHOLE_BYTES_MAX = 1_048_576

/** After so long a person is told for whom a command waits, in milliseconds. */
const TELL_AFTER_MS = 3000
/** Names no writing: it is looked only how the link stands. */
const NO_UPLOAD = '0'.repeat(32)

/** What a command that writes with a link works with. */
export interface GivingContext {
  readonly client: Giver
  readonly terminal: Pick<Terminal, 'message'>
  readonly signal: AbortSignal
}

/**
 * Where a file goes with a link, which may be written with now: in a folder it gets its own name.
 * @throws CliError CLI_USAGE; StorageError STORAGE_BAD_LINK, STORAGE_GRANT_ENDED, STORAGE_GRANT_AWAY
 */
export async function givenPlace(
  context: GivingContext,
  { link, path }: SharedPlace,
  name: string,
): Promise<SharedPlace> {
  const { isObject } = await context.client.narrowGrant({ link })
  if (isObject && path !== '') throw new CliError('CLI_USAGE', 'the link is to one object, and nothing is below that')
  const isNamed = isObject || (path !== '' && !path.endsWith('/'))
  if (!isNamed && name === '')
    throw new CliError('CLI_USAGE', 'standard input has no name: give one behind the link, <link>/<name>')
  const place = { link, path: isNamed ? path : `${path}${name}` }
  await lookAt(context, place)
  return place
}

/** The folder that a link is to, or one below. @throws as {@link givenPlace} */
export async function givenFolder(context: GivingContext, { link, path }: SharedPlace): Promise<SharedPlace> {
  const { isObject } = await context.client.narrowGrant({ link })
  if (isObject) throw new CliError('CLI_USAGE', 'the link is to one object, and a folder does not go there')
  const folder = path === '' || path.endsWith('/') ? path : `${path}/`
  await lookAt(context, { link, path: `${folder}file` })
  return { link, path: folder }
}

/** Whether the owner's node answers for the link, before anything is sent; who waits for it is told. */
async function lookAt({ client, terminal, signal }: GivingContext, place: SharedPlace): Promise<void> {
  const telling = setTimeout(
    () => terminal.message("waiting for the node of the link's owner, about a minute at most"),
    TELL_AFTER_MS,
  )
  try {
    await client.lookGranted({ ...place, upload: NO_UPLOAD }, { signal })
  } catch (error) {
    throw signal.aborted ? interrupted({ kind: 'given' }) : error
  } finally {
    clearTimeout(telling)
  }
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
  options: GiveOptions,
): Promise<GrantedObject> {
  return await whileUnchanged(file, async (found) => {
    const upload = uploadOf(place, found)
    try {
      return await give(client, { file, place, found, upload }, options)
    } catch (error) {
      // Other bytes of the same length and time were written before: where they may be replaced, these are another writing.
      const isOther = hasCode(error, 'STORAGE_CONDITION') && found.size > WHOLE_BYTES_MAX
      if (!isOther || !(await client.narrowGrant({ link: place.link })).mayReplace) throw error
      return await give(client, { file, place, found, upload: randomBytes(16).toString('hex') }, options)
    }
  })
}

interface Given {
  readonly file: string
  readonly place: SharedPlace
  readonly found: Pick<Stats, 'size' | 'mtimeMs'>
  readonly upload: string
}

async function give(
  client: Giver,
  { file, place, found: { size: lengthBytes, mtimeMs }, upload }: Given,
  { signal, onBytes, onResume }: GiveOptions,
): Promise<GrantedObject> {
  if (lengthBytes > WHOLE_BYTES_MAX) {
    const { keptBytes } = await client.lookGranted({ ...place, upload }, { signal })
    if (keptBytes > 0) onResume?.(Math.min(keptBytes, lengthBytes))
  }
  const blob = await openAsBlob(file)
  const changedAt = Math.floor(mtimeMs)
  const query = { ...place, upload, lengthBytes, ...(changedAt < 0 ? {} : { changedAt }) }
  return await client.putGranted(query, counted(blob, onBytes), { signal })
}

/** The same file at the same place is the same writing of it; what is in it is compared by those who keep it. */
function uploadOf({ link, path }: SharedPlace, { size, mtimeMs }: Given['found']): string {
  const name = createHash('sha256').update(JSON.stringify([link, path, size, mtimeMs]))
  return name.digest('hex').slice(0, 32)
}

async function* counted(blob: Blob, onBytes?: (bytes: number) => void): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of blob.stream()) {
    yield chunk
    onBytes?.(chunk.length)
  }
}
