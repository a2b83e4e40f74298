import type { Wire } from './scalars.ts'

/**
 * How an answer's body is made: `json` is one value; `lines` is NDJSON, one value a line; `events` are server-sent
 * events whose data is one value each and whose id is its `number`; `bytes` is the plain content, `stream` too, as it comes.
 */
export type AnswerForm = 'json' | 'lines' | 'events' | 'bytes' | 'stream'

/** Media type of a body that is taken as it comes. */
export const STREAM_TYPE = 'application/x-stead-stream'

/** Largest blob, and largest part of a task: what the blob store takes. */
export const BLOB_BYTES_MAX: number = 64 * 1024 * 1024

/** Header of an object's answer that says what it is: its ObjectView or SharedObject as JSON, percent-coded as a part of a URL is. */
export const OBJECT_HEADER = 'stead-object'

/** One operation of the local HTTP API: what the daemon serves and what the client sends, from one definition. */
export interface Route<Body, Query, Answer> {
  /** Name in OpenAPI (`operationId`). */
  readonly name: string
  readonly method: 'GET' | 'POST'
  /** `:id` stands for a path parameter. */
  readonly path: string
  /** One sentence for OpenAPI. */
  readonly summary: string
  /** JSON body; `bytes` for a plain one, `stream` for one of any length; undefined when there is none. */
  readonly body: Wire<Body> | 'bytes' | 'stream' | undefined
  readonly query: Wire<Query> | undefined
  /** A member of the query that travels in a header of this name. */
  readonly secret?: { readonly member: string; readonly header: string }
  readonly form: AnswerForm
  /** The answer's value, or one of its lines or events; undefined for plain bytes. */
  readonly answer: Wire<Answer> | undefined
}

type RouteBase = Pick<
  Route<undefined, undefined, never>,
  'name' | 'method' | 'path' | 'summary' | 'body' | 'query' | 'form'
>

/** A question without body and query, whose answer is one value of JSON. */
export function get(name: string, path: string, summary: string): RouteBase {
  return { name, method: 'GET', path, summary, body: undefined, query: undefined, form: 'json' }
}

/** The same for what changes something. */
export function post(name: string, path: string, summary: string): RouteBase {
  return { ...get(name, path, summary), method: 'POST' }
}
