import type { Address, MicroUsd, UnixMs } from '@stead/core'
import { z } from 'zod'
import { addressWire, bytesWire, countWire, microUsdWire, optionalWire, unixMsWire, type Wire } from './scalars.ts'

/** Bytes of unknown origin, in pieces as they come. */
export interface ByteStream {
  readonly lengthBytes: number
  readonly body: AsyncIterable<Uint8Array>
}

/** Which bucket. */
export interface BucketQuery {
  readonly bucket: string
}

/** Wire form of {@link BucketQuery}. */
export const bucketQueryWire: Wire<BucketQuery> = z.strictObject({ bucket: z.string() })

/** Which object, and how it is written. */
export interface PutObjectQuery extends BucketQuery {
  readonly key: string
  readonly contentType?: string
}

/** Wire form of {@link PutObjectQuery}. */
export const putObjectQueryWire: Wire<PutObjectQuery> = z.strictObject({
  bucket: z.string(),
  key: z.string(),
  contentType: optionalWire(z.string()),
})

const numberText: Wire<number> = z.codec(z.string().regex(/^\d{1,15}$/), z.int(), {
  decode: (text) => Number(text),
  encode: (number) => String(number),
})

/** Which object, and which of its bytes. */
export interface GetObjectQuery extends BucketQuery {
  readonly key: string
  /** @default 0 */
  readonly fromByte?: number
  /** The one after the last. @default the end */
  readonly toByte?: number
}

/** Wire form of {@link GetObjectQuery}. */
export const getObjectQueryWire: Wire<GetObjectQuery> = z.strictObject({
  bucket: z.string(),
  key: z.string(),
  fromByte: optionalWire(numberText),
  toByte: optionalWire(numberText),
})

/** Which object is deleted. */
export interface DeleteObjectQuery extends BucketQuery {
  readonly key: string
}

/** Wire form of {@link DeleteObjectQuery}. */
export const deleteObjectQueryWire: Wire<DeleteObjectQuery> = z.strictObject({ bucket: z.string(), key: z.string() })

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
  readonly etag: string
  readonly contentType?: string
}

/** Wire form of {@link ObjectView}. */
export const objectViewWire: Wire<ObjectView> = z.object({
  key: z.string(),
  lengthBytes: countWire,
  modifiedAt: unixMsWire,
  etag: z.string(),
  contentType: optionalWire(z.string()),
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

/** Buckets in the order of their names. */
export interface BucketList {
  readonly buckets: readonly { readonly name: string; readonly createdAt: UnixMs }[]
}

/** Wire form of {@link BucketList}. */
export const bucketListWire: Wire<BucketList> = z.object({
  buckets: z.array(z.object({ name: z.string(), createdAt: unixMsWire })),
})

/** A node that keeps pieces for this one. */
export interface StorageNodeView {
  readonly node: Address
  readonly operator: Address
  readonly pieces: number
  readonly bytes: number
  /** 0 .. 1 by this node's own looks. */
  readonly availability: number
  readonly priceMicroUsdPerTibHour: MicroUsd
  /** How the last settlement ended: `paid`, `nothing-due`, `no-room`, `offline`, `lost`, `lied`. */
  readonly lastOutcome?: string
  /** Since this daemon was started. */
  readonly paidMicroUsd: MicroUsd
}

/** Answer to `GET /v1/storage`. */
export interface StorageUsage {
  readonly nodes: readonly StorageNodeView[]
  /** Pieces of all nodes together: what is paid for. */
  readonly keptBytes: number
  readonly microUsdPerDay: MicroUsd
  /** The account's dollars and what is locked for storage and not spent; missing while the chain is away. */
  readonly fundsMicroUsd?: MicroUsd
  /** Whole days for which that is enough; missing when nothing is kept as well. */
  readonly fundedDays?: number
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
      priceMicroUsdPerTibHour: microUsdWire,
      lastOutcome: optionalWire(z.string()),
      paidMicroUsd: microUsdWire,
    }),
  ),
  keptBytes: countWire,
  microUsdPerDay: microUsdWire,
  fundsMicroUsd: optionalWire(microUsdWire),
  fundedDays: optionalWire(countWire),
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
}

/** Wire form of {@link StorageRoundView}. */
export const storageRoundWire: Wire<StorageRoundView> = z.object({
  paidMicroUsd: microUsdWire,
  outcomes: z.record(z.string(), countWire),
  repairedSegments: countWire,
  repairedPieces: countWire,
  missingPieces: countWire,
  unrepairedSegments: countWire,
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
