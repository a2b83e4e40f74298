import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { type Clock, type Logger, messageOf, type Random } from '@stead/core'
import type { ObjectStore } from '@stead/storage'
import { GatewayError } from '../errors.ts'
import { type S3GatewayInput, type S3GatewayOptions, s3GatewayOptionsSchema } from '../options.ts'
import { S3Exchange } from './s3-exchange.ts'

/** Longer than clients keep a connection that they do not use: it is they who close it, not we while they send. */
const KEEP_ALIVE_MS = 65_000
const REQUEST_ID_BYTES = 8

/** What a gateway is made with. */
export interface S3GatewayComponents {
  readonly store: ObjectStore
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/** An S3 server over an object store: for programs that know S3 and nothing of Stead. */
export class S3Gateway {
  readonly #components: S3GatewayComponents
  readonly #options: S3GatewayOptions
  readonly #running = new Set<Promise<void>>()
  #server: Server | undefined

  /** @throws ZodError for options that are not valid */
  constructor(components: S3GatewayComponents, options: S3GatewayInput) {
    this.#components = components
    this.#options = Object.freeze(s3GatewayOptionsSchema.parse(options))
  }

  /** Begins to listen; resolves with the address for clients. @throws GatewayError GATEWAY_LISTEN_FAILED */
  async start(): Promise<string> {
    const { headersTimeoutMs, headerBytesMax, connectionsMax, host, port } = this.#options
    const server = createServer({
      headersTimeout: headersTimeoutMs,
      connectionsCheckingInterval: Math.max(50, Math.floor(headersTimeoutMs / 4)),
      // Bodies have a pace to keep, not a time: the largest objects take hours.
      requestTimeout: 0,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: headerBytesMax,
      noDelay: true,
    })
    server.maxConnections = connectionsMax
    // Bounded by their bytes; by number they would be dropped without a word.
    server.maxHeadersCount = 0
    server.on('request', (message, response) => this.#serve(message, response, false))
    server.on('checkContinue', (message, response) => this.#serve(message, response, true))
    server.on('clientError', refuseConnection)
    await listening(server, host, port)
    this.#server = server
    const { address, family, port: chosen } = server.address() as AddressInfo
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${chosen}`
  }

  /** Takes no more requests, gives those that run a moment, and ends them. */
  async stop(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    const { promise: closed, resolve } = Promise.withResolvers<void>()
    server.close(() => resolve())
    server.closeIdleConnections()
    const timer = this.#components.clock.setTimer(this.#options.stopGraceMs, () => server.closeAllConnections())
    await Promise.all(this.#running)
    timer.clear()
    server.closeAllConnections()
    await closed
  }

  #serve(message: IncomingMessage, response: ServerResponse, awaitsContinue: boolean): void {
    const requestId = Buffer.from(this.#components.random.bytes(REQUEST_ID_BYTES)).toString('hex').toUpperCase()
    const exchange = new S3Exchange(this.#components, this.#options, { message, response, awaitsContinue })
    const running = exchange.run(requestId).catch((error: unknown) => {
      this.#components.logger.error('S3 exchange broke off', { requestId, error: messageOf(error) })
      response.destroy()
    })
    this.#running.add(running)
    void running.finally(() => this.#running.delete(running))
  }
}

/** Answers what is no HTTP, is too large or too slow, as far as the connection still can. */
function refuseConnection(error: NodeJS.ErrnoException, socket: Socket): void {
  const status =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request'
  if (socket.writable) socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
  socket.destroySoon()
}

function listening(server: Server, host: string, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const fail = (cause: Error): void => {
    reject(new GatewayError('GATEWAY_LISTEN_FAILED', `cannot listen on ${host}:${port}: ${cause.message}`, { cause }))
  }
  server.once('error', fail)
  server.listen(port, host, () => {
    server.off('error', fail)
    resolve()
  })
  return promise
}
