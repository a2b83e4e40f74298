import { percentEncodePath } from '../http/percent-coding.ts'
import type { S3Request } from '../s3-request.ts'

/**
 * The text of a request that is hashed and signed (AWS Signature Version 4, as S3 has it: the path encoded once and not
 * normalised). Header values keep their bytes, one character each.
 */
export function canonicalRequest(request: S3Request, signedHeaders: readonly string[], payloadHash: string): string {
  const headers = signedHeaders.map((name) => {
    const values = request.headers.all(name).map((value) => value.trim().replace(/ +/g, ' '))
    return `${name}:${values.join(',')}\n`
  })
  return [
    request.method,
    percentEncodePath(request.path),
    request.query.canonical('X-Amz-Signature'),
    headers.join(''),
    signedHeaders.join(';'),
    payloadHash,
  ].join('\n')
}
