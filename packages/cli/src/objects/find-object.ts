import { hasCode } from '@stead/core'
import type { DaemonClient } from '@stead/sdk'
import type { ObjectView } from '@stead/sdk/api'
import { StorageError } from '@stead/storage'
import type { CliError } from '../errors.ts'
import { formatObjectUrl, type ObjectUrl, type ObjectVersion, prefixOf } from './object-url.ts'

/**
 * What is known of the object that a command is about.
 * @param isFolder the error for a bucket, and for a name that is none of an object and has some below it
 * @throws that error; what the node says otherwise
 */
export async function findObject(
  client: DaemonClient,
  { bucket, key, version }: ObjectVersion,
  isFolder: () => CliError,
): Promise<ObjectView> {
  if (key === '') throw isFolder()
  try {
    return await client.headObject({ bucket, key, ...(version === undefined ? {} : { version }) })
  } catch (error) {
    if (!hasCode(error, 'STORAGE_OBJECT_UNKNOWN')) throw error
    if (version !== undefined) throw unknownVersion({ bucket, key, version }, error)
    const { objects } = await client.listObjects({ bucket, prefix: prefixOf(key), limit: 1 })
    if (objects.length > 0) throw isFolder()
    throw (await asShown(client, { bucket, key })) ?? error
  }
}

function unknownVersion({ bucket, key, version }: Required<ObjectVersion>, cause: unknown): StorageError {
  return new StorageError(
    'STORAGE_OBJECT_UNKNOWN',
    `there is no version ${version} of ${key}, or it is a delete marker`,
    {
      details: { key, version },
      next: `See which there are: stead ls --versions ${formatObjectUrl({ bucket, key })}`,
      cause,
    },
  )
}

/** The error for a key that was written as lists show it; undefined where there is no object that would be shown so. */
async function asShown(client: DaemonClient, { bucket, key }: ObjectUrl): Promise<StorageError | undefined> {
  const meant = key.replaceAll('\\\\', '\\')
  if (meant === key) return undefined
  const { objects } = await client.listObjects({ bucket, prefix: meant, limit: 1 })
  if (objects[0]?.key !== meant) return undefined
  return new StorageError('STORAGE_OBJECT_UNKNOWN', `there is no object ${key}`, {
    details: { key },
    next: `A backslash is shown as two, and written as one: '${formatObjectUrl({ bucket, key: meant })}'`,
  })
}
