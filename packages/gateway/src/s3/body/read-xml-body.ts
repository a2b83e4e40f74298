import type { S3Call } from '../call.ts'
import { S3Error } from '../s3-error.ts'
import { type ReadElement, readXml } from '../xml/read-xml.ts'

/** Reads the whole body, checked. @throws S3Error MaxMessageLengthExceeded */
export async function readWholeBody(call: S3Call): Promise<Uint8Array> {
  const { bytes } = await call.openBody()
  const parts: Uint8Array[] = []
  let lengthBytes = 0
  for await (const part of bytes) {
    lengthBytes += part.length
    if (lengthBytes > call.options.xmlBytesMax) throw new S3Error('MaxMessageLengthExceeded')
    parts.push(part)
  }
  return Buffer.concat(parts)
}

/** Reads the body as a document with this root. @throws S3Error MissingRequestBodyError, MalformedXML */
export async function readXmlBody(call: S3Call, root: string): Promise<ReadElement> {
  const bytes = await readWholeBody(call)
  if (bytes.length === 0) throw new S3Error('MissingRequestBodyError')
  return readXml(bytes, root)
}
