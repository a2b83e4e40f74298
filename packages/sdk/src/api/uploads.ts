import type { UnixMs } from '@stead/core'
import { z } from 'zod'
import {
  type BucketQuery,
  metadataTextWire,
  numberText,
  type ObjectMetadata,
  type WriteConditions,
  writeConditionShape,
} from './objects.ts'
import { countWire, optionalWire, unixMsWire, type Wire } from './scalars.ts'

/** What an upload in parts becomes. */
export interface BeginUploadQuery extends BucketQuery {
  readonly key: string
  readonly contentType?: string
  readonly metadata?: ObjectMetadata
}

/** Wire form of {@link BeginUploadQuery}. */
export const beginUploadQueryWire: Wire<BeginUploadQuery> = z.strictObject({
  bucket: z.string(),
  key: z.string(),
  contentType: optionalWire(z.string()),
  metadata: optionalWire(metadataTextWire),
})

/** An upload in parts that was begun; it outlives restarts of the node. */
export interface UploadView {
  readonly id: string
  readonly key: string
  readonly begunAt: UnixMs
}

/** Wire form of {@link UploadView}. */
export const uploadViewWire: Wire<UploadView> = z.object({ id: z.string(), key: z.string(), begunAt: unixMsWire })

/** Which unfinished uploads are listed, in the order of keys, then of ids. */
export interface ListUploadsQuery extends BucketQuery {
  readonly prefix?: string
  /** The last upload of the page before. */
  readonly afterKey?: string
  readonly afterId?: string
}

/** Wire form of {@link ListUploadsQuery}. */
export const listUploadsQueryWire: Wire<ListUploadsQuery> = z.strictObject({
  bucket: z.string(),
  prefix: optionalWire(z.string()),
  afterKey: optionalWire(z.string()),
  afterId: optionalWire(z.string()),
})

/** One page of unfinished uploads, at most 1000; an empty one is the last. */
export interface UploadList {
  readonly uploads: readonly UploadView[]
}

/** Wire form of {@link UploadList}. */
export const uploadListWire: Wire<UploadList> = z.object({ uploads: z.array(uploadViewWire) })

/** Which upload. */
export interface UploadQuery extends BucketQuery {
  readonly upload: string
}

/** Wire form of {@link UploadQuery}. */
export const uploadQueryWire: Wire<UploadQuery> = z.strictObject({ bucket: z.string(), upload: z.string() })

/** Which part of an upload. */
export interface PutPartQuery extends UploadQuery {
  /** 1 .. 10000. */
  readonly number: number
}

/** Wire form of {@link PutPartQuery}. */
export const putPartQueryWire: Wire<PutPartQuery> = z.strictObject({
  bucket: z.string(),
  upload: z.string(),
  number: numberText,
})

/** A part that is there. */
export interface PartView {
  /** 1 .. 10000. */
  readonly number: number
  readonly lengthBytes: number
  /** MD5 of the bytes in hexadecimal. */
  readonly etag: string
}

/** Wire form of {@link PartView}. */
export const partViewWire: Wire<PartView> = z.object({ number: countWire, lengthBytes: countWire, etag: z.string() })

/** All parts of an upload that are there, in the order of their numbers. */
export interface PartList {
  readonly parts: readonly PartView[]
}

/** Wire form of {@link PartList}. */
export const partListWire: Wire<PartList> = z.object({ parts: z.array(partViewWire) })

/** Body of `POST /v1/uploads/complete`. */
export interface CompleteUploadRequest extends UploadQuery, WriteConditions {
  /** In the order of their numbers; what is not named is left out. */
  readonly parts: readonly { readonly number: number; readonly etag: string }[]
}

/** Wire form of {@link CompleteUploadRequest}. */
export const completeUploadRequestWire: Wire<CompleteUploadRequest> = z.strictObject({
  bucket: z.string(),
  upload: z.string(),
  parts: z
    .array(z.strictObject({ number: countWire, etag: z.string() }))
    .min(1)
    .max(10_000),
  ...writeConditionShape,
})
