import { isBucketName } from '@stead/storage'
import { readWholeBody, readXmlBody } from '../body/read-xml-body.ts'
import type { S3Call } from '../call.ts'
import { type S3Answer, xmlAnswer } from '../http/answer.ts'
import { percentEncode } from '../http/percent-coding.ts'
import { OWNER, xmlTime } from '../owner.ts'
import { notImplemented, S3Error } from '../s3-error.ts'
import { childOf, readXml } from '../xml/read-xml.ts'
import { writeXml, type XmlNode } from '../xml/write-xml.ts'

/** ListBuckets: all of them, as many as there are. */
export async function listBuckets({ store, request, options }: S3Call): Promise<S3Answer> {
  const prefix = request.query.get('prefix') ?? ''
  const buckets = (await store.buckets()).filter(({ name }) => name.startsWith(prefix))
  const rows = buckets.map(({ name, createdAt }): XmlNode => {
    const row: readonly XmlNode[] = [
      ['Name', name],
      ['CreationDate', xmlTime(createdAt)],
      ['BucketRegion', options.region],
    ]
    return ['Bucket', row]
  })
  return xmlAnswer(
    writeXml('ListAllMyBucketsResult', [
      ['Owner', OWNER],
      ['Buckets', rows],
    ]),
  )
}

/** CreateBucket; a place that is asked for is taken note of by nobody: data is where the nodes are. */
export async function createBucket(call: S3Call): Promise<S3Answer> {
  const { bucket } = call.request
  if (!isBucketName(bucket)) throw new S3Error('InvalidBucketName', { fields: { BucketName: bucket.slice(0, 200) } })
  const body = await readWholeBody(call)
  if (body.length > 0) readXml(body, 'CreateBucketConfiguration')
  await call.store.createBucket(bucket)
  return { status: 200, headers: { location: `/${percentEncode(bucket)}` } }
}

/** HeadBucket. */
export async function headBucket({ store, request, options }: S3Call): Promise<S3Answer> {
  await store.bucket(request.bucket)
  return { status: 200, headers: { 'x-amz-bucket-region': options.region, 'content-type': 'application/xml' } }
}

/** DeleteBucket. */
export async function deleteBucket({ store, request }: S3Call): Promise<S3Answer> {
  await store.deleteBucket(request.bucket)
  return { status: 204 }
}

/** GetBucketLocation; the region that clients assume by themselves is spelt as nothing. */
export async function getBucketLocation({ store, request, options }: S3Call): Promise<S3Answer> {
  await store.bucket(request.bucket)
  return xmlAnswer(writeXml('LocationConstraint', options.region === 'us-east-1' ? '' : options.region))
}

/** GetBucketVersioning. */
export async function getBucketVersioning({ store, request }: S3Call): Promise<S3Answer> {
  const { versioning } = await store.bucket(request.bucket)
  const status = { off: undefined, on: 'Enabled', suspended: 'Suspended' }[versioning]
  return xmlAnswer(writeXml('VersioningConfiguration', [['Status', status]]))
}

/** PutBucketVersioning. */
export async function putBucketVersioning(call: S3Call): Promise<S3Answer> {
  const configuration = await readXmlBody(call, 'VersioningConfiguration')
  if (
    childOf(configuration, 'MfaDelete')?.text === 'Enabled' ||
    childOf(configuration, 'MFADelete')?.text === 'Enabled'
  )
    throw notImplemented('MFA delete')
  const status = childOf(configuration, 'Status')?.text
  if (status !== 'Enabled' && status !== 'Suspended') throw new S3Error('MalformedXML')
  await call.store.setVersioning(call.request.bucket, status === 'Enabled' ? 'on' : 'suspended')
  return { status: 200 }
}
