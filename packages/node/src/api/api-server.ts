import { randomBytes } from 'node:crypto'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isSteadError, type Logger, messageOf } from '@stead/core'
import { NodeError } from '../errors.ts'
import { checkAccess, checkOrigin, pageHeaders } from './access.ts'
import type { ApiAccess } from './api-file.ts'
import { sendProblem } from './send-problem.ts'

/** Handles one request that was let in. */
export type RequestListener = (request: IncomingMessage, response: ServerResponse) => void

/** What the server needs. */
export interface ApiServerComponents {
  readonly logger: Logger
  /** Builds the routes; called at the first request that is let in. */
  readonly loadRoutes: () => Promise<RequestListener>
}

/** How the server listens. */
export interface ApiServerOptions {
  /** 0 lets the system choose. */
  readonly port: number
  /** Origins of web pages that may ask when they know the token. @default none */
  readonly origins?: readonly string[]
}

const HEADERS_TIMEOUT_MS = 10_000
/** An object may be of any length; who may not enter is turned away by its headers. */
const REQUEST_TIMEOUT_MS = 0

/**
 * The local HTTP API on 127.0.0.1. Who may enter is decided here, in front of everything; the routes with their
 * framework are loaded at the first request that is let in, because they take as much memory as the rest of an idle
 * node's own code.
 */
export class ApiServer {
  readonly #components: ApiServerComponents
  readonly #options: ApiServerOptions
  readonly #token = randomBytes(32).toString('base64url')
  readonly #server: Server
  #routes: Promise<RequestListener> | undefined
  #port = 0

  constructor(components: ApiServerComponents, options: ApiServerOptions) {
    this.#components = components
    this.#options = options
    // Not by `import`, which would evaluate all exports of node:http, and with them Node's fetch and HTTP/2: 13 MB.
    this.#server = process
      .getBuiltinModule('node:http')
      .createServer({ headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
        void this.#serve(request, response)
      })
  }

  /** @throws NodeError NODE_PORT_TAKEN */
  async start(): Promise<ApiAccess> {
    const { port } = this.#options
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (cause) => reject(portError(port, cause)))
      this.#server.listen({ host: '127.0.0.1', port }, resolve)
    })
    this.#port = (this.#server.address() as AddressInfo).port
    return { url: `http://127.0.0.1:${this.#port}`, token: this.#token, pid: process.pid }
  }

  /** Takes no more requests and ends the open ones. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const { origins = [] } = this.#options
      const rules = { token: this.#token, port: this.#port, origins }
      const headers = pageHeaders(request.headers.origin, rules)
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
      if (request.method === 'OPTIONS' && headers['access-control-allow-origin'] !== undefined) {
        checkOrigin(request.headers, rules)
        response.writeHead(204).end()
        return
      }
      checkAccess(request.headers, rules)
      this.#routes ??= this.#components.loadRoutes()
      const listener = await this.#routes
      listener(request, response)
    } catch (error) {
      if (!isSteadError(error)) this.#components.logger.error('api failed', { error: messageOf(error) })
      sendProblem(response, error)
    }
  }
}

function portError(port: number, cause: Error & { code?: string }): Error {
  if (cause.code !== 'EADDRINUSE' && cause.code !== 'EACCES') return cause
  const why = cause.code === 'EACCES' ? 'not allowed to this user' : 'taken by another program'
  return new NodeError('NODE_PORT_TAKEN', `port ${port} of 127.0.0.1 is ${why}`, { details: { port }, cause })
}
