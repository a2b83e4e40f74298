import type { Address, MicroUsd, UnixMs } from '@stead/core'
import { z } from 'zod'
import { type CaretakerView, caretakerViewWire } from './care.ts'
import { addressWire, bytesWire, countWire, microUsdWire, optionalWire, unixMsWire, type Wire } from './scalars.ts'

/** Bytes as they come. */
export interface ByteStream {
  /** Bytes that come, which are fewer than there are where a range was asked for. */
  readonly lengthBytes: number
  readonly body: AsyncIterable<Uint8Array>
}

/** An object, or some of its bytes, as they come. */
export interface ObjectStream extends ByteStream {
  /** The version that is read: all of the bytes are of it. */
  readonly object: ObjectView
}

/** What a body may be that is sent as it is read. Bytes and a Blob can be sent again when a connection failed. */
export type StreamBody = AsyncIterable<Uint8Array> | Uint8Array | Blob

/** Which bucket. */
export interface BucketQuery {
  readonly bucket: string
}

/** Wire form of {@link BucketQuery}. */
export const bucketQueryWire: Wire<BucketQuery> = z.strictObject({ bucket: z.string() })

/** What an object's writer says of it: at most 2 KiB in all, names in lower case. */
export type ObjectMetadata = Readonly<Record<string, string>>

const metadataWire: Wire<ObjectMetadata> = z.record(z.string(), z.string())

/** The same as one text of JSON, where there is room for nothing else. */
export const metadataTextWire: Wire<ObjectMetadata> = z.codec(z.string().max(16_384), metadataWire, {
  decode: (text, context) => {
    try {
      return JSON.parse(text)
    } catch {
      context.issues.push({ code: 'custom', input: text, message: 'not JSON' })
      return z.NEVER
    }
  },
  encode: (metadata) => JSON.stringify(metadata),
})

/** What must hold for a write to happen; otherwise it is refused with STORAGE_CONDITION and nothing is changed. */
export interface WriteConditions {
  /** There is an object of this key, and its etag is this one. */
  readonly ifMatch?: string
  /** There is no object of this key. */
  readonly ifNoneMatch?: '*'
}

/** The members of {@link WriteConditions}, for schemas that have them. */
export const writeConditionShape: {
  readonly ifMatch: z.ZodExactOptional<Wire<string>>
  readonly ifNoneMatch: z.ZodExactOptional<Wire<'*'>>
} = { ifMatch: optionalWire(z.string()), ifNoneMatch: optionalWire(z.literal('*')) }

/** Which object, and how it is written. */
export interface PutObjectQuery extends BucketQuery, WriteConditions {
  readonly key: string
  readonly contentType?: string
  readonly metadata?: ObjectMetadata
}

/** Wire form of {@link PutObjectQuery}. */
export const putObjectQueryWire: Wire<PutObjectQuery> = z.strictObject({
  bucket: z.string(),
  key: z.string(),
  contentType: optionalWire(z.string()),
  metadata: optionalWire(metadataTextWire),
  ...writeConditionShape,
})

/** A whole number of at most 15 digits as text. */
export const numberText: Wire<number> = z.codec(z.string().regex(/^\d{1,15}$/), z.int(), {
  decode: (text) => Number(text),
  encode: (number) => String(number),
})

/** Which version of an object. */
export interface HeadObjectQuery extends BucketQuery {
  readonly key: string
  /** @default the latest */
  readonly version?: string
}

/** Wire form of {@link HeadObjectQuery}. */
export const headObjectQueryWire: Wire<HeadObjectQuery> = z.strictObject({
  bucket: z.string(),
  key: z.string(),
  version: optionalWire(z.string()),
})

/** Which object, and which of its bytes. */
export interface GetObjectQuery extends HeadObjectQuery {
  /** @default 0 */
  readonly fromByte?: number
  /** The one after the last. @default the end */
  readonly toByte?: number
  /** Refused with STORAGE_CONDITION when the object has another etag, so that two versions are never mixed. */
  readonly ifMatch?: string
}

/** Wire form of {@link GetObjectQuery}. */
export const getObjectQueryWire: Wire<GetObjectQuery> = z.strictObject({
  bucket: z.string(),
  key: z.string(),
  version: optionalWire(z.string()),
  fromByte: optionalWire(numberText),
  toByte: optionalWire(numberText),
  ifMatch: optionalWire(z.string()),
})

/** Body of `POST /v1/objects/copy`. */
export interface CopyObjectRequest extends WriteConditions {
  readonly from: HeadObjectQuery
  readonly to: { readonly bucket: string; readonly key: string }
}

