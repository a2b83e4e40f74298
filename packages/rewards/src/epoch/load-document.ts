import type { ContentId } from '@stead/core'
import { checkContent } from '@stead/protocol'
import { RewardsError } from '../errors.ts'

/** Where the documents of epochs come from: a store, peers. Undefined when it cannot be had now. */
export type LoadDocument = (id: ContentId) => Promise<Uint8Array | undefined>

/** Gets a document and checks that it is the one. @throws RewardsError REWARDS_MISSING; ProtocolError PROTOCOL_CONTENT */
export async function loadDocument(load: LoadDocument, what: string, id: ContentId): Promise<Uint8Array> {
  const bytes = await load(id)
  if (bytes === undefined) {
    throw new RewardsError('REWARDS_MISSING', `${what} ${id} cannot be had`, { details: { what, id } })
  }
  checkContent(id, bytes)
  return bytes
}
