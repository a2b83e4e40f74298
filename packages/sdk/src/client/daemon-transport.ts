import { hasCode } from '@stead/core'
import { type Route, STREAM_TYPE } from '../api/route.ts'
import { describeIssues, type Wire } from '../api/scalars.ts'
import { SdkError } from '../errors.ts'
import { decoded, failureOf, textOf } from './daemon-answers.ts'
import { streamOf } from './web-streams.ts'

/** Where a daemon listens and what it wants to hear: the content of its api.json. */
export interface DaemonConnection {
  /** For example `http://127.0.0.1:4310`. */
  readonly url: string
  readonly token: string
  /**
   * What a person should do when nobody answers there.
   * @default the next step of API_NO_DAEMON
   */
  readonly next?: string
}

/** What any call may be given. */
export interface CallOptions {
  readonly signal?: AbortSignal
}

/** What a route is asked with. */
export interface DaemonRequest<Body, Query> extends CallOptions {
  readonly id?: string
  readonly body?: Body
  readonly query?: Query
  readonly headers?: Readonly<Record<string, string>>
}

/** What a {@link DaemonTransport} works with. */
export interface TransportComponents {
  /**
   * Gives the connection; asked once, and again after a connection failed, because a daemon that was started again
   * listens elsewhere. Throws SdkError API_NO_DAEMON while there is none.
   */
  readonly connection: () => Promise<DaemonConnection>
  readonly fetch: typeof globalThis.fetch
}

/**
 * Sends requests to a daemon, wherever it listens now. Throws what the daemon threw, with its code, and besides SdkError
 * API_NO_DAEMON, API_UNAUTHORIZED, API_BAD_REQUEST, API_BAD_RESPONSE, API_INTERRUPTED.
 */
export class DaemonTransport {
  readonly #components: TransportComponents
  #connection: Promise<DaemonConnection> | undefined

  constructor(components: TransportComponents) {
    this.#components = components
  }

  /** What the daemon answers. */
  async ask<Body, Query, Answer>(
    route: Route<Body, Query, Answer>,
    request: DaemonRequest<Body, Query>,
  ): Promise<Answer> {
    const response = await this.fetch(route, request)
    return decoded(route, await textOf(response))
  }

  /** The answer of the daemon, not read yet. A daemon that was started again is found again. */
  async fetch<Body, Query, Answer>(
    route: Route<Body, Query, Answer>,
    request: DaemonRequest<Body, Query>,
  ): Promise<Response> {
    const used = await this.#connect()
    try {
      return await this.#send(used, route, request)
    } catch (error) {
      if (!isStale(error)) throw error
      // A daemon that was started again has another port and token.
      this.forget()
      // What has been read of a body that comes once cannot be sent again: the rest would be kept as the whole.
      if (route.body === 'stream' && !isRepeatable(request.body)) throw error
      const fresh = await this.#connect()
      if (fresh.url === used.url && fresh.token === used.token) throw error
      return await this.#send(fresh, route, request)
    }
  }

  /** Asks for the connection anew with the next call: a daemon that was started again listens elsewhere. */
  forget(): void {
    this.#connection = undefined
  }

  async #connect(): Promise<DaemonConnection> {
    this.#connection ??= this.#components.connection()
    const connecting = this.#connection
    try {
      return await connecting
    } catch (error) {
      if (this.#connection === connecting) this.#connection = undefined
      throw error
    }
  }

  async #send<Body, Query, Answer>(
    connection: DaemonConnection,
    route: Route<Body, Query, Answer>,
    request: DaemonRequest<Body, Query>,
  ): Promise<Response> {
    const { body, type } = bodyTextOf(route, request.body)
    const { path, secrets } = pathOf(route, request)
    const authorization = `Bearer ${connection.token}`
    const headers: Record<string, string> = { authorization, ...request.headers, ...secrets }
    if (type !== undefined) headers['content-type'] = type
    // Browsers refuse their fetch as a method of anything else.
    const { fetch } = this.#components
    let response: Response
    try {
      response = await fetch(`${connection.url}${path}`, {
        method: route.method,
        headers,
        body: body ?? null,
        // A body that is still being made cannot be answered before its end.
        ...(body instanceof ReadableStream ? { duplex: 'half' } : {}),
        signal: request.signal ?? null,
        redirect: 'error',
      })
    } catch (cause) {
      if (request.signal?.aborted === true) throw cause
      const { url, next } = connection
      throw new SdkError('API_NO_DAEMON', `no node answers at ${url}`, {
        cause,
        details: { url },
        ...(next === undefined ? {} : { next }),
      })
    }
    if (!response.ok) throw await failureOf(response)
    return response
  }
}

/** Where a request goes, and what of its query is said in headers. */
function pathOf<Query>(
  route: Route<never, Query, unknown> | Route<unknown, Query, unknown>,
  request: { readonly id?: string; readonly query?: Query },
): { readonly path: string; readonly secrets: Readonly<Record<string, string>> } {
  const path = request.id === undefined ? route.path : route.path.replace(':id', encodeURIComponent(request.id))
  if (route.query === undefined || request.query === undefined) return { path, secrets: {} }
  const query = { ...(route.query.encode(request.query) as Record<string, string>) }
  const secrets: Record<string, string> = {}
  if (route.secret !== undefined) {
    const { member, header } = route.secret
    secrets[header] = headerText(query[member])
    delete query[member]
  }
  const text = new URLSearchParams(query).toString()
  return { path: text === '' ? path : `${path}?${text}`, secrets }
}

/** What no header can have is in no link either: the daemon says so. */
function headerText(text = ''): string {
  return text.trim().replaceAll(/[^\u0021-\u007e]/gu, '?')
}

function bodyTextOf<Body>(
  route: { readonly body: Wire<Body> | 'bytes' | 'stream' | undefined },
  body: Body | undefined,
): { readonly body?: NonNullable<RequestInit['body']>; readonly type?: string } {
  if (route.body === undefined || body === undefined) return {}
  if (route.body === 'bytes')
    return { body: body as NonNullable<RequestInit['body']>, type: 'application/octet-stream' }
  if (route.body === 'stream') {
    const whole = isRepeatable(body) ? (body as NonNullable<RequestInit['body']>) : undefined
    return { body: whole ?? streamOf(body as AsyncIterable<Uint8Array>), type: STREAM_TYPE }
  }
  const checked = route.body.safeEncode(body)
  if (!checked.success) throw new SdkError('API_BAD_REQUEST', describeIssues(checked.error))
  return { body: JSON.stringify(checked.data), type: 'application/json' }
}

function isRepeatable(body: unknown): boolean {
  return body instanceof Uint8Array || body instanceof Blob
}

function isStale(error: unknown): boolean {
  return hasCode(error, 'API_NO_DAEMON') || hasCode(error, 'API_UNAUTHORIZED')
}
