import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Clock, type Logger, messageOf } from '@stead/core'
import type { ObjectStore } from '@stead/storage'
import type { S3GatewayOptions } from '../options.ts'
import { authenticate } from './auth/authenticate.ts'
import { readClientBody } from './body/client-body.ts'
import { openBody } from './body/open-body.ts'
import { PaceGuard } from './body/pace-guard.ts'
import { type S3Answer, sendAnswer } from './http/answer.ts'
import { firstOf } from './http/first-of.ts'
import { refuseUnsupported } from './operations/refuse-unsupported.ts'
import { routeOf } from './operations/route.ts'
import { S3Error } from './s3-error.ts'
import { errorAnswer } from './s3-error-answer.ts'
import { readRequest } from './s3-request.ts'
import { s3ErrorOf } from './store-errors.ts'

/** How long the rest of a refused body may take: long enough for the client to read why, then the connection goes. */
const LINGER_MS = 2000

/** What an exchange is made with. */
export interface S3ExchangeComponents {
  readonly store: ObjectStore
  readonly clock: Clock
  readonly logger: Logger
}

/** One request and its answer on one connection. */
export class S3Exchange {
  readonly #components: S3ExchangeComponents
  readonly #options: S3GatewayOptions
  readonly #message: IncomingMessage
  readonly #response: ServerResponse
  readonly #pace: PaceGuard
  readonly #gone = new AbortController()
  #awaitsContinue: boolean

  /** @param awaitsContinue the client sends its body only when it is told to go on */
  constructor(
    components: S3ExchangeComponents,
    options: S3GatewayOptions,
    wire: { readonly message: IncomingMessage; readonly response: ServerResponse; readonly awaitsContinue: boolean },
  ) {
    this.#components = components
    this.#options = options
    this.#message = wire.message
    this.#response = wire.response
    this.#awaitsContinue = wire.awaitsContinue
    this.#pace = new PaceGuard(components.clock, options)
  }

  /** Answers, whatever happens; resolves when the client has the answer or is gone. */
  async run(requestId: string): Promise<void> {
    const response = this.#response
    response.once('close', () => {
      if (!response.writableFinished) this.#gone.abort()
    })
    response.setHeader('x-amz-request-id', requestId)
    response.setHeader('server', 'Stead')
    try {
      await sendAnswer(response, await this.#answer(requestId), this.#pace)
    } catch (error) {
      await this.#refuse(error, requestId)
    }
    await this.#leave()
  }

  async #answer(requestId: string): Promise<S3Answer> {
    const { clock, logger, store } = this.#components
    const request = readRequest(this.#message, this.#options.domains)
    const signed = authenticate(request, this.#options.credentials, clock.now())
    const run = routeOf(request)
    refuseUnsupported(request)
    logger.debug('S3 request', { requestId, method: request.method, bucket: request.bucket })
    return run({
      request,
      store,
      options: this.#options,
      signal: this.#gone.signal,
      openBody: () =>
        openBody(
          request,
          signed,
          readClientBody(this.#message, this.#pace, () => this.#goOn()),
        ),
    })
  }

  #goOn(): void {
    if (this.#awaitsContinue) this.#response.writeContinue()
    this.#awaitsContinue = false
  }

  async #refuse(cause: unknown, requestId: string): Promise<void> {
    const { logger } = this.#components
    const error = s3ErrorOf(cause)
    if (this.#response.destroyed) return
    if (error.status >= 500 && error.s3Code !== 'NotImplemented')
      logger.warn('S3 request failed', { requestId, code: error.s3Code, error: messageOf(cause) })
    if (this.#response.headersSent) {
      // The head has said how long the body is: an answer that is cut short is the only way to say that it failed.
      this.#response.destroy()
      return
    }
    const path = (this.#message.url ?? '/').split('?', 1)[0] ?? '/'
    await sendAnswer(
      this.#response,
      errorAnswer(error, { method: this.#message.method ?? 'GET', path, requestId }),
      this.#pace,
    )
  }

  /** Sees to it that neither a client that does not take the end nor one that sends on for ever keeps the connection. */
  async #leave(): Promise<void> {
    const response = this.#response
    try {
      if (!response.destroyed && !response.writableFinished)
        await this.#pace.wait(firstOf([response, 'finish'], [response, 'close']))
    } catch (error) {
      if (!(error instanceof S3Error)) throw error
      response.destroy()
    }
    const message = this.#message
    const { socket } = message
    if (message.complete || message.destroyed || socket.destroyed) return
    const timer = this.#components.clock.setTimer(LINGER_MS, () => socket.destroy())
    message.resume()
    // Once it is answered a message does not tell that its connection is gone.
    await firstOf([message, 'end'], [socket, 'close'])
    timer.clear()
  }
}