/** Wire form of {@link CopyObjectRequest}. */
export const copyObjectRequestWire: Wire<CopyObjectRequest> = z.strictObject({
  from: headObjectQueryWire,
  to: z.strictObject({ bucket: z.string(), key: z.string() }),
  ...writeConditionShape,
})

/** Which objects are listed, in the order of their keys. */
export interface ListObjectsQuery extends BucketQuery {
  readonly prefix?: string
  readonly delimiter?: string
  readonly after?: string
  /** 1 .. 1000. @default 1000 */
  readonly limit?: number
}

/** Wire form of {@link ListObjectsQuery}. */
export const listObjectsQueryWire: Wire<ListObjectsQuery> = z.strictObject({
  bucket: z.string(),
  prefix: optionalWire(z.string()),
  delimiter: optionalWire(z.string()),
  after: optionalWire(z.string()),
  limit: optionalWire(numberText),
})

/** An object as it is told. */
export interface ObjectView {
  readonly key: string
  readonly lengthBytes: number
  readonly modifiedAt: UnixMs
  /** MD5 of the bytes in hexadecimal, as S3 has it; of an upload in parts the MD5 of the parts' and their number. */
  readonly etag: string
  /** `null` for what was written while versioning was not on. */
  readonly version: string
  readonly contentType?: string
  readonly metadata: ObjectMetadata
}

/** Wire form of {@link ObjectView}. */
export const objectViewWire: Wire<ObjectView> = z.object({
  key: z.string(),
  lengthBytes: countWire,
  modifiedAt: unixMsWire,
  etag: z.string(),
  version: z.string(),
  contentType: optionalWire(z.string()),
  metadata: metadataWire,
})

/** One page of a listing. */
export interface ObjectList {
  readonly objects: readonly ObjectView[]
  readonly commonPrefixes: readonly string[]
  /** Where the next page begins. */
  readonly next?: string
}

/** Wire form of {@link ObjectList}. */
export const objectListWire: Wire<ObjectList> = z.object({
  objects: z.array(objectViewWire),
  commonPrefixes: z.array(z.string()),
  next: optionalWire(z.string()),
})

/** `on` keeps every version of an object that is replaced or deleted; `suspended` keeps those that are there. */
export type Versioning = 'off' | 'on' | 'suspended'

/** Buckets in the order of their names. */
export interface BucketList {
  readonly buckets: readonly { readonly name: string; readonly createdAt: UnixMs; readonly versioning: Versioning }[]
}

/** Wire form of {@link BucketList}. */
export const bucketListWire: Wire<BucketList> = z.object({
  buckets: z.array(
    z.object({ name: z.string(), createdAt: unixMsWire, versioning: z.enum(['off', 'on', 'suspended']) }),
  ),
})

/** A node that keeps pieces for this one. */
export interface StorageNodeView {
  readonly node: Address
  readonly operator: Address
  readonly pieces: number
  readonly bytes: number
  /** 0 .. 1 by this node's own looks. */
  readonly availability: number
  /** Share of the time that it was seen to be there, 0 .. 1; missing before a day of it was seen. */
  readonly uptime?: number
  readonly priceMicroUsdPerTibHour: MicroUsd
  /** How the last settlement ended: `paid`, `nothing-due`, `no-room`, `offline`, `lost`, `lied`. */
  readonly lastOutcome?: string
  /** Since this node pays it, restarts included. */
  readonly paidMicroUsd: MicroUsd
}

/** Money for fewer days is warned of: long enough to send some from a holiday, and the nodes wait two weeks more. */
export const FUNDED_DAYS_WARNED = 14

/** How segments lie, by this node's own looks at those that keep them. */
export interface PlacementView {
  readonly segments: number
  /** With fewer than half of their pieces on nodes that are there 95 % of the time, as measured: there were not enough. */
  readonly unsteadySegments: number
  readonly steadyNodes: number
  /** With fewer pieces on nodes that answer than they should have. */
  readonly shortSegments: number
  /** Of the short ones: can lose no more nodes, or cannot be read now. */
  readonly bareSegments: number
  /** Of these: cannot be read now. */
  readonly unreadableSegments: number
  /** Of the short ones: repaired by the next round. */
  readonly dueSegments: number
  /** When the first of the other short ones is repaired, if its nodes stay away; missing when none will be. */
  readonly repairFrom?: UnixMs
}

