import { createHash, type Hash } from 'node:crypto'
import { isSteadError } from '@stead/core'
import type { ObjectView, StorageUsage } from '@stead/sdk/api'
import { type ObjectInfo, type StorageConsumer, StorageError } from '@stead/storage'
import type { BuyingStorage } from '../daemon/buying-storage.ts'
import type { SteadNode } from '../daemon/stead-node.ts'
import { costPerDay, storageFunds } from '../daemon/storage-funds.ts'
import type { Handlers } from './handlers.ts'
import { storageEvidence } from './storage-evidence.ts'

type ObjectRoutes =
  | 'putObject'
  | 'getObject'
  | 'listObjects'
  | 'deleteObject'
  | 'listBuckets'
  | 'createBucket'
  | 'deleteBucket'
  | 'getStorage'
  | 'runStorageRound'
  | 'getStorageEvidence'

const LIMIT = 1000

/** Objects on the network, and what they cost. */
export function objectHandlers(node: SteadNode): Pick<Handlers, ObjectRoutes> {
  const open = (): Promise<BuyingStorage> => node.trade.payer.storage.open()
  return {
    putObject: async ({ query, body, signal }) => {
      const { objects } = await open()
      const { bucket, key, contentType } = query
      const hash = createHash('md5')
      const etag = (): string => hash.digest('hex')
      return viewOf(await objects.put(bucket, key, hashed(body, hash), { contentType, signal, etag }))
    },
    getObject: async ({ query, signal }) => {
      const { objects } = await open()
      const { bucket, key, fromByte = 0, toByte } = query
      const range = { fromByte, ...(toByte === undefined ? {} : { toByte }) }
      const found = await inRange(() =>
        objects.get(bucket, key, { ...(fromByte > 0 || toByte !== undefined ? { range } : {}), signal }),
      )
      return { lengthBytes: found.toByte - found.fromByte, body: found.body }
    },
    listObjects: async ({ query }) => {
      const { objects } = await open()
      const { bucket, limit = LIMIT, ...rest } = query
      const page = await objects.list(bucket, { ...rest, limit: Math.min(Math.max(limit, 1), LIMIT) })
      const { commonPrefixes, next } = page
      return { objects: page.objects.map(viewOf), commonPrefixes, ...(next === undefined ? {} : { next: next.after }) }
    },
    deleteObject: async ({ query }) => {
      const { objects } = await open()
      await objects.delete(query.bucket, query.key)
      return undefined
    },
    listBuckets: async () => {
      const { objects } = await open()
      return { buckets: (await objects.buckets()).map(({ name, createdAt }) => ({ name, createdAt })) }
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
      const nodes = consumer.status().map(({ lastOutcome, ...rest }) => ({
        ...rest,
        ...(lastOutcome === undefined ? {} : { lastOutcome }),
      }))
      const keptBytes = nodes.reduce((sum, { bytes }) => sum + bytes, 0)
      return { nodes, keptBytes, microUsdPerDay: costPerDay(consumer), ...(await fundsOf(node, consumer)) }
    },
    runStorageRound: async () => {
      const { consumer } = await open()
      await consumer.look()
      return await consumer.round()
    },
    getStorageEvidence: ({ query }) => storageEvidence(node, query.after),
  }
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

/** S3 clients compare what they get with the MD5 that an ETag is. */
async function* hashed(body: AsyncIterable<Uint8Array>, hash: Hash): AsyncGenerator<Uint8Array, void> {
  for await (const bytes of body) {
    hash.update(bytes)
    yield bytes
  }
}

function viewOf({ key, lengthBytes, modifiedAt, etag, contentType }: ObjectInfo): ObjectView {
  return { key, lengthBytes, modifiedAt, etag, ...(contentType === undefined ? {} : { contentType }) }
}

async function inRange<Value>(read: () => Promise<Value>): Promise<Value> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof RangeError) throw new StorageError('STORAGE_BAD_RANGE', error.message)
    throw error
  }
}
