import { hasCode } from '@stead/core'
import type { DaemonClient } from '@stead/sdk'
import type { ObjectView } from '@stead/sdk/api'
import type { CliError } from '../errors.ts'
import { type ObjectVersion, prefixOf } from './object-url.ts'

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
    if (!hasCode(error, 'STORAGE_OBJECT_UNKNOWN') || version !== undefined) throw error
    const { objects } = await client.listObjects({ bucket, prefix: prefixOf(key), limit: 1 })
    throw objects.length === 0 ? error : isFolder()
  }
}
