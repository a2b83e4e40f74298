import { isSteadError } from '@stead/core'
import { BLOB_BYTES_MAX, type GetObjectQuery, type StorageUsage, type VersionView } from '@stead/sdk/api'
import {
  type Challenger,
  type ObjectBody,
  type ObjectInfo,
  type ObjectStore,
  type StorageConsumer,
  StorageError,
} from '@stead/storage'
import type { BuyingStorage } from '../daemon/buying-storage.ts'
import type { SteadNode } from '../daemon/stead-node.ts'
import { costPerDay, storageFunds } from '../daemon/storage-funds.ts'
import { NodeError } from '../errors.ts'
import { careHandlers, caretakerView } from './care-handlers.ts'
import type { Handlers } from './handlers.ts'
import { inRange } from './in-range.ts'
import { checkMatch, conditionOf, defined, hashedBody, viewOf } from './object-view.ts'
import { placementView } from './placement-view.ts'
import { storageEvidence } from './storage-evidence.ts'
import { uploadHandlers } from './upload-handlers.ts'

type ObjectRoutes =
  | 'putBlobOfObject'
  | 'putObject'
  | 'getObject'
  | 'headObject'
  | 'copyObject'
  | 'beginUpload'
  | 'listUploads'
  | 'putPart'
  | 'listParts'
  | 'completeUpload'
  | 'abortUpload'
  | 'listObjects'
  | 'listVersions'
  | 'deleteObject'
  | 'listBuckets'
  | 'createBucket'
  | 'deleteBucket'
  | 'getStorage'
  | 'listStorageWaits'
  | 'runStorageRound'
  | 'listChallenges'
  | 'challengeNode'
  | 'getStorageEvidence'
  | 'listCareOffers'
  | 'appointCaretaker'
  | 'dismissCaretaker'

const LIMIT = 1000

/** Objects on the network, and what they cost. */
export function objectHandlers(node: SteadNode): Pick<Handlers, ObjectRoutes> {
  const open = (): Promise<BuyingStorage> => node.trade.payer.storage.open()
  return {
    ...uploadHandlers(async () => (await open()).objects),
    ...careHandlers(open),
    putBlobOfObject: async ({ query, signal }) => {
      const bytes = await blobBytes(await openObject((await open()).objects, query, signal))
      return { id: await node.trade.blobs.cache.put(bytes), bytes: bytes.length }
    },
    putObject: async ({ query, body, signal }) => {
      const { objects } = await open()
      const { bucket, key, contentType, metadata = {} } = query
      const { bytes, etag } = hashedBody(body)
      const options = { contentType, metadata, signal, etag, ...conditionOf(query) }
      return viewOf(await objects.put(bucket, key, bytes, options))
    },
    getObject: async ({ query, signal }) => {
      const { info, fromByte, toByte, body } = await openObject((await open()).objects, query, signal)
      return { object: viewOf(info), lengthBytes: toByte - fromByte, body }
    },
    headObject: async ({ query: { bucket, key, version } }) => {
      const { objects } = await open()
      const info = await objects.head(bucket, key, version)
      if (info !== undefined && !info.isDeleted) return viewOf(info)
      throw new StorageError('STORAGE_OBJECT_UNKNOWN', `there is no object ${key}`, {
        details: { key, version },
        next: `See which there are: stead ls stead://${bucket}`,
      })
    },
    copyObject: async ({ body: { from, to, ...conditions } }) => {
      const { objects } = await open()
      return viewOf(await objects.copy(from, to, conditionOf(conditions)))
    },
    listObjects: async ({ query, signal }) => {
      const { objects } = await open()
      const { bucket, limit = LIMIT, ...rest } = query
      const page = await objects.list(bucket, { ...rest, limit: limitOf(limit), signal })
      const { commonPrefixes, next } = page
      return { objects: page.objects.map(viewOf), commonPrefixes, ...(next === undefined ? {} : { next: next.after }) }
    },
    listVersions: async ({ query, signal }) => {
      const { objects } = await open()
      const { bucket, limit = LIMIT, ...rest } = query
      const page = await objects.list(bucket, { ...rest, versions: true, limit: limitOf(limit), signal })
      return { versions: page.objects.map(versionOf), ...defined({ next: page.next }) }
    },
    deleteObject: async ({ query: { bucket, key, version } }) => {
      const { objects } = await open()
      await objects.delete(bucket, key, defined({ version }))
      return undefined
    },
    listBuckets: async () => {
      const { objects } = await open()
      const buckets = await objects.buckets()
      return { buckets: buckets.map(({ name, createdAt, versioning }) => ({ name, createdAt, versioning })) }
    },
    createBucket: async ({ query }) => {
      const { objects } = await open()
      await objects.createBucket(query.bucket)
      return undefined
    },
    deleteBucket: async ({ query }) => {
      const { objects } = await open()
      await objects.deleteBucket(query.bucket)
      return undefined
    },
    getStorage: async () => {
      const { consumer } = await open()
      const nodes = consumer.status().map(({ lastOutcome, uptime, ...rest }) => ({
        ...rest,
        ...(uptime === undefined ? {} : { uptime }),
        ...(lastOutcome === undefined ? {} : { lastOutcome }),
      }))
      const keptBytes = nodes.reduce((sum, { bytes }) => sum + bytes, 0)
      const placement = placementView(await consumer.placement())
      const { appointed } = consumer.care
      return {
        nodes,
        keptBytes,
        microUsdPerDay: costPerDay(consumer),
        placement,
        ...(await fundsOf(node, consumer)),
        ...(appointed === undefined ? {} : { caretaker: caretakerView(appointed) }),
      }
    },
    listStorageWaits: async () => ({ waits: await node.trade.payer.storage.waits() }),
    runStorageRound: async () => {
      const { consumer } = await open()
      await consumer.look()
      return await consumer.round()
    },
    listChallenges: async () => {
      const challenger = challengerOf(await open())
      const [terms, budget] = await Promise.all([challenger.terms(), challenger.budget()])
      return { ...terms, budget, challenges: challenger.list() }
    },
    challengeNode: async ({ body }) => {
      return await challengerOf(await open()).ask(body.node)
    },
    getStorageEvidence: ({ query }) => storageEvidence(node, query.after),
  }
}

