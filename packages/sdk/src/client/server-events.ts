import { textLines } from './text-lines.ts'

/** One server-sent event. */
export interface ServerEvent {
  /** The last `id` that the stream named, or ''. */
  readonly id: string
  readonly data: string
}

/** Largest event in characters. */
const EVENT_LENGTH_MAX = 1_048_576

/** The events of a `text/event-stream`; comments (keep-alives) are passed over, an event cut off at the end is dropped. */
export async function* serverEvents(stream: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent, void> {
  let id = ''
  let data: string[] = []
  for await (const line of textLines(stream, EVENT_LENGTH_MAX)) {
    if (line === '') {
      if (data.length > 0) yield { id, data: data.join('\n') }
      data = []
      continue
    }
    const colon = line.indexOf(':')
    const field = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1)
    if (field === 'data') data.push(value)
    else if (field === 'id') id = value
  }
}
