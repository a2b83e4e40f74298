import { Readable } from 'node:stream'
import fastifySwagger from '@fastify/swagger'
import { isSteadError, type Logger } from '@stead/core'
import { SdkError } from '@stead/sdk'
import {
  type AnswerForm,
  BLOB_BYTES_MAX,
  describeIssues,
  OBJECT_HEADER,
  type ObjectStream,
  type Route,
  routes,
  type SharedStream,
  STREAM_TYPE,
  type Wire,
} from '@stead/sdk/api'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { z } from 'zod'
import { NodeError } from '../errors.ts'
import type { RequestListener } from './api-server.ts'
import { encodeEvents, encodeLines } from './encode-stream.ts'
import type { ApiRequest, Handlers } from './handlers.ts'
import { PROBLEM_TYPE, problemFor } from './send-problem.ts'

/** Largest JSON body: a job of 100,000 tasks. */
const JSON_BYTES_MAX = 128 * 1024 * 1024

/** What the routes need. */
export interface RoutesComponents {
  readonly logger: Logger
  readonly handlers: Handlers
  /** The page for a Prometheus server. */
  readonly renderMetrics: () => string
  /** Aborts when the node stops. */
  readonly stopping: AbortSignal
}

interface Exchange {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

type AnyRoute = Route<unknown, unknown, unknown>
type AnyHandler = (request: ApiRequest<unknown, unknown>) => Promise<unknown>

/** Builds the routes of the API and its description at /openapi.json. */
export async function createRoutes(components: RoutesComponents): Promise<RequestListener> {
  const { promise: listener, resolve } = Promise.withResolvers<RequestListener>()
  const app = Fastify({
    logger: false,
    bodyLimit: JSON_BYTES_MAX,
    // A path that the router itself refuses: badly escaped, or too long.
    frameworkErrors: (error, request, reply) => replyProblem(components.logger, error, { request, reply }),
    serverFactory: (handler) => {
      resolve(handler)
      // Never listened on: requests come from the server that decided who may enter.
      return new NoServer() as never
    },
  })
  app.setValidatorCompiler(() => () => true)
  app.setSerializerCompiler(() => (value) => JSON.stringify(value))
  app.addContentTypeParser(
    'application/octet-stream',
    { parseAs: 'buffer', bodyLimit: BLOB_BYTES_MAX },
    (_, body, done) => done(null, body),
  )
  // Of any length: whoever handles it takes it as it comes.
  app.addContentTypeParser(STREAM_TYPE, (_, payload, done) => done(null, payload))
  app.setErrorHandler((error, request, reply) => replyProblem(components.logger, error, { request, reply }))
  app.setNotFoundHandler((request) => {
    throw new NodeError('NODE_ROUTE_UNKNOWN', `there is no ${request.method} ${request.url.slice(0, 200)}`)
  })
  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Stead node', version: '1', description: 'The local API of a Stead node; on loopback, by token.' },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{ token: [] }],
    },
  })
  app.get('/openapi.json', { schema: { hide: true } as object }, () => app.swagger())
  app.get('/metrics', { schema: { hide: true } as object }, (_, reply) =>
    reply.type('text/plain; version=0.0.4; charset=utf-8').send(components.renderMetrics()),
  )
  for (const [name, each] of Object.entries(routes) as [keyof Handlers, AnyRoute][]) {
    addRoute(app, each, { handler: components.handlers[name] as AnyHandler, stopping: components.stopping })
  }
  await app.ready()
  return await listener
}

/** Stands where Fastify wants a server that it could listen with. */
class NoServer {
  readonly timeout = 0
  on(): this {
    return this
  }
  once(): this {
    return this
  }
  setTimeout(): this {
    return this
  }
}

function addRoute(
  app: FastifyInstance,
  each: AnyRoute,
  parts: { readonly handler: AnyHandler; readonly stopping: AbortSignal },
): void {
  app.route({
    method: each.method,
    url: each.path,
    schema: describeRoute(each),
    handler: async (request, reply) => {
      const read = readRequest(each, { request, reply }, parts.stopping)
      const answer = await parts.handler(read)
      reply.header('cache-control', 'no-store')
      if (each.form === 'bytes') return reply.type('application/octet-stream').send(Buffer.from(answer as Uint8Array))
      if (each.form === 'stream') return await sendBody(reply, answer as ObjectStream | SharedStream)
      if (each.answer === undefined) return reply.code(204).send()
      if (each.form === 'json') return reply.type('application/json').send(z.encode(each.answer, answer))
      return sendStream(reply, { each, values: answer as AsyncIterable<unknown>, signal: read.signal })
    },
  })
}

/** The first bytes are there before the answer begins: what cannot be read at all is an error that says why. */
async function sendBody(
  reply: FastifyReply,
  { object, lengthBytes, body }: ObjectStream | SharedStream,
): Promise<FastifyReply> {
  const chunks = body[Symbol.asyncIterator]()
  const first = await chunks.next()
  reply.header('content-length', lengthBytes)
  reply.header(OBJECT_HEADER, encodeURIComponent(JSON.stringify(object)))
  return reply.type('application/octet-stream').send(Readable.from(rejoined(first, chunks), { objectMode: false }))
}

