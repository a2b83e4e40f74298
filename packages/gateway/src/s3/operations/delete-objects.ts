import type { ObjectStore, WriteCondition } from '@stead/storage'
import { readXmlBody } from '../body/read-xml-body.ts'
import type { S3Call } from '../call.ts'
import { type S3Answer, xmlAnswer } from '../http/answer.ts'
import { plainEtag } from '../http/conditions.ts'
import { notImplemented, S3Error } from '../s3-error.ts'
import { KEY_BYTES_MAX } from '../s3-request.ts'
import { s3ErrorOf } from '../store-errors.ts'
import { childOf, type ReadElement } from '../xml/read-xml.ts'
import { writeXml, type XmlNode } from '../xml/write-xml.ts'
import { defined } from './defined.ts'

const OBJECTS_MAX = 1000
/** How many are deleted at once: enough to hide the way to the store, few enough for others to come between. */
const AT_ONCE = 16

interface Deletion {
  readonly key: string
  readonly version: string | undefined
  readonly condition: WriteCondition | undefined
  /** What cannot be asked of us; a refusal of this one alone. */
  readonly hasOthers: boolean
}

/** DeleteObjects: up to 1,000 keys; each one's failure is its own. */
export async function deleteObjects(call: S3Call): Promise<S3Answer> {
  const root = await readXmlBody(call, 'Delete')
  const isQuiet = childOf(root, 'Quiet')?.text.trim() === 'true'
  const deletions = root.children.filter(({ name }) => name === 'Object').map(readDeletion)
  if (deletions.length === 0 || deletions.length > OBJECTS_MAX)
    throw new S3Error('MalformedXML', { message: `Between 1 and ${OBJECTS_MAX} objects are deleted at once.` })
  await call.store.bucket(call.request.bucket)
  const rows: XmlNode[] = []
  for (let index = 0; index < deletions.length; index += AT_ONCE) {
    const group = deletions.slice(index, index + AT_ONCE)
    rows.push(...(await Promise.all(group.map((deletion) => deleteOne(call, deletion)))))
  }
  return xmlAnswer(
    writeXml(
      'DeleteResult',
      rows.filter(([name]) => !isQuiet || name === 'Error'),
    ),
  )
}

function readDeletion(element: ReadElement): Deletion {
  const key = childOf(element, 'Key')?.text
  if (key === undefined || key === '') throw new S3Error('MalformedXML', { message: 'An object to delete has a key.' })
  const etag = childOf(element, 'ETag')?.text
  return {
    key,
    version: childOf(element, 'VersionId')?.text,
    condition: etag === undefined ? undefined : { is: 'present', etag: plainEtag(etag) },
    hasOthers: childOf(element, 'LastModifiedTime') !== undefined || childOf(element, 'Size') !== undefined,
  }
}

async function deleteOne({ store, request }: S3Call, deletion: Deletion): Promise<XmlNode> {
  const { key, version } = deletion
  try {
    if (Buffer.byteLength(key) > KEY_BYTES_MAX) throw new S3Error('KeyTooLongError')
    if (deletion.hasOthers) throw notImplemented('deletion on condition of a time or size')
    const marker = await deleteIn(store, request.bucket, deletion)
    const row: readonly XmlNode[] = [
      ['Key', key],
      ['VersionId', version],
      ['DeleteMarker', marker === undefined ? undefined : true],
      ['DeleteMarkerVersionId', marker],
    ]
    return ['Deleted', row]
  } catch (error) {
    const { s3Code, message } = s3ErrorOf(error)
    const row: readonly XmlNode[] = [
      ['Key', key],
      ['VersionId', version],
      ['Code', s3Code],
      ['Message', message],
    ]
    return ['Error', row]
  }
}

/** The version of the deletion that was made or taken away; undefined when it was none. */
async function deleteIn(store: ObjectStore, bucket: string, deletion: Deletion): Promise<string | undefined> {
  const { key, version, condition } = deletion
  const info = await store.delete(bucket, key, defined({ version, condition }))
  return info?.isDeleted === true ? info.version : undefined
}
