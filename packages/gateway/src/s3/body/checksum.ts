import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { IHasher } from 'hash-wasm'
import { notImplemented, S3Error } from '../s3-error.ts'
import type { S3Request } from '../s3-request.ts'

/** A checksum being taken over bytes as they pass. */
export interface Checksum {
  update(bytes: Uint8Array): void
  digest(): Buffer
}

interface Algorithm {
  readonly lengthBytes: number
  start(): Checksum | Promise<Checksum>
}

/** Loaded with the first client that wants them: most send what Node.js has, and it takes 2 MB. */
const wasmHashes = (): Promise<typeof import('hash-wasm')> => import('hash-wasm')

/** By the name behind `x-amz-checksum-`. */
const ALGORITHMS: ReadonlyMap<string, Algorithm> = new Map<string, Algorithm>([
  ['crc32', { lengthBytes: 4, start: startCrc32 }],
  ['crc32c', { lengthBytes: 4, start: async () => ofWasm(await (await wasmHashes()).createCRC32(0x82f63b78)) }],
  [
    'crc64nvme',
    { lengthBytes: 8, start: async () => ofWasm(await (await wasmHashes()).createCRC64('9a6c9329ac4bc9b5')) },
  ],
  ['sha1', { lengthBytes: 20, start: () => createHash('sha1') }],
  ['sha256', { lengthBytes: 32, start: () => createHash('sha256') }],
])

/** Headers that begin alike and are no checksums. */
const NO_CHECKSUMS = new Set(['algorithm', 'mode', 'type'])

const PREFIX = 'x-amz-checksum-'

/** The checksum that a client sends with a body. */
export interface ExpectedChecksum {
  /** The header that says it, here or in the trailer. */
  readonly header: string
  /** Base64; undefined when it comes in the trailer. */
  readonly value: string | undefined
  readonly running: Checksum
}

/** Which checksum comes with a request, if any. @throws S3Error InvalidRequest, NotImplemented */
export async function expectedChecksum({ headers }: S3Request): Promise<ExpectedChecksum | undefined> {
  const given = headers.names.filter((name) => name.startsWith(PREFIX) && !NO_CHECKSUMS.has(name.slice(PREFIX.length)))
  const trailer = headers.get('x-amz-trailer')?.trim().toLowerCase()
  const all = trailer === undefined ? given : [...given, trailer]
  const [header] = all
  if (header === undefined) {
    if (headers.get('x-amz-sdk-checksum-algorithm') === undefined) return undefined
    throw new S3Error('InvalidRequest', {
      message: 'x-amz-sdk-checksum-algorithm is there, but no x-amz-checksum- or x-amz-trailer header.',
    })
  }
  if (all.length > 1) throw new S3Error('InvalidRequest', { message: 'At most one x-amz-checksum- header is taken.' })
  const algorithm = header.startsWith(PREFIX) ? ALGORITHMS.get(header.slice(PREFIX.length)) : undefined
  if (algorithm === undefined) throw notImplemented(`checksum or trailer ${header.slice(0, 100)}`)
  const value = headers.get(header)
  if (value !== undefined) checkForm(header, value)
  return { header, value, running: await algorithm.start() }
}

/** Compares what came with what was counted; base64. @throws S3Error InvalidRequest, BadDigest */
export function settleChecksum(expected: ExpectedChecksum, trailers: ReadonlyMap<string, string>): string {
  const { header } = expected
  const given = expected.value ?? trailers.get(header)
  if (given === undefined) throw new S3Error('InvalidRequest', { message: `The trailer ${header} did not come.` })
  checkForm(header, given)
  const counted = expected.running.digest().toString('base64')
  if (counted !== given) throw new S3Error('BadDigest', { message: `${header} is not that of the bytes that came.` })
  return counted
}

function checkForm(header: string, value: string): void {
  const lengthBytes = ALGORITHMS.get(header.slice(PREFIX.length))?.lengthBytes
  const bytes = Buffer.from(value, 'base64')
  if (bytes.length !== lengthBytes || bytes.toString('base64') !== value)
    throw new S3Error('InvalidRequest', { message: `${header} must be the base64 of ${lengthBytes} bytes.` })
}

function startCrc32(): Checksum {
  let state = 0
  return {
    update: (bytes) => {
      state = crc32(bytes, state)
    },
    digest: () => {
      const bytes = Buffer.alloc(4)
      bytes.writeUInt32BE(state)
      return bytes
    },
  }
}

function ofWasm(hasher: IHasher): Checksum {
  hasher.init()
  return {
    update: (bytes) => {
      hasher.update(bytes)
    },
    digest: () => Buffer.from(hasher.digest('binary')),
  }
}
