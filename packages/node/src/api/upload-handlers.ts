import { createHash } from 'node:crypto'
import type { CompleteUploadRequest, PartView } from '@stead/sdk/api'
import type { ObjectStore, PartInfo } from '@stead/storage'
import type { Handlers } from './handlers.ts'
import { conditionOf, defined, hashedBody, viewOf } from './object-view.ts'

type UploadRoutes = 'beginUpload' | 'listUploads' | 'putPart' | 'listParts' | 'completeUpload' | 'abortUpload'

const UPLOADS_PER_PAGE = 1000
/** Parts that one upload may have. */
const PARTS_MAX = 10_000

/** Uploads in parts. */
export function uploadHandlers(open: () => Promise<ObjectStore>): Pick<Handlers, UploadRoutes> {
  return {
    beginUpload: async ({ query: { bucket, key, ...description } }) => {
      const { id, begunAt } = await (await open()).beginUpload(bucket, key, description)
      return { id, key, begunAt }
    },
    listUploads: async ({ query: { bucket, prefix, afterKey, afterId = '' } }) => {
      const after = afterKey === undefined ? undefined : { key: afterKey, id: afterId }
      const options = { limit: UPLOADS_PER_PAGE, ...defined({ prefix, after }) }
      return { uploads: await (await open()).uploads(bucket, options) }
    },
    putPart: async ({ query: { bucket, upload, number }, body, signal }) => {
      const { bytes, etag } = hashedBody(body)
      return partViewOf(await (await open()).putPart(bucket, upload, number, bytes, { etag, signal }))
    },
    listParts: async ({ query: { bucket, upload } }) => {
      const parts = await (await open()).parts(bucket, upload, { limit: PARTS_MAX })
      return { parts: parts.map(partViewOf) }
    },
    completeUpload: async ({ body: { bucket, upload, parts, ...conditions } }) => {
      const options = { etag: etagOfParts(parts), ...conditionOf(conditions) }
      return viewOf(await (await open()).completeUpload(bucket, upload, parts, options))
    },
    abortUpload: async ({ query: { bucket, upload } }) => {
      await (await open()).abortUpload(bucket, upload)
      return undefined
    },
  }
}

function partViewOf({ number, lengthBytes, etag }: PartInfo): PartView {
  return { number, lengthBytes, etag }
}

/** As S3 makes it: MD5 of the parts' MD5, and how many there are. */
function etagOfParts(parts: CompleteUploadRequest['parts']): string {
  const hash = createHash('md5')
  for (const { etag } of parts) hash.update(etag, 'hex')
  return `${hash.digest('hex')}-${parts.length}`
}
