import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import type { ContentId } from '@stead/core'

const TOKEN = 'a-token-of-this-test'

/** The part of a node's HTTP API that is about epochs, over documents that a test made. */
export class NodeApi {
  /** What `GET` and `POST` of a path answer, as JSON. */
  readonly answers: Map<string, unknown> = new Map()
  readonly #documents: ReadonlyMap<ContentId, Uint8Array>
  readonly #server: Server

  constructor(documents: ReadonlyMap<ContentId, Uint8Array>) {
    this.#documents = documents
    this.#server = createServer((request, response) => {
      if (request.headers.authorization !== `Bearer ${TOKEN}`) return void response.writeHead(401).end()
      const path = request.url ?? ''
      const document = this.#documents.get(path.replace('/v1/documents/', '') as ContentId)
      if (document !== undefined) return void response.end(document)
      const answer = this.answers.get(`${request.method} ${path}`)
      if (answer !== undefined) return void response.end(JSON.stringify(answer))
      response.writeHead(404, { 'content-type': 'application/problem+json' })
      response.end(JSON.stringify(problemOf(path)))
    })
  }

  /** Listens, and writes the access file into a data folder. */
  async start(dataDir: string): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    const { port } = this.#server.address() as { port: number }
    const access = { url: `http://127.0.0.1:${port}`, token: TOKEN, pid: process.pid }
    writeFileSync(join(dataDir, 'api.json'), JSON.stringify(access))
  }

  async stop(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }
}

/** What the node says where it has nothing: only epochs that are not over are asked for by a test otherwise. */
function problemOf(path: string): object {
  const isDocument = path.startsWith('/v1/documents/')
  const isLogs = path.endsWith('/logs')
  const code = isDocument ? 'EPOCHS_DOCUMENT_UNKNOWN' : isLogs ? 'NODE_ROUTE_UNKNOWN' : 'EPOCHS_NOT_OVER'
  return {
    type: 'urn:stead:error',
    title: isDocument ? 'nobody has this document' : isLogs ? 'there is no such route' : 'the epoch is not over',
    status: 404,
    detail: 'Ask again later.',
    code,
    kind: 'system',
    retryable: true,
    details: {},
  }
}
