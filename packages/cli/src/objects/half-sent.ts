import { hasCode, type UnixMs } from '@stead/core'
import type { DaemonClient } from '@stead/sdk'
import type { UploadView } from '@stead/sdk/api'
import { renderTable } from '../terminal/table.ts'
import { formatBytes, shownObjectUrl } from './object-url.ts'

/** An object that was begun to be sent in parts, and neither finished nor given up. Its parts are kept and paid for. */
export interface HalfSent {
  readonly bucket: string
  readonly key: string
  readonly id: string
  readonly begunAt: UnixMs
  /** Of the parts that are there. */
  readonly sentBytes: number
}

/** Uploads whose parts are asked for at once: enough to hide the way to the node. */
const AT_ONCE = 16

/** All uploads whose keys begin with a prefix, in the order of their keys; they may be given up on the way. */
export async function* uploadsBelow(
  client: Pick<DaemonClient, 'listUploads'>,
  bucket: string,
  prefix: string,
): AsyncGenerator<UploadView, void> {
  for (let after: UploadView | undefined; ; ) {
    const place = after === undefined ? {} : { afterKey: after.key, afterId: after.id }
    const { uploads } = await client.listUploads({ bucket, prefix, ...place })
    yield* uploads
    after = uploads.at(-1)
    if (after === undefined) return
  }
}

/** What is half-sent under a prefix, with how much of it is there. */
export async function halfSentBelow(client: DaemonClient, bucket: string, prefix: string): Promise<HalfSent[]> {
  const uploads = await Array.fromAsync(uploadsBelow(client, bucket, prefix))
  const found: (HalfSent | undefined)[] = []
  for (let at = 0; at < uploads.length; at += AT_ONCE)
    found.push(...(await Promise.all(uploads.slice(at, at + AT_ONCE).map((each) => halfSentOf(client, bucket, each)))))
  return found.filter((each) => each !== undefined)
}

/** Undefined for an upload that ended since it was listed. */
async function halfSentOf(client: DaemonClient, bucket: string, upload: UploadView): Promise<HalfSent | undefined> {
  const { id, key, begunAt } = upload
  try {
    const { parts } = await client.listParts({ bucket, upload: id })
    return { bucket, key, id, begunAt, sentBytes: parts.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0) }
  } catch (error) {
    if (!hasCode(error, 'STORAGE_UPLOAD_UNKNOWN')) throw error
    return undefined
  }
}

/** The same as a table. */
export function describeHalfSent(found: readonly HalfSent[]): string {
  return renderTable<HalfSent>(
    [
      { title: 'SENT', value: ({ sentBytes }) => formatBytes(sentBytes), isNumber: true },
      { title: 'BEGUN', value: ({ begunAt }) => new Date(begunAt).toISOString() },
      { title: 'OBJECT', value: ({ bucket, key }) => shownObjectUrl({ bucket, key }) },
    ],
    found,
  )
}
