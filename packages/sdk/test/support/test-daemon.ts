import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CoreError } from '@stead/core'
import { DaemonClient, type DaemonConnection, SdkError } from '../../src/index.ts'

type Handler = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void

/** A real HTTP server on loopback that answers as the test says; checks the token as a daemon does. */
export class TestDaemon {
  readonly #server: Server
  readonly #handler: Handler
  token = 'secret'

  constructor(handler: Handler) {
    this.#handler = handler
    this.#server = createServer((request, response) => this.#serve(request, response))
  }

  async start(): Promise<DaemonConnection> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    const { port } = this.#server.address() as AddressInfo
    return { url: `http://127.0.0.1:${port}`, token: this.token }
  }

  /** Closes at once, in the middle of answers too, as a killed process does. */
  async kill(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      if (request.headers.authorization !== `Bearer ${this.token}`) {
        sendJson(response, 401, {
          type: 'urn:stead:error:API_UNAUTHORIZED',
          title: 'wrong token',
          status: 401,
          detail: 'Name the data directory',
          code: 'API_UNAUTHORIZED',
          kind: 'user',
          retryable: false,
          details: {},
        })
        return
      }
      this.#handler(request, response, Buffer.concat(chunks))
    })
  }
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(value))
}

/** A client of the connections that `connections` gives, one after the other; the last one stays. */
export function clientOf(...connections: readonly (DaemonConnection | undefined)[]): DaemonClient {
  let asked = 0
  return new DaemonClient(
    {
      connection: async () => {
        const connection = connections[Math.min(asked++, connections.length - 1)]
        if (connection === undefined) throw new SdkError('API_NO_DAEMON', 'no api.json')
        return connection
      },
      fetch: globalThis.fetch,
      clock: {
        sleep: async (_delayMs, signal) => {
          if (signal?.aborted === true) throw new CoreError('CORE_ABORTED', 'cancelled')
          await new Promise((resolve) => setImmediate(resolve))
        },
      },
    },
    { reconnectAttemptsMax: 5 },
  )
}
