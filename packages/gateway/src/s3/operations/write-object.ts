import type { PutOptions, WriteCondition } from '@stead/storage'
import { freedAfterUse } from '../body/freed-after-use.ts'
import type { S3Call } from '../call.ts'
import type { S3Answer } from '../http/answer.ts'
import { writeConditionOf } from '../http/conditions.ts'
import { descriptionOf, versionHeader } from '../http/object-headers.ts'
import { S3Error } from '../s3-error.ts'
import { orElse } from '../store-errors.ts'
import { copyObject } from './copy-object.ts'
import { defined } from './defined.ts'

/** PutObject; with a source in its headers CopyObject. */
export async function putObject(call: S3Call): Promise<S3Answer> {
  const { store, request, signal } = call
  const { bucket, key, headers } = request
  if (headers.get('x-amz-copy-source') !== undefined) return copyObject(call)
  const condition = writeConditionOf(headers)
  const description = descriptionOf(headers)
  const body = await call.openBody()
  await checkEarly(call, condition)
  const options: PutOptions = {
    ...description,
    ...defined({ condition }),
    etag: () => body.md5Hex(),
    signal,
  }
  const info = await onCondition(call, condition, store.put(bucket, key, freedAfterUse(body.bytes), options))
  return {
    status: 200,
    headers: { etag: `"${info.etag}"`, ...versionHeader(info.version), ...body.checksumHeaders },
  }
}

/** DeleteObject. */
export async function deleteObject(call: S3Call): Promise<S3Answer> {
  const { store, request } = call
  const version = request.query.get('versionId')
  const condition = writeConditionOf(request.headers)
  if (condition?.is === 'absent') throw new S3Error('NotImplemented')
  const deleting = store.delete(request.bucket, request.key, defined({ version, condition }))
  const info = await onCondition(call, condition, deleting)
  const marked: Readonly<Record<string, string>> = info?.isDeleted === true ? { 'x-amz-delete-marker': 'true' } : {}
  return { status: 204, headers: { ...marked, ...versionHeader(version ?? info?.version ?? 'null') } }
}

/** Refuses before the body is asked for what would be refused after it. @throws S3Error */
async function checkEarly(
  { store, request: { bucket, key } }: S3Call,
  condition: WriteCondition | undefined,
): Promise<void> {
  await store.bucket(bucket)
  if (condition === undefined) return
  const there = await store.head(bucket, key)
  if (condition.is === 'absent' && there !== undefined) throw new S3Error('PreconditionFailed')
  if (condition.is !== 'present') return
  if (there === undefined) throw new S3Error('NoSuchKey', { fields: { Key: key } })
  if (there.etag !== condition.etag) throw new S3Error('PreconditionFailed')
}

/** A write whose condition does not hold: what must be there is absent, or another one. */
export async function onCondition<Value>(
  { store, request: { bucket, key } }: S3Call,
  condition: WriteCondition | undefined,
  work: Promise<Value>,
): Promise<Value> {
  try {
    return await orElse(work, 'STORAGE_CONDITION', () => new S3Error('PreconditionFailed'))
  } catch (error) {
    const failed = error instanceof S3Error && error.s3Code === 'PreconditionFailed'
    if (!failed || condition?.is !== 'present' || (await store.head(bucket, key)) !== undefined) throw error
    throw new S3Error('NoSuchKey', { fields: { Key: key } })
  }
}