function limitOf(wanted: number): number {
  return Math.min(Math.max(wanted, 1), LIMIT)
}

function versionOf({ key, version, isLatest, isDeleted, lengthBytes, modifiedAt }: ObjectInfo): VersionView {
  return { key, version, isLatest, isDeleted, lengthBytes, modifiedAt }
}

/** Who keeps how much is known without the chain. */
async function fundsOf(
  node: SteadNode,
  consumer: StorageConsumer,
): Promise<Pick<StorageUsage, 'fundsMicroUsd' | 'fundedDays'>> {
  const { foundation, trade } = node
  try {
    const { fundsMicroUsd, days } = await storageFunds({
      chain: foundation.chain,
      market: trade.payer.market,
      consumer,
    })
    return { fundsMicroUsd, ...(days === undefined ? {} : { fundedDays: days }) }
  } catch (error) {
    if (!isSteadError(error)) throw error
    return {}
  }
}

function challengerOf({ consumer }: BuyingStorage): Challenger {
  if (consumer.challenger === undefined) throw new TypeError('storage was opened without an adjudicator')
  return consumer.challenger
}

/** @throws StorageError STORAGE_OBJECT_UNKNOWN, STORAGE_BAD_RANGE, STORAGE_CONDITION */
async function openObject(
  objects: ObjectStore,
  { bucket, key, version, fromByte = 0, toByte, ifMatch }: GetObjectQuery,
  signal: AbortSignal,
): Promise<ObjectBody> {
  const range = fromByte > 0 || toByte !== undefined ? { range: { fromByte, ...defined({ toByte }) } } : {}
  const found = await inRange(() => objects.get(bucket, key, { ...defined({ version }), ...range, signal }))
  checkMatch(found.info, ifMatch)
  return found
}

/** @throws NodeError NODE_BODY_TOO_LARGE */
async function blobBytes({ info, fromByte, toByte, body }: ObjectBody): Promise<Uint8Array> {
  if (toByte - fromByte > BLOB_BYTES_MAX)
    throw new NodeError('NODE_BODY_TOO_LARGE', `${info.key}: one part of a task has at most ${BLOB_BYTES_MAX} bytes`, {
      details: { need: toByte - fromByte, limit: BLOB_BYTES_MAX },
    })
  const bytes = new Uint8Array(toByte - fromByte)
  let at = 0
  for await (const chunk of body) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}
