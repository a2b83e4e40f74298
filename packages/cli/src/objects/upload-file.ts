import { openAsBlob, type Stats } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { ObjectClient, ObjectPlace, PutContentOptions } from '@stead/sdk'
import type { ObjectView } from '@stead/sdk/api'
import { CliError } from '../errors.ts'
import { md5Of, PART_BYTES } from './content-hash.ts'
import { checkReadable } from './local-files.ts'
import { shownObjectUrl } from './object-url.ts'
import type { TransferListener } from './transfer-progress.ts'
import type { UploadBook } from './upload-book.ts'

/** What sending a file needs. */
export interface UploadComponents {
  readonly objects: ObjectClient
  readonly book: UploadBook
}

/** How a file is sent, and who hears of it. */
export interface UploadOptions extends Omit<PutContentOptions, 'resume' | 'onBytes'>, Partial<TransferListener> {}

/**
 * Sends a file. A long one goes in parts; when that ends early, the next time only parts are sent that are not there, or
 * are not what the file has in their place now.
 * @throws StorageError; SystemError; CliError CLI_INPUT_UNREADABLE for a file that is changed meanwhile
 */
export async function uploadFile(
  components: UploadComponents,
  { file, place }: { readonly file: string; readonly place: ObjectPlace },
  options: UploadOptions,
): Promise<ObjectView> {
  const send = (): Promise<ObjectView> => sendFile(components, { file, place }, options)
  return await whileUnchanged(file, send, () => {
    const isHalfSent = components.book.find(file, place) !== undefined
    return isHalfSent
      ? `${AGAIN} What was sent is kept and paid for until then; see it: stead ls --uploads; give it up: stead rm --uploads ${shownObjectUrl(place)}`
      : AGAIN
  })
}

const AGAIN = 'Run the same command again when nothing writes to the file.'

/**
 * Sends what is in a file. @throws what `send` throws; CliError CLI_INPUT_UNREADABLE instead, where the file was changed
 * meanwhile
 * @param nextOf what a person is told to do then
 */
export async function whileUnchanged<Value>(
  file: string,
  send: (found: Stats) => Promise<Value>,
  nextOf: () => string = () => AGAIN,
): Promise<Value> {
  const found = await stat(file)
  // Else it is the way to the node that breaks.
  checkReadable(file)
  try {
    return await send(found)
  } catch (cause) {
    // Whatever the way to the node made of it.
    const now = await stat(file).catch(() => undefined)
    if (now?.size === found.size && now.mtimeMs === found.mtimeMs) throw cause
    throw new CliError('CLI_INPUT_UNREADABLE', `${file} was changed while it was sent`, {
      details: { path: file },
      next: nextOf(),
      cause,
    })
  }
}

async function sendFile(
  { objects, book }: UploadComponents,
  { file, place }: { readonly file: string; readonly place: ObjectPlace },
  { onResume, ...options }: UploadOptions,
): Promise<ObjectView> {
  const blob = await openAsBlob(file)
  const known = blob.size <= PART_BYTES ? 'busy' : book.find(file, place)
  if (known === 'busy') return await objects.put(place, blob, options)
  const stored = await objects.put(place, blob, {
    ...options,
    resume: {
      ...(known === undefined ? {} : { upload: known }),
      onUpload: (upload) => book.note(file, place, upload),
      ...(onResume === undefined ? {} : { onResume }),
      isSame: async ({ etag }, part) => (await md5Of(part)) === etag,
    },
  })
  book.forget(file, place)
  return stored
}
