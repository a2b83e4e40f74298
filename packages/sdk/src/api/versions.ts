import type { UnixMs } from '@stead/core'
import { z } from 'zod'
import { type BucketQuery, numberText } from './objects.ts'
import { countWire, optionalWire, unixMsWire, type Wire } from './scalars.ts'

/** What is deleted. */
export interface DeleteObjectQuery extends BucketQuery {
  readonly key: string
  /** That one goes for good. @default the object goes; with versioning a version more says so */
  readonly version?: string
}

/** Wire form of {@link DeleteObjectQuery}. */
export const deleteObjectQueryWire: Wire<DeleteObjectQuery> = z.strictObject({
  bucket: z.string(),
  key: z.string(),
  version: optionalWire(z.string()),
})

/** Which versions are listed: in the order of their keys, newest first within one. */
export interface ListVersionsQuery extends BucketQuery {
  readonly prefix?: string
  /** Where the page before said that the next one begins. */
  readonly after?: string
  readonly afterVersion?: string
  /** 1 .. 1000. @default 1000 */
  readonly limit?: number
}

/** Wire form of {@link ListVersionsQuery}. */
export const listVersionsQueryWire: Wire<ListVersionsQuery> = z.strictObject({
  bucket: z.string(),
  prefix: optionalWire(z.string()),
  after: optionalWire(z.string()),
  afterVersion: optionalWire(z.string()),
  limit: optionalWire(numberText),
})

/** One version of an object, or one that says that the object was deleted. */
export interface VersionView {
  readonly key: string
  readonly version: string
  readonly isLatest: boolean
  /** A delete marker: no bytes. */
  readonly isDeleted: boolean
  readonly lengthBytes: number
  readonly modifiedAt: UnixMs
}

/** One page of versions. */
export interface VersionList {
  readonly versions: readonly VersionView[]
  /** Where the next page begins; missing on the last one. */
  readonly next?: { readonly after: string; readonly afterVersion?: string }
}

/** Wire form of {@link VersionList}. */
export const versionListWire: Wire<VersionList> = z.object({
  versions: z.array(
    z.object({
      key: z.string(),
      version: z.string(),
      isLatest: z.boolean(),
      isDeleted: z.boolean(),
      lengthBytes: countWire,
      modifiedAt: unixMsWire,
    }),
  ),
  next: optionalWire(z.object({ after: z.string(), afterVersion: optionalWire(z.string()) })),
})
