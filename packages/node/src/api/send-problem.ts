import type { ServerResponse } from 'node:http'
import { isSteadError } from '@stead/core'
import { type ProblemDetails, problemOf } from '@stead/sdk/api'

/** The media type of problem details (RFC 9457). */
export const PROBLEM_TYPE = 'application/problem+json'

/** What a client is told about an error. */
export function problemFor(error: unknown): ProblemDetails {
  const problem = problemOf(error)
  return isSteadError(error) && error.code === 'NODE_API_ORIGIN' ? { ...problem, status: 403 } : problem
}

/** Answers with problem details, where the answer has not begun. */
export function sendProblem(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  const problem = problemFor(error)
  const body = JSON.stringify(problem)
  response.writeHead(problem.status, {
    'content-type': PROBLEM_TYPE,
    'content-length': Buffer.byteLength(body),
    // The rest of a body that nobody reads would hold the connection up.
    connection: 'close',
    ...(problem.status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
  })
  response.end(body)
}