async function* rejoined(
  first: IteratorResult<Uint8Array>,
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  try {
    for (let next = first; next.done !== true; next = await rest.next()) yield next.value
  } finally {
    await rest.return?.()
  }
}

function sendStream(
  reply: FastifyReply,
  stream: { readonly each: AnyRoute; readonly values: AsyncIterable<unknown>; readonly signal: AbortSignal },
): FastifyReply {
  const { answer } = stream.each
  const wire = (value: unknown): unknown => (answer === undefined ? value : z.encode(answer, value))
  const isEvents = stream.each.form === 'events'
  const chunks = isEvents ? encodeEvents(stream.values, wire, stream.signal) : encodeLines(stream.values, wire)
  return reply.type(isEvents ? 'text/event-stream' : 'application/x-ndjson').send(Readable.from(chunks))
}

function readRequest(
  each: AnyRoute,
  { request, reply }: Exchange,
  stopping: AbortSignal,
): ApiRequest<unknown, unknown> {
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort())
  const lastEvent = request.headers['last-event-id']
  return {
    id: (request.params as { readonly id?: string }).id ?? '',
    body: bodyOf(each, request),
    query: decode(each.query, queryOf(each, request), 'query'),
    lastEvent: typeof lastEvent === 'string' && /^\d{1,15}$/.test(lastEvent) ? Number(lastEvent) : undefined,
    signal: AbortSignal.any([gone.signal, stopping]),
  }
}

/** A secret comes in its header alone: in an address it would be written down. */
function queryOf({ secret }: AnyRoute, { query, headers }: FastifyRequest): unknown {
  if (secret === undefined) return query
  const { member, header } = secret
  return { ...(query as Record<string, unknown>), [member]: headers[header] }
}

function bodyOf(each: AnyRoute, { body }: FastifyRequest): unknown {
  if (each.body === 'bytes') return rawBody(body)
  if (each.body !== 'stream') return decode(each.body, body, 'body')
  if (body instanceof Readable) return body
  throw new SdkError('API_BAD_REQUEST', `the body must be ${STREAM_TYPE}`)
}

function rawBody(body: unknown): Uint8Array {
  if (body instanceof Uint8Array) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength)
  throw new SdkError('API_BAD_REQUEST', 'the body must be application/octet-stream')
}

function decode(schema: Wire<unknown> | undefined, value: unknown, place: string): unknown {
  if (schema === undefined) return undefined
  const result = schema.safeParse(value ?? {})
  if (result.success) return result.data
  throw new SdkError('API_BAD_REQUEST', `${place}: ${describeIssues(result.error)}`)
}

function replyProblem(logger: Logger, error: unknown, exchange: Exchange): void {
  const known = asSteadError(error)
  if (!isSteadError(known)) {
    logger.error('api request failed', { route: exchange.request.routeOptions.url, error: known })
  }
  const problem = problemFor(known)
  void exchange.reply.code(problem.status).type(PROBLEM_TYPE).send(problem)
}

/** Fastify's own refusals (a body that is too large or not JSON) under our codes. */
function asSteadError(error: unknown): unknown {
  if (isSteadError(error)) return error
  const { code, statusCode, message } = error as { code?: string; statusCode?: number; message?: string }
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new NodeError('NODE_BODY_TOO_LARGE', 'the body is larger than this route takes')
  }
  if (statusCode !== undefined && statusCode < 500) return new SdkError('API_BAD_REQUEST', message ?? 'refused')
  return error
}

const MEDIA_TYPES: Readonly<Record<AnswerForm, string>> = {
  json: 'application/json',
  lines: 'application/x-ndjson',
  events: 'text/event-stream',
  bytes: 'application/octet-stream',
  stream: 'application/octet-stream',
}

/** The route's place in /openapi.json; requests are checked by the zod schemas themselves. */
function describeRoute(each: AnyRoute): Record<string, unknown> {
  const schema: Record<string, unknown> = { operationId: each.name, summary: each.summary }
  if (each.path.includes(':id')) {
    schema.params = { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] }
  }
  if (each.query !== undefined) describeQuery(schema, each)
  if (each.body === 'bytes') schema.consumes = [MEDIA_TYPES.bytes]
  else if (each.body === 'stream') schema.consumes = [STREAM_TYPE]
  else if (each.body !== undefined) schema.body = jsonSchema(each.body)
  const content = each.answer === undefined ? { type: 'string', format: 'binary' } : jsonSchema(each.answer)
  schema.response = {
    200: { description: each.summary, content: { [MEDIA_TYPES[each.form]]: { schema: content } } },
  }
  return schema
}

function describeQuery(schema: Record<string, unknown>, { query, secret }: AnyRoute): void {
  if (query === undefined) return
  const { properties = {}, required = [], ...rest } = jsonSchema(query) as JsonObjectSchema
  const { [secret?.member ?? '']: hidden, ...shown } = properties
  schema.querystring = { ...rest, properties: shown, required: required.filter((name) => name !== secret?.member) }
  if (secret !== undefined)
    schema.headers = { type: 'object', properties: { [secret.header]: hidden }, required: [secret.header] }
}

interface JsonObjectSchema {
  readonly properties?: Readonly<Record<string, unknown>>
  readonly required?: readonly string[]
}

function jsonSchema(schema: Wire<unknown>): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  return rest
}
