import type { ObjectStore } from '@stead/storage'
import type { S3GatewayOptions } from '../options.ts'
import type { CheckedBody } from './body/open-body.ts'
import type { S3Answer } from './http/answer.ts'
import type { S3Request } from './s3-request.ts'

/** One request whose signature holds, with all that an operation needs to answer it. */
export interface S3Call {
  readonly request: S3Request
  readonly store: ObjectStore
  readonly options: S3GatewayOptions
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal
  /** The body, with its checks; asked for once. */
  openBody(): Promise<CheckedBody>
}

/** Answers one kind of request; what it throws becomes an S3 error. */
export type S3Operation = (call: S3Call) => Promise<S3Answer>
