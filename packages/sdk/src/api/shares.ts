import type { UnixMs } from '@stead/core'
import { z } from 'zod'
import type { ByteStream } from './objects.ts'
import { countWire, optionalWire, unixMsWire, type Wire } from './scalars.ts'

/** What is shared, and until when. */
export interface ShareRequest {
  readonly bucket: string
  /** A folder with its `/`, the empty text for all of the bucket, or the key of one object. */
  readonly prefix: string
  /** @default until it is taken back */
  readonly expiresAt?: UnixMs
}

/** Wire form of {@link ShareRequest}. */
export const shareRequestWire: Wire<ShareRequest> = z.strictObject({
  bucket: z.string(),
  prefix: z.string(),
  expiresAt: optionalWire(unixMsWire),
})

/** A share as its owner sees it. */
export interface ShareView {
  readonly id: string
  readonly bucket: string
  readonly prefix: string
  readonly createdAt: UnixMs
  readonly expiresAt?: UnixMs
  /** Whether all is shown, but for changes of the last seconds: false while it is filled, or objects cannot be shown. */
  readonly isFilled: boolean
}

const shareViewShape = {
  id: z.string(),
  bucket: z.string(),
  prefix: z.string(),
  createdAt: unixMsWire,
  expiresAt: optionalWire(unixMsWire),
  isFilled: z.boolean(),
}

/** A share with its link: whoever has that reads what is shared. */
export interface ShareMade extends ShareView {
  readonly link: string
}

/** Wire form of {@link ShareMade}. */
export const shareMadeWire: Wire<ShareMade> = z.object({ ...shareViewShape, link: z.string() })

/** Answer to `GET /v1/shares`. */
export interface ShareList {
  readonly shares: readonly ShareView[]
}

/** Wire form of {@link ShareList}. */
export const shareListWire: Wire<ShareList> = z.object({ shares: z.array(z.object(shareViewShape)) })

/** Which share. */
export interface ShareName {
  readonly bucket: string
  readonly id: string
}

/** Wire form of {@link ShareName}. */
export const shareNameWire: Wire<ShareName> = z.strictObject({ bucket: z.string(), id: z.string() })

/** A link, and what is left of it. */
export interface NarrowRequest {
  readonly link: string
  /** A folder with its `/`, or an object, below what the link shows. */
  readonly path?: string
  readonly expiresAt?: UnixMs
}

/** Wire form of {@link NarrowRequest}. */
export const narrowRequestWire: Wire<NarrowRequest> = z.strictObject({
  link: z.string(),
  path: optionalWire(z.string()),
  expiresAt: optionalWire(unixMsWire),
})

/** A link to a share. */
export interface ShareLinkView {
  readonly link: string
  /** What it is called: the last step of its path; empty for a whole bucket. */
  readonly name: string
  /** Whether it is to one object. */
  readonly isObject: boolean
}

/** Wire form of {@link ShareLinkView}. */
export const shareLinkViewWire: Wire<ShareLinkView> = z.object({
  link: z.string(),
  name: z.string(),
  isObject: z.boolean(),
})

/** What is listed of what a link shows; in a body, because addresses of requests are written down in many places. */
export interface ListSharedRequest {
  readonly link: string
  /** A folder below, with its `/`. */
  readonly folder?: string
  /** All that is below. @default false */
  readonly isRecursive?: boolean
  readonly after?: string
  /** 1 .. 1000. @default 1000 */
  readonly limit?: number
}

/** Wire form of {@link ListSharedRequest}. */
export const listSharedRequestWire: Wire<ListSharedRequest> = z.strictObject({
  link: z.string(),
  folder: optionalWire(z.string()),
  isRecursive: optionalWire(z.boolean()),
  after: optionalWire(z.string()),
  limit: optionalWire(countWire),
})

/** Which object of what a link shows, and which of its bytes. */
export interface GetSharedRequest {
  readonly link: string
  /** @default what a link to one object shows */
  readonly path?: string
  /** @default 0 */
  readonly fromByte?: number
  /** The one after the last. @default the end */
  readonly toByte?: number
  /** Refused with STORAGE_CONDITION when the object has another etag by now. */
  readonly ifMatch?: string
}

/** Wire form of {@link GetSharedRequest}. */
export const getSharedRequestWire: Wire<GetSharedRequest> = z.strictObject({
  link: z.string(),
  path: optionalWire(z.string()),
  fromByte: optionalWire(countWire),
  toByte: optionalWire(countWire),
  ifMatch: optionalWire(z.string()),
})

/** An object of a share, as its link tells it. */
export interface SharedObject {
  readonly key: string
  readonly lengthBytes: number
  readonly modifiedAt: UnixMs
  readonly etag: string
  readonly contentType?: string
}

/** Wire form of {@link SharedObject}. */
export const sharedObjectWire: Wire<SharedObject> = z.object({
  key: z.string(),
  lengthBytes: countWire,
  modifiedAt: unixMsWire,
  etag: z.string(),
  contentType: optionalWire(z.string()),
})

/** An object of a share, or some of its bytes, as they come. */
export interface SharedStream extends ByteStream {
  /** What is read: all of the bytes are of it. */
  readonly object: SharedObject
}

/** One page of what a link shows. */
export interface SharedList {
  readonly objects: readonly SharedObject[]
  readonly commonPrefixes: readonly string[]
  /** Where the next page begins. */
  readonly next?: string
  /** Whether all is shown that its owner has there; false while it is filled: then more comes. */
  readonly isFilled: boolean
}

/** Wire form of {@link SharedList}. */
export const sharedListWire: Wire<SharedList> = z.object({
  objects: z.array(sharedObjectWire),
  commonPrefixes: z.array(z.string()),
  next: optionalWire(z.string()),
  isFilled: z.boolean(),
})
