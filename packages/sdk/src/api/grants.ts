import type { UnixMs } from '@stead/core'
import { z } from 'zod'
import { numberText } from './objects.ts'
import { countWire, optionalWire, unixMsWire, type Wire } from './scalars.ts'

/** Header that a link to write travels in: addresses of requests are written down in many places. */
export const LINK_HEADER = 'stead-link'

/** What somebody who gets the link may write, and until when. */
export interface GrantRequest {
  readonly bucket: string
  /** A folder with its `/`, the empty text for all of the bucket, or the key of one object. */
  readonly prefix: string
  /** Bytes that may be written with it in all, at least 4096; each object counts as 4096 at least. */
  readonly limitBytes: number
  /** @default until it is taken back */
  readonly expiresAt?: UnixMs
  /** Whether objects that are there may be replaced. @default false */
  readonly mayReplace?: boolean
}

/** Wire form of {@link GrantRequest}. */
export const grantRequestWire: Wire<GrantRequest> = z.strictObject({
  bucket: z.string(),
  prefix: z.string(),
  limitBytes: z.int().min(4096),
  expiresAt: optionalWire(unixMsWire),
  mayReplace: optionalWire(z.boolean()),
})

/** A grant to write as its owner sees it. */
export interface GrantView {
  readonly id: string
  readonly bucket: string
  readonly prefix: string
  readonly createdAt: UnixMs
  readonly expiresAt?: UnixMs
  readonly mayReplace: boolean
  readonly limitBytes: number
  /** Bytes that were written with it, whether they are still there or not. */
  readonly usedBytes: number
  /** Objects that were written with it. */
  readonly objects: number
}

const grantViewShape = {
  id: z.string(),
  bucket: z.string(),
  prefix: z.string(),
  createdAt: unixMsWire,
  expiresAt: optionalWire(unixMsWire),
  mayReplace: z.boolean(),
  limitBytes: countWire,
  usedBytes: countWire,
  objects: countWire,
}

/** A grant with its link: whoever has that may write. */
export interface GrantMade extends GrantView {
  readonly link: string
}

/** Wire form of {@link GrantMade}. */
export const grantMadeWire: Wire<GrantMade> = z.object({ ...grantViewShape, link: z.string() })

/** Answer to `GET /v1/grants`. */
export interface GrantList {
  readonly grants: readonly GrantView[]
}

/** Wire form of {@link GrantList}. */
export const grantListWire: Wire<GrantList> = z.object({ grants: z.array(z.object(grantViewShape)) })

/** A link to write, as anybody can read it. */
export interface WriteLinkView {
  readonly link: string
  /** What it is called: the last step of its path; empty for a whole bucket. */
  readonly name: string
  /** Whether it is to one object. */
  readonly isObject: boolean
  readonly mayReplace: boolean
  readonly expiresAt?: UnixMs
}

/** Wire form of {@link WriteLinkView}. */
export const writeLinkViewWire: Wire<WriteLinkView> = z.object({
  link: z.string(),
  name: z.string(),
  isObject: z.boolean(),
  mayReplace: z.boolean(),
  expiresAt: optionalWire(unixMsWire),
})

const uploadWire: Wire<string> = z.string().regex(/^[0-9a-f]{32}$/)

/** Which writing with which link. */
export interface LookGrantedRequest {
  readonly link: string
  /** @default what a link to one object is to */
  readonly path?: string
  /** 32 hexadecimal digits that name this writing of it. */
  readonly upload: string
}

/** Wire form of {@link LookGrantedRequest}. */
export const lookGrantedRequestWire: Wire<LookGrantedRequest> = z.strictObject({
  link: z.string(),
  path: optionalWire(z.string()),
  upload: uploadWire,
})

/** How a writing with a link stands. */
export interface GrantedStand {
  /** Bytes that the link takes yet. */
  readonly leftBytes: number
  /** Bytes of this object that are kept. */
  readonly keptBytes: number
}

/** Wire form of {@link GrantedStand}. */
export const grantedStandWire: Wire<GrantedStand> = z.object({ leftBytes: countWire, keptBytes: countWire })

/** What is written with a link; the link itself travels in the header `stead-link`. */
export interface PutGrantedQuery {
  readonly link: string
  /** @default what a link to one object is to */
  readonly path?: string
  /** 32 hexadecimal digits that name this writing of it: the same again goes on where it ended. @default drawn */
  readonly upload?: string
  /** At most 512 characters of ASCII. */
  readonly contentType?: string
  /** When the giver changed it last. */
  readonly changedAt?: number
  /** All of it, where that is known, as a hint: what the link does not take is refused before it is sent. */
  readonly lengthBytes?: number
}

/** Wire form of {@link PutGrantedQuery}. */
export const putGrantedQueryWire: Wire<PutGrantedQuery> = z.strictObject({
  link: z.string(),
  path: optionalWire(z.string()),
  upload: optionalWire(uploadWire),
  contentType: optionalWire(z.string().regex(/^[\x20-\x7e]{1,512}$/)),
  changedAt: optionalWire(numberText),
  lengthBytes: optionalWire(numberText),
})

/** An object that was written with a link. */
export interface GrantedObject {
  readonly lengthBytes: number
  readonly etag: string
  readonly modifiedAt: UnixMs
  /** Bytes that had been kept before. */
  readonly resumedBytes: number
}

/** Wire form of {@link GrantedObject}. */
export const grantedObjectWire: Wire<GrantedObject> = z.object({
  lengthBytes: countWire,
  etag: z.string(),
  modifiedAt: unixMsWire,
  resumedBytes: countWire,
})
