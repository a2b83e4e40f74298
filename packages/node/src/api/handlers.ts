import type { Route, Routes } from '@stead/sdk/api'

/** What a handler gets, all of it checked. */
export interface ApiRequest<Body, Query> {
  /** The `:id` of the path; empty where there is none. */
  readonly id: string
  readonly body: Body
  readonly query: Query
  /** The number of the last event that the client has seen, from Last-Event-ID; undefined for a first look. */
  readonly lastEvent: number | undefined
  /** Aborts when the client is gone or the node stops. */
  readonly signal: AbortSignal
}

type BodyOf<Each> = Each extends Route<infer Body, infer _Query, infer _Answer> ? ReceivedBody<Body> : never
/** A streamed body comes as it is read, whatever it was sent from. */
type ReceivedBody<Body> = Blob extends Body ? AsyncIterable<Uint8Array> : Body
type QueryOf<Each> = Each extends Route<infer _Body, infer Query, infer _Answer> ? Query : never
type AnswerOf<Each> = Each extends Route<infer _Body, infer _Query, infer Answer> ? Answer : never
type RequestOf<Name extends keyof Routes> = ApiRequest<BodyOf<Routes[Name]>, QueryOf<Routes[Name]>>

/** Routes that answer with many values, one after the other. */
export type StreamingRoute = 'watchJob' | 'getJobResults'

/** What the node does for each route of the API. */
export type Handlers = {
  readonly [Name in Exclude<keyof Routes, StreamingRoute>]: (
    request: RequestOf<Name>,
  ) => Promise<AnswerOf<Routes[Name]>>
} & {
  readonly [Name in StreamingRoute]: (request: RequestOf<Name>) => Promise<AsyncIterable<AnswerOf<Routes[Name]>>>
}
