import { createHash } from 'node:crypto'
import type { ObjectView, WriteConditions } from '@stead/sdk/api'
import { type ObjectInfo, StorageError, type WriteCondition } from '@stead/storage'

/** An object as the API tells it. */
export function viewOf({ key, lengthBytes, modifiedAt, etag, version, contentType, metadata }: ObjectInfo): ObjectView {
  return { key, lengthBytes, modifiedAt, etag, version, ...defined({ contentType }), metadata }
}

/** The condition of a write. */
export function conditionOf({ ifMatch, ifNoneMatch }: WriteConditions): { readonly condition?: WriteCondition } {
  if (ifNoneMatch !== undefined) return { condition: { is: 'absent' } }
  return ifMatch === undefined ? {} : { condition: { is: 'present', etag: ifMatch } }
}

/** Whether what was found is what somebody goes on reading. @throws StorageError STORAGE_CONDITION */
export function checkMatch(found: { readonly key: string; readonly etag: string }, ifMatch: string | undefined): void {
  if (ifMatch === undefined || found.etag === ifMatch) return
  throw new StorageError('STORAGE_CONDITION', `${found.key} was replaced meanwhile`, {
    details: { key: found.key, need: ifMatch, have: found.etag },
  })
}

/** A body, and what it is known by when it has ended: S3 clients compare what they get with the MD5 that an ETag is. */
export function hashedBody(body: AsyncIterable<Uint8Array>): {
  readonly bytes: AsyncIterable<Uint8Array>
  readonly etag: () => string
} {
  const hash = createHash('md5')
  async function* hashed(): AsyncGenerator<Uint8Array, void> {
    for await (const bytes of body) {
      hash.update(bytes)
      yield bytes
    }
  }
  return { bytes: hashed(), etag: () => hash.digest('hex') }
}

/** The same without members that are undefined. */
export function defined<Value extends object>(
  value: Value,
): { [Name in keyof Value]?: Exclude<Value[Name], undefined> } {
  const entries = Object.entries(value).filter(([, member]) => member !== undefined)
  return Object.fromEntries(entries) as { [Name in keyof Value]?: Exclude<Value[Name], undefined> }
}
