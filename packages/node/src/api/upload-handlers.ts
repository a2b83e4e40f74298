import type { PartView } from '@stead/sdk/api'
import { etagOfParts, type ObjectStore, type PartInfo } from '@stead/storage'
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
      const options = { etag: etagOfParts(parts.map((part) => part.etag)), ...conditionOf(conditions) }
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
