import { createHash, randomFillSync } from 'node:crypto'
import { closeSync, createReadStream, openSync, statSync, writeSync } from 'node:fs'
import { request as openRequest } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { presign, type Signer } from '../../packages/gateway/test/signing-client.ts'

const MIB = 1024 * 1024
const EXPIRES_SECONDS = 3600

/** One request to an S3 gateway. */
export interface Exchange {
  readonly method: 'GET' | 'PUT' | 'DELETE'
  readonly target: string
  /** Path of what is put. */
  readonly file?: string
  /** As HTTP says it: `bytes=0-0`. */
  readonly range?: string
}

/** One request to its end. @returns the SHA-256 of what came @throws when it is not answered 2xx */
export async function exchange(
  signer: Signer,
  { method, target, file, range }: Exchange,
): Promise<{ readonly digest: string }> {
  const { hostname, port } = new URL(signer.endpoint)
  const path = presign(signer, { method, target }, EXPIRES_SECONDS)
  const headers = {
    ...(file === undefined ? {} : { 'content-length': statSync(file).size }),
    ...(range === undefined ? {} : { range }),
  }
  const answered = Promise.withResolvers<{ readonly digest: string }>()
  const sending = openRequest({ hostname, port, path, method, headers }, (answer) => {
    const hash = createHash('sha256')
    answer.on('data', (bytes: Uint8Array) => hash.update(bytes))
    answer.on('error', answered.reject)
    answer.on('end', () => {
      const isFine = (answer.statusCode ?? 500) < 300
      if (isFine) answered.resolve({ digest: hash.digest('hex') })
      else answered.reject(new Error(`${method} ${target}: ${answer.statusCode}`))
    })
  })
  sending.on('error', answered.reject)
  if (file === undefined) sending.end()
  else await pipeline(createReadStream(file, { highWaterMark: MIB }), sending)
  return await answered.promise
}

/** Makes a file of whole mebibytes that nothing can make smaller. @returns its SHA-256 */
export function writeRandom(path: string, lengthBytes: number): string {
  const hash = createHash('sha256')
  const chunk = new Uint8Array(MIB)
  const file = openSync(path, 'w')
  for (let written = 0; written < lengthBytes; written += chunk.length) {
    randomFillSync(chunk)
    hash.update(chunk)
    writeSync(file, chunk)
  }
  closeSync(file)
  return hash.digest('hex')
}