/** Wire form of {@link PlacementView}. */
export const placementWire: Wire<PlacementView> = z.object({
  segments: countWire,
  unsteadySegments: countWire,
  steadyNodes: countWire,
  shortSegments: countWire,
  bareSegments: countWire,
  unreadableSegments: countWire,
  dueSegments: countWire,
  repairFrom: optionalWire(unixMsWire),
})

/** Answer to `GET /v1/storage`. */
export interface StorageUsage {
  readonly nodes: readonly StorageNodeView[]
  /** Pieces of all nodes together: what is paid for. */
  readonly keptBytes: number
  readonly microUsdPerDay: MicroUsd
  readonly placement: PlacementView
  /** The account's dollars and what is locked for storage and not spent; missing while the chain is away. */
  readonly fundsMicroUsd?: MicroUsd
  /** Whole days for which that is enough; missing when nothing is kept as well. */
  readonly fundedDays?: number
  /** Who looks after it while this node is away; missing when nobody does. */
  readonly caretaker?: CaretakerView
}

/** Wire form of {@link StorageUsage}. */
export const storageUsageWire: Wire<StorageUsage> = z.object({
  nodes: z.array(
    z.object({
      node: addressWire,
      operator: addressWire,
      pieces: countWire,
      bytes: countWire,
      availability: z.number(),
      uptime: optionalWire(z.number()),
      priceMicroUsdPerTibHour: microUsdWire,
      lastOutcome: optionalWire(z.string()),
      paidMicroUsd: microUsdWire,
    }),
  ),
  keptBytes: countWire,
  microUsdPerDay: microUsdWire,
  placement: placementWire,
  fundsMicroUsd: optionalWire(microUsdWire),
  fundedDays: optionalWire(countWire),
  caretaker: optionalWire(caretakerViewWire),
})

/** A read that waits because nodes that have what it needs cannot be reached now. */
export interface StorageWaitView {
  readonly needPieces: number
  readonly havePieces: number
  /** Nodes that are known to have a piece. */
  readonly nodes: number
  /** Of them, those that could not be reached, or have not answered yet. */
  readonly awayNodes: number
  readonly waitedMs: number
}

/** Answer to `GET /v1/storage/waits`. */
export interface StorageWaitList {
  readonly waits: readonly StorageWaitView[]
}

/** Wire form of {@link StorageWaitList}. */
export const storageWaitListWire: Wire<StorageWaitList> = z.object({
  waits: z.array(
    z.object({
      needPieces: countWire,
      havePieces: countWire,
      nodes: countWire,
      awayNodes: countWire,
      waitedMs: z.number(),
    }),
  ),
})

/** Answer to `POST /v1/storage/round`. */
export interface StorageRoundView {
  readonly paidMicroUsd: MicroUsd
  /** How many nodes' settlements ended how. */
  readonly outcomes: Readonly<Record<string, number>>
  readonly repairedSegments: number
  readonly repairedPieces: number
  /** Of segments that are being repaired: pieces for which there was no node now. */
  readonly missingPieces: number
  readonly unrepairedSegments: number
  /** Nodes that leave, and still have pieces of this node's. */
  readonly leavingNodes: number
}

/** Wire form of {@link StorageRoundView}. */
export const storageRoundWire: Wire<StorageRoundView> = z.object({
  paidMicroUsd: microUsdWire,
  outcomes: z.record(z.string(), countWire),
  repairedSegments: countWire,
  repairedPieces: countWire,
  missingPieces: countWire,
  unrepairedSegments: countWire,
  leavingNodes: countWire,
})

/** Of which node evidence is asked. */
export interface StorageEvidenceQuery {
  /** The first node after this one. @default the first of all */
  readonly after?: Address
}

/** Wire form of {@link StorageEvidenceQuery}. */
export const storageEvidenceQueryWire: Wire<StorageEvidenceQuery> = z.strictObject({
  after: optionalWire(addressWire),
})

/** Answer to `GET /v1/storage/evidence`: everything from which `stead audit storage` recomputes what one node billed. */
export interface StorageEvidence {
  /** Missing when there is no node after the one that was named. */
  readonly node?: Address
  /** Encoded PaidPeriods of @stead/storage, of the last month. */
  readonly periods: readonly Uint8Array[]
  /** The channels that paid, with all receipts: an encoded ReceiptBundle of @stead/market. */
  readonly receipts: Uint8Array
}

/** Wire form of {@link StorageEvidence}. */
export const storageEvidenceWire: Wire<StorageEvidence> = z.object({
  node: optionalWire(addressWire),
  periods: z.array(bytesWire),
  receipts: bytesWire,
})
