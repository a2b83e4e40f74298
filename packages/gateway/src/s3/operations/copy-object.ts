import type { S3Call } from '../call.ts'
import { type S3Answer, xmlAnswer } from '../http/answer.ts'
import { writeConditionOf } from '../http/conditions.ts'
import { descriptionOf, versionHeader } from '../http/object-headers.ts'
import { xmlTime } from '../owner.ts'
import { invalidArgument, S3Error } from '../s3-error.ts'
import { writeXml } from '../xml/write-xml.ts'
import { type CopySource, findCopySource, readCopySource } from './copy-source.ts'
import { defined } from './defined.ts'
import { onCondition } from './write-object.ts'

/** CopyObject: no bytes move; the description is the source's, or that of the request. */
export async function copyObject(call: S3Call): Promise<S3Answer> {
  const { store, request } = call
  const source = readCopySource(call)
  const directive = request.headers.get('x-amz-metadata-directive') ?? 'COPY'
  if (directive !== 'COPY' && directive !== 'REPLACE')
    throw invalidArgument('x-amz-metadata-directive', directive, 'The metadata directive is COPY or REPLACE.')
  const replace = directive === 'REPLACE' ? descriptionOf(request.headers) : undefined
  if (replace === undefined && isOnItself(call, source))
    throw new S3Error('InvalidRequest', {
      message: 'An object is copied onto itself only to give it other metadata: x-amz-metadata-directive: REPLACE',
    })
  const condition = writeConditionOf(request.headers)
  const from = await findCopySource(call, source)
  const copying = store.copy(
    { bucket: source.bucket, key: source.key, version: from.version },
    { bucket: request.bucket, key: request.key },
    defined({ replace, condition }),
  )
  const info = await onCondition(call, condition, copying)
  const document = writeXml('CopyObjectResult', [
    ['LastModified', xmlTime(info.modifiedAt)],
    ['ETag', `"${info.etag}"`],
  ])
  const answer = xmlAnswer(document)
  return {
    ...answer,
    headers: { ...answer.headers, ...versionHeader(info.version), ...sourceVersionHeader(from.version) },
  }
}

/** The header that names the version that was copied. */
export function sourceVersionHeader(version: string): Readonly<Record<string, string>> {
  return version === 'null' ? {} : { 'x-amz-copy-source-version-id': version }
}

function isOnItself({ request }: S3Call, source: CopySource): boolean {
  return source.version === undefined && source.bucket === request.bucket && source.key === request.key
}
