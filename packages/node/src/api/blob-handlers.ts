import { ComputeError } from '@stead/compute'
import type { SteadNode } from '../daemon/stead-node.ts'
import { contentIdOfPath } from './content-id-of-path.ts'
import type { Handlers } from './handlers.ts'

/** Blobs: put by content, got by content id. */
export function blobHandlers(node: SteadNode): Pick<Handlers, 'putBlob' | 'getBlob'> {
  const { cache } = node.trade.blobs
  return {
    putBlob: async ({ body }) => ({ id: await cache.put(body), bytes: body.length }),
    getBlob: async ({ id }) => {
      const bytes = await cache.get(contentIdOfPath(id))
      if (bytes !== undefined) return bytes
      throw new ComputeError('COMPUTE_BLOB_MISSING', `this node does not have the blob ${id}`, { details: { id } })
    },
  }
}
