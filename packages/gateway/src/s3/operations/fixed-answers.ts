import { readXmlBody } from '../body/read-xml-body.ts'
import type { S3Operation } from '../call.ts'
import { xmlAnswer } from '../http/answer.ts'
import { headersOfObject } from '../http/object-headers.ts'
import { OWNER, OWNER_ID } from '../owner.ts'
import { S3Error } from '../s3-error.ts'
import type { S3ErrorCode } from '../s3-error-codes.ts'
import { childOf, type ReadElement } from '../xml/read-xml.ts'
import { writeXml, type XmlContent, type XmlNode } from '../xml/write-xml.ts'

/** What buckets do not have, with the code that says so. */
const ABSENT = {
  cors: 'NoSuchCORSConfiguration',
  encryption: 'ServerSideEncryptionConfigurationNotFoundError',
  lifecycle: 'NoSuchLifecycleConfiguration',
  'object-lock': 'ObjectLockConfigurationNotFoundError',
  policy: 'NoSuchBucketPolicy',
  policyStatus: 'NoSuchBucketPolicy',
  publicAccessBlock: 'NoSuchPublicAccessBlockConfiguration',
  replication: 'ReplicationConfigurationNotFoundError',
  tagging: 'NoSuchTagSet',
  website: 'NoSuchWebsiteConfiguration',
} as const satisfies Readonly<Record<string, S3ErrorCode>>

const OWNERSHIP: readonly XmlNode[] = [['Rule', [['ObjectOwnership', 'BucketOwnerEnforced']]]]

/** What is the same of all buckets: root element and content. */
const SAME: Readonly<Record<string, readonly [root: string, content: XmlContent]>> = {
  accelerate: ['AccelerateConfiguration', ''],
  acl: ['AccessControlPolicy', accessOfOwner()],
  logging: ['BucketLoggingStatus', ''],
  notification: ['NotificationConfiguration', ''],
  ownershipControls: ['OwnershipControls', OWNERSHIP],
  requestPayment: ['RequestPaymentConfiguration', [['Payer', 'BucketOwner']]],
}

/** Answers of buckets by the query that asks for them. */
export const FIXED_BUCKET_ANSWERS: readonly (readonly [subresource: string, answer: S3Operation])[] = [
  ...Object.entries(ABSENT).map(([name, code]) => [name, absent(code)] as const),
  ...Object.entries(SAME).map(([name, [root, content]]) => [name, same(root, content)] as const),
]

function absent(code: S3ErrorCode): S3Operation {
  return async ({ store, request }) => {
    await store.bucket(request.bucket)
    throw new S3Error(code, { fields: { BucketName: request.bucket } })
  }
}

function same(root: string, content: XmlContent): S3Operation {
  return async ({ store, request }) => {
    await store.bucket(request.bucket)
    return xmlAnswer(writeXml(root, content))
  }
}

/** GetObjectAcl: everything belongs to one owner. */
export const getObjectAcl: S3Operation = async (call) => {
  await existing(call)
  return xmlAnswer(writeXml('AccessControlPolicy', accessOfOwner()))
}

/** GetObjectTagging: no object has tags. */
export const getObjectTagging: S3Operation = async (call) => {
  await existing(call)
  return xmlAnswer(writeXml('Tagging', [['TagSet', '']]))
}

/** PutBucketAcl and PutObjectAcl: only what holds already, by its canned name or written out. */
export const putAcl: S3Operation = async (call) => {
  const { store, request } = call
  if (request.headers.get('x-amz-acl') === undefined) {
    const policy = await readXmlBody(call, 'AccessControlPolicy')
    const grants = childOf(policy, 'AccessControlList')?.children ?? []
    if (!grants.every(isToOwner)) throw new S3Error('AccessControlListNotSupported')
  }
  if (request.key === '') await store.bucket(request.bucket)
  else await existing(call)
  return { status: 200 }
}

/** GetObjectAttributes: entity tag, length and class; the others are left out. */
export const getObjectAttributes: S3Operation = async (call) => {
  const info = await existing(call)
  const wanted = (call.request.headers.get('x-amz-object-attributes') ?? '').split(',').map((name) => name.trim())
  const known: readonly XmlNode[] = [
    ['ETag', info.etag],
    ['StorageClass', 'STANDARD'],
    ['ObjectSize', info.lengthBytes],
  ]
  const answer = xmlAnswer(
    writeXml(
      'GetObjectAttributesResponse',
      known.filter(([name]) => wanted.includes(name)),
    ),
  )
  const { 'last-modified': modified = '', 'x-amz-version-id': version } = headersOfObject(info, call.request.query)
  const versioned = version === undefined ? {} : { 'x-amz-version-id': version }
  return { ...answer, headers: { ...answer.headers, 'last-modified': modified, ...versioned } }
}

function isToOwner(grant: ReadElement): boolean {
  const grantee = childOf(grant, 'Grantee')
  const isOwner = grantee !== undefined && childOf(grantee, 'ID')?.text === OWNER_ID
  return isOwner && childOf(grant, 'Permission')?.text === 'FULL_CONTROL'
}

async function existing({ store, request }: Parameters<S3Operation>[0]) {
  const version = request.query.get('versionId')
  const info = await store.head(request.bucket, request.key, version)
  if (info !== undefined && !info.isDeleted) return info
  throw new S3Error(version === undefined ? 'NoSuchKey' : 'NoSuchVersion', { fields: { Key: request.key } })
}

function accessOfOwner(): readonly XmlNode[] {
  const grantee = 'Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"'
  const grant: readonly XmlNode[] = [
    [
      grantee,
      [
        ['ID', OWNER_ID],
        ['DisplayName', 'stead'],
      ],
    ],
    ['Permission', 'FULL_CONTROL'],
  ]
  return [
    ['Owner', OWNER],
    ['AccessControlList', [['Grant', grant]]],
  ]
}
