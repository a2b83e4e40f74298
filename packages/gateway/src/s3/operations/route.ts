import type { S3Operation } from '../call.ts'
import { notImplemented, S3Error } from '../s3-error.ts'
import type { S3Request } from '../s3-request.ts'
import {
  createBucket,
  deleteBucket,
  getBucketLocation,
  getBucketVersioning,
  headBucket,
  listBuckets,
  putBucketVersioning,
} from './buckets.ts'
import { deleteObjects } from './delete-objects.ts'
import { FIXED_BUCKET_ANSWERS, getObjectAcl, getObjectAttributes, getObjectTagging, putAcl } from './fixed-answers.ts'
import { listObjects, listObjectsV2 } from './list-objects.ts'
import { listUploads } from './list-uploads.ts'
import { listObjectVersions } from './list-versions.ts'
import { listParts, uploadPart } from './parts.ts'
import { getObject, headObject } from './read-object.ts'
import { abortUpload, completeUpload, createUpload } from './uploads.ts'
import { deleteObject, putObject } from './write-object.ts'

type Level = 'service' | 'bucket' | 'object'

/** A kind of request, and who answers it. */
export interface Route {
  readonly method: string
  readonly level: Level
  /** Names that the query must have; of the subresources no others but those in `takes`. */
  readonly needs: readonly string[]
  readonly takes: readonly string[]
  readonly run: S3Operation
}

/** Names in a query that make another operation of a request. */
const SUBRESOURCES = new Set(
  `accelerate acl analytics annotation attributes cors delete encryption intelligent-tiering inventory legal-hold
  lifecycle list-type location logging metadataConfiguration metadataTable metrics notification object-lock
  ownershipControls partNumber policy policyStatus publicAccessBlock renameObject replication requestPayment restore
  retention select select-type session tagging torrent uploadId uploads versionId versioning versions website abac
  metadataInventoryTable metadataJournalTable`.split(/\s+/),
)

const ROUTES: readonly Route[] = [
  on('GET', 'service', [], listBuckets),
  on('PUT', 'bucket', [], createBucket),
  on('HEAD', 'bucket', [], headBucket),
  on('DELETE', 'bucket', [], deleteBucket),
  on('GET', 'bucket', ['location'], getBucketLocation),
  on('GET', 'bucket', ['versioning'], getBucketVersioning),
  on('PUT', 'bucket', ['versioning'], putBucketVersioning),
  on('GET', 'bucket', [], listObjects),
  on('GET', 'bucket', ['list-type'], listObjectsV2),
  on('GET', 'bucket', ['versions'], listObjectVersions),
  on('GET', 'bucket', ['uploads'], listUploads),
  on('POST', 'bucket', ['delete'], deleteObjects),
  on('PUT', 'bucket', ['acl'], putAcl),
  ...FIXED_BUCKET_ANSWERS.map(([name, answer]) => on('GET', 'bucket', [name], answer)),
  on('PUT', 'object', [], putObject),
  on('GET', 'object', [], getObject, ['versionId']),
  on('HEAD', 'object', [], headObject, ['versionId']),
  on('DELETE', 'object', [], deleteObject, ['versionId']),
  on('PUT', 'object', ['partNumber', 'uploadId'], uploadPart),
  on('GET', 'object', ['uploadId'], listParts),
  on('POST', 'object', ['uploads'], createUpload),
  on('POST', 'object', ['uploadId'], completeUpload),
  on('DELETE', 'object', ['uploadId'], abortUpload),
  on('GET', 'object', ['acl'], getObjectAcl, ['versionId']),
  on('PUT', 'object', ['acl'], putAcl, ['versionId']),
  on('GET', 'object', ['tagging'], getObjectTagging, ['versionId']),
  on('GET', 'object', ['attributes'], getObjectAttributes, ['versionId']),
]

function on(
  method: string,
  level: Level,
  needs: readonly string[],
  run: S3Operation,
  takes: readonly string[] = [],
): Route {
  return { method, level, needs, takes, run }
}

/**
 * Who answers a request. A name in the query that could make it another operation is never overlooked, least of all on a
 * write: `PUT /bucket/key?retention` must not become the object.
 * @throws S3Error NotImplemented, MethodNotAllowed
 */
export function routeOf(request: S3Request): S3Operation {
  if (request.bucket === '' && request.key !== '') throw new S3Error('InvalidBucketName')
  const level: Level = request.bucket === '' ? 'service' : request.key === '' ? 'bucket' : 'object'
  const isRead = request.method === 'GET' || request.method === 'HEAD'
  const asked = request.query.names.filter(
    (name) => SUBRESOURCES.has(name) || !(isRead || name.toLowerCase().startsWith('x-')),
  )
  const route = ROUTES.find(
    ({ method, level: own, needs, takes }) =>
      method === request.method &&
      own === level &&
      needs.every((name) => asked.includes(name)) &&
      asked.every((name) => needs.includes(name) || takes.includes(name)),
  )
  if (route !== undefined) return route.run
  if (asked.length > 0) throw notImplemented(`${request.method} of ${level} with ?${asked.join('&').slice(0, 100)}`)
  throw new S3Error('MethodNotAllowed')
}
