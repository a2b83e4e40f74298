import type { S3Answer } from './http/answer.ts'
import type { S3Error } from './s3-error.ts'
import { writeXml } from './xml/write-xml.ts'

/** An error as S3 clients read it; without a body where none may be. */
export function errorAnswer(
  error: S3Error,
  asked: { readonly method: string; readonly path: string; readonly requestId: string },
): S3Answer {
  const { method, path, requestId } = asked
  const headers = { 'content-type': 'application/xml', ...error.headers }
  if (method === 'HEAD') return { status: error.status, headers }
  const document = writeXml(
    'Error',
    [
      ['Code', error.s3Code],
      ['Message', error.message],
      ...Object.entries(error.fields),
      ['Resource', path],
      ['RequestId', requestId],
    ],
    '',
  )
  return { status: error.status, headers, body: document }
}
