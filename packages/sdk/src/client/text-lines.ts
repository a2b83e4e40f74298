import { SdkError } from '../errors.ts'

/**
 * The lines of a UTF-8 stream without their ends (`\n` or `\r\n`); what is left without an end is no line.
 * @throws SdkError API_BAD_RESPONSE for a line longer than `lengthMax` characters; API_INTERRUPTED when the stream breaks
 */
export async function* textLines(stream: ReadableStream<Uint8Array>, lengthMax: number): AsyncGenerator<string, void> {
  const decoder = new TextDecoder()
  const reader = stream.getReader()
  let rest = ''
  try {
    for (;;) {
      const { done, value } = await readOf(reader)
      if (done) return
      const lines = (rest + decoder.decode(value, { stream: true })).split('\n')
      rest = lines.pop() ?? ''
      if (rest.length > lengthMax) throw tooLong(lengthMax)
      for (const line of lines) {
        if (line.length > lengthMax) throw tooLong(lengthMax)
        yield line.endsWith('\r') ? line.slice(0, -1) : line
      }
    }
  } finally {
    // The consumer may stop early; the connection must not stay open for it. A stream that broke has nothing to cancel.
    await reader.cancel().catch(() => undefined)
  }
}

async function readOf(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Promise<{ readonly done: boolean; readonly value: Uint8Array }> {
  try {
    const { done, value } = await reader.read()
    return { done, value: value ?? new Uint8Array() }
  } catch (cause) {
    throw new SdkError('API_INTERRUPTED', 'the connection to the node ended before its answer was complete', { cause })
  }
}

function tooLong(lengthMax: number): SdkError {
  return new SdkError('API_BAD_RESPONSE', `the node sent a line of more than ${lengthMax} characters`, {
    details: { limit: lengthMax },
  })
}
