import { createHash } from 'node:crypto'
import { createReadStream, openAsBlob } from 'node:fs'
import { etagOfParts } from '@stead/storage'

/** Bytes of one part of a file that is put: one segment. */
export const PART_BYTES: number = 16 * 1024 * 1024

/** MD5 of a part, as the network knows it. */
export async function md5Of(bytes: Blob): Promise<string> {
  const hash = createHash('md5')
  for await (const chunk of bytes.stream()) hash.update(chunk)
  return hash.digest('hex')
}

/**
 * Whether a file is shown to have the content of an etag; undefined where the etag cannot show it. It is the MD5 of all, or,
 * of parts of our own length, the MD5 of theirs; others may make as many parts of another length, so that false is no proof.
 */
export async function hasEtag(file: string, etag: string, lengthBytes: number): Promise<boolean | undefined> {
  if (/^[0-9a-f]{32}$/.test(etag)) {
    const hash = createHash('md5')
    for await (const chunk of createReadStream(file)) hash.update(chunk)
    return hash.digest('hex') === etag
  }
  const parts = Number(/^[0-9a-f]{32}-(\d+)$/.exec(etag)?.[1] ?? 0)
  if (parts === 0 || parts !== Math.max(1, Math.ceil(lengthBytes / PART_BYTES))) return undefined
  const blob = await openAsBlob(file)
  const etags: string[] = []
  for (let at = 0; at < parts * PART_BYTES; at += PART_BYTES) etags.push(await md5Of(blob.slice(at, at + PART_BYTES)))
  return etagOfParts(etags) === etag
}
