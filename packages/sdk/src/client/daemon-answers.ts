import type { ByteStream } from '../api/objects.ts'
import { errorOfProblem, problemWire } from '../api/problem.ts'
import { describeIssues, type Wire } from '../api/scalars.ts'
import { SdkError } from '../errors.ts'
import { chunksOf } from './web-streams.ts'

/** What the daemon says went wrong. @returns SdkError API_BAD_RESPONSE when it gives no reason that can be read */
export async function failureOf(response: Response): Promise<Error> {
  const problem = problemWire.safeDecode(parsed(await textOf(response)))
  if (problem.success) return errorOfProblem(problem.data)
  return new SdkError('API_BAD_RESPONSE', `the node answered with status ${response.status} and no reason`, {
    details: { status: response.status },
  })
}

/** What an answer says. @throws SdkError API_BAD_RESPONSE */
export function decoded<Answer>(
  route: { readonly name: string; readonly answer: Wire<Answer> | undefined },
  text: string,
): Answer {
  const value = route.answer?.safeDecode(parsed(text))
  if (value?.success === true) return value.data
  const what = value === undefined ? 'there must be none' : describeIssues(value.error)
  throw new SdkError('API_BAD_RESPONSE', `the node's answer to ${route.name} cannot be read: ${what}`)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** An answer to its end. @throws SdkError API_INTERRUPTED */
export async function textOf(response: Response): Promise<string> {
  try {
    return await response.text()
  } catch (cause) {
    throw new SdkError('API_INTERRUPTED', 'the connection to the node ended before its answer was complete', { cause })
  }
}

/** An answer's content as it comes, and how much that is. */
export function streamOf(response: Response): ByteStream {
  return { lengthBytes: Number(response.headers.get('content-length') ?? 0), body: bytesOf(response) }
}

/** The bytes of an object as they come. @throws SdkError API_INTERRUPTED */
async function* bytesOf(response: Response): AsyncGenerator<Uint8Array, void> {
  try {
    yield* chunksOf(bodyOf(response))
  } catch (cause) {
    throw new SdkError('API_INTERRUPTED', 'the node ended the object before all of it was there', { cause })
  }
}

/** The content of an answer. @throws SdkError API_BAD_RESPONSE when there is none */
export function bodyOf(response: Response): ReadableStream<Uint8Array> {
  if (response.body === null) throw new SdkError('API_BAD_RESPONSE', 'the node sent no content')
  return response.body
}
