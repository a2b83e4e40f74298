import { hasCode } from '@stead/core'
import type { DaemonClient } from '@stead/sdk'
import type { SharedObject } from '@stead/sdk/api'
import { type DownloadSource, downloadFile } from './download-file.ts'
import type { SharedPlace } from './share-link.ts'
import type { TransferProgress } from './transfer-progress.ts'

type SharedBytes = Pick<DaemonClient, 'getShared'>

/** An object of a share, where it goes, and how it is followed. */
export interface SharedDownload {
  readonly place: SharedPlace
  readonly object: SharedObject
  /** In a folder that is there; replaced when all has come, also where it is a link. */
  readonly file: string
  readonly progress: TransferProgress
  readonly signal: AbortSignal
}

/** Versions that are begun with one after another, before an owner who goes on writing is too fast. */
const VERSIONS_MAX = 5

/** What a link shows at a place, without its bytes. @throws as {@link DaemonClient.getShared} */
export async function sharedObjectAt(
  client: SharedBytes,
  place: SharedPlace,
  signal: AbortSignal,
): Promise<SharedObject> {
  const { object, body } = await client.getShared({ ...place, toByte: 0 }, { signal })
  for await (const _ of body);
  return object
}

/**
 * Brings an object of a share to a file, from where an earlier command stopped. One that its owner replaces meanwhile is
 * brought as it is then.
 */
export async function downloadShared(client: SharedBytes, download: SharedDownload): Promise<void> {
  const { place, signal } = download
  let { object } = download
  for (let versions = 1; ; versions++) {
    try {
      return await downloadVersion(client, { ...download, object })
    } catch (error) {
      if (!hasCode(error, 'STORAGE_CONDITION') || versions === VERSIONS_MAX) throw error
    }
    object = await sharedObjectAt(client, place, signal)
  }
}

async function downloadVersion(
  client: SharedBytes,
  { place, object, file, progress, signal }: SharedDownload,
): Promise<void> {
  const { key, lengthBytes, etag, modifiedAt } = object
  const source: DownloadSource = {
    identity: [place.link, place.path, etag, modifiedAt, lengthBytes],
    ...{ lengthBytes, etag },
    open: async (fromByte) => (await client.getShared({ ...place, fromByte, ifMatch: etag }, { signal })).body,
  }
  await progress.follow({ name: key, lengthBytes }, signal, (listener) =>
    downloadFile(source, file, { signal, ...listener }),
  )
}
