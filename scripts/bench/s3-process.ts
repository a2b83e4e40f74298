// A process that serves for `npm run bench -- s3`. `gateway`: the gateway over a store that makes up what it gives and
// drops what it takes; `plain`: node:http alone that sends and takes the same bytes. Prints one line of JSON with its
// address; answers every line of standard input with its resident bytes.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import type { ObjectStore } from '@stead/storage'
import { startGateway } from '../../packages/gateway/test/system-ports.ts'

const CHUNK = new Uint8Array(256 * 1024).fill(7)

/** So many bytes, as copies of a chunk: whoever takes them gives their memory back. */
async function* made(lengthBytes: number): AsyncGenerator<Uint8Array> {
  for (let left = lengthBytes; left > 0; left -= CHUNK.length) yield CHUNK.slice(0, left)
}

/** A store with a bucket `bench`; its keys are the lengths of its objects. */
function bottomless(store: ObjectStore): ObjectStore {
  const infoOf = (key: string) => ({
    ...{ key, version: 'null', isLatest: true, isDeleted: false, lengthBytes: Number(key), modifiedAt: 0 },
    ...{ etag: 'e'.repeat(32), contentType: undefined, metadata: {} },
  })
  const odd = {
    head: (_bucket: string, key: string) => Promise.resolve(infoOf(key)),
    get: (_bucket: string, key: string) =>
      Promise.resolve({ info: infoOf(key), fromByte: 0, toByte: Number(key), body: made(Number(key)) }),
    put: async (_bucket: string, key: string, body: AsyncIterable<Uint8Array>, options: { etag?: () => string }) => {
      let lengthBytes = 0
      for await (const bytes of body) lengthBytes += bytes.length
      return { ...infoOf(key), lengthBytes, etag: options.etag?.() }
    },
  }
  return Object.assign(store, odd)
}

async function serveGateway(): Promise<object> {
  const { endpoint, credentials, store } = await startGateway({}, bottomless)
  await store.createBucket('bench')
  return { endpoint, credentials }
}

async function answerPlainly(message: IncomingMessage, response: ServerResponse): Promise<void> {
  if (message.method === 'PUT') {
    for await (const bytes of message) if (bytes.length === 0) throw new Error('an empty chunk')
    response.end()
    return
  }
  const lengthBytes = Number((message.url ?? '').split('/').at(-1))
  response.writeHead(200, { 'content-length': lengthBytes })
  for await (const bytes of made(lengthBytes))
    if (!response.write(bytes)) await new Promise((resolve) => response.once('drain', resolve))
  response.end()
}

async function servePlainly(): Promise<object> {
  const server = createServer((message, response) => void answerPlainly(message, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

const place = process.argv[2] === 'gateway' ? await serveGateway() : await servePlainly()
process.stdout.write(`${JSON.stringify(place)}\n`)
createInterface({ input: process.stdin }).on('line', () => {
  process.stdout.write(`${JSON.stringify({ rssBytes: process.memoryUsage().rss })}\n`)
})
