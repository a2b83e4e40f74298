import { type ErrorDetails, type ErrorKind, isSteadError, SteadError } from '@stead/core'
import { z } from 'zod'
import { SdkError } from '../errors.ts'
import type { Wire } from './scalars.ts'

/** A failed request as RFC 9457 problem details, with what a {@link SteadError} knows beside the standard members. */
export interface ProblemDetails {
  /** `urn:stead:error:<code>`; names the row in docs/errors.md. */
  readonly type: string
  /** What happened, one sentence. */
  readonly title: string
  /** The HTTP status. */
  readonly status: number
  /** What to do next. */
  readonly detail: string
  /** The error's code. */
  readonly code: string
  readonly kind: ErrorKind
  readonly retryable: boolean
  /** Numbers and names of this occurrence; big integers as decimal text. */
  readonly details: Readonly<Record<string, string | number | boolean | readonly string[]>>
}

/** Wire form of {@link ProblemDetails}; sent as `application/problem+json`. */
export const problemWire: Wire<ProblemDetails> = z.object({
  type: z.string().max(200),
  title: z.string().max(4096),
  status: z.int().min(400).max(599),
  detail: z.string().max(4096),
  code: z.string().regex(/^[A-Z0-9_]{1,64}$/),
  kind: z.enum(['user', 'peer', 'system']),
  retryable: z.boolean(),
  details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])),
})

/** The problem details of anything that was thrown; the text of an error that is not ours stays in the log. */
export function problemOf(error: unknown): ProblemDetails {
  if (!isSteadError(error)) return problemOf(new SdkError('API_REMOTE', 'the node failed; its log has the reason'))
  const details: Record<string, string | number | boolean | readonly string[]> = {}
  for (const [key, value] of Object.entries(error.details)) {
    if (typeof value === 'bigint') details[key] = value.toString()
    else if (typeof value === 'number' && !Number.isFinite(value)) details[key] = String(value)
    else if (value !== undefined) details[key] = value
  }
  return {
    type: `urn:stead:error:${error.code}`,
    title: error.message.slice(0, 4096),
    status: statusOf(error),
    detail: error.next.slice(0, 4096),
    code: error.code,
    kind: error.kind,
    retryable: error.retryable,
    details,
  }
}

/** The error that problem details stand for; has the code that the node gave, known to this library or not. */
export function errorOfProblem(problem: ProblemDetails): SteadError {
  const { code, kind, retryable, title, detail, details } = problem
  const definition = { kind, retryable, meaning: title, next: detail }
  return new SteadError({ [code]: definition }, code, title, { details: details as ErrorDetails })
}

function statusOf(error: SteadError): number {
  if (error.code === 'API_UNAUTHORIZED') return 401
  if (error.code.endsWith('_UNKNOWN')) return 404
  if (error.code.endsWith('_TOO_LARGE')) return 413
  if (error.retryable) return 503
  if (error.kind === 'user') return 400
  return error.kind === 'peer' ? 502 : 500
}
