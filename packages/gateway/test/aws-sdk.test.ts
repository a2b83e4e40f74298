import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  paginateListObjectsV2,
  S3Client,
} from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RunningGateway, startGateway } from './system-ports.ts'

let running: RunningGateway
let client: S3Client

beforeAll(async () => {
  running = await startGateway()
  const { endpoint, credentials } = running
  client = new S3Client({ endpoint, credentials, region: 'us-east-1', forcePathStyle: true })
  await client.send(new CreateBucketCommand({ Bucket: 'sdk' }))
})
afterAll(async () => {
  client.destroy()
  await running.gateway.stop()
})

describe('the SDK of AWS', () => {
  test('gets back what it put', async () => {
    await client.send(new PutObjectCommand({ Bucket: 'sdk', Key: 'a b/ü+.txt', Body: 'hello' }))
    const got = await client.send(new GetObjectCommand({ Bucket: 'sdk', Key: 'a b/ü+.txt' }))
    expect(await got.Body?.transformToString()).toBe('hello')
  })
})
