import { isSteadError } from '@stead/core'
import { DaemonClient, type DaemonConnection, ObjectClient } from '@stead/sdk'

const MIB = 1024 * 1024

/** A node's objects as a page's author would open them. */
function open(connection: DaemonConnection): { readonly daemon: DaemonClient; readonly objects: ObjectClient } {
  const sleep = (delayMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, delayMs))
  const daemon = new DaemonClient({ connection: async () => connection, fetch: globalThis.fetch, clock: { sleep } })
  return { daemon, objects: new ObjectClient(daemon, { partBytes: 5 * MIB }) }
}

/** What no two places of a body have in common by accident. */
function byteAt(position: number): number {
  return (Math.imul(position, 2_654_435_761) >>> 24) & 0xff
}

/** A body that is made as it is read, and says how much was asked of it. */
function bodyOf(lengthBytes: number, onMade: (bytes: number) => void = () => undefined): ReadableStream<Uint8Array> {
  let at = 0
  return new ReadableStream<Uint8Array>(
    {
      pull: (controller) => {
        const chunk = new Uint8Array(Math.min(MIB / 4, lengthBytes - at))
        for (let index = 0; index < chunk.length; index++) chunk[index] = byteAt(at + index)
        at += chunk.length
        onMade(chunk.length)
        controller.enqueue(chunk)
        if (at === lengthBytes) controller.close()
      },
    },
    { highWaterMark: 0 },
  )
}

/** How many bytes come, and whether each is the one that was put there. */
async function compare(
  body: ReadableStream<Uint8Array>,
  fromByte = 0,
): Promise<{ readonly lengthBytes: number; readonly isRight: boolean }> {
  const reader = body.getReader()
  let [lengthBytes, isRight] = [0, true]
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return { lengthBytes, isRight }
    for (let index = 0; index < value.length; index++)
      isRight &&= value[index] === byteAt(fromByte + lengthBytes + index)
    lengthBytes += value.length
  }
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'no error'
  } catch (error) {
    return isSteadError(error) ? error.code : String(error)
  }
}

async function keysOf(objects: ObjectClient, bucket: string): Promise<readonly string[]> {
  const keys: string[] = []
  for await (const { key } of objects.list(bucket)) keys.push(key)
  return keys
}

const tests = {
  /** Everything that a page does with small objects. */
  async everyCall(connection: DaemonConnection): Promise<object> {
    const { objects } = open(connection)
    const place = { bucket: 'page', key: 'ordner/größe & "x"' }
    await objects.makeBucket('page')
    await objects.makeBucket('page')
    const stored = await objects.put(place, new Blob(['größer']), {
      contentType: 'text/plain',
      metadata: { note: 'ü' },
    })
    const { object, lengthBytes, body } = await objects.get(place)
    const text = await new Response(body).text()
    const range = await new Response((await objects.get(place, { fromByte: 2, toByte: 4 })).body).text()
    const isSame = JSON.stringify(object) === JSON.stringify(await objects.head(place))
    const copied = await objects.copy(place, { bucket: 'page', key: 'copy' })
    const keys = await keysOf(objects, 'page')
    const refused = await codeOf(objects.put(place, 'other', { ifNoneMatch: '*' }))
    await objects.delete(place)
    return {
      stored,
      lengthBytes,
      text,
      range,
      isSame,
      copied: copied.etag,
      keys,
      refused,
      head: (await objects.head(place)) ?? 'none',
      missing: await codeOf(objects.get(place)),
      left: await keysOf(objects, 'page'),
    }
  },

  /** Puts a body that nobody has whole; says how much of it was made and not sent yet, at most. */
  async putLarge({
    connection,
    lengthBytes,
  }: {
    connection: DaemonConnection
    lengthBytes: number
  }): Promise<{ heldBytes: number; stored: number; sent: number }> {
    const { objects } = open(connection)
    await objects.makeBucket('page')
    let [made, sent, heldBytes] = [0, 0, 0]
    const body = bodyOf(lengthBytes, (bytes) => {
      made += bytes
      heldBytes = Math.max(heldBytes, made - sent)
    })
    const onBytes = (bytes: number): void => {
      sent += bytes
    }
    const { lengthBytes: stored } = await objects.put({ bucket: 'page', key: 'large' }, body, { onBytes })
    return { heldBytes, stored, sent }
  },

  async getLarge({ connection, fromByte }: { connection: DaemonConnection; fromByte: number }): Promise<object> {
    const { objects } = open(connection)
    const { body } = await objects.get({ bucket: 'page', key: 'large' }, { fromByte })
    return await compare(body, fromByte)
  },

  /** Stops a put in the middle of its second part. */
  async abortPut(connection: DaemonConnection): Promise<{ made: number; [fact: string]: unknown }> {
    const { daemon, objects } = open(connection)
    await objects.makeBucket('page')
    const stop = new AbortController()
    let made = 0
    const body = bodyOf(400 * MIB, (bytes) => {
      made += bytes
    })
    const place = { bucket: 'page', key: 'aborted' }
    const put = objects.put(place, body, { signal: stop.signal, onBytes: () => stop.abort(new Error('enough')) })
    const why = await codeOf(put)
    const uploads = async (): Promise<number> => (await daemon.listUploads({ bucket: 'page' })).uploads.length
    // Whoever aborts does not wait for what was sent to be given up.
    for (let look = 0; look < 100 && (await uploads()) > 0; look++) await new Promise((done) => setTimeout(done, 50))
    return { why, made, head: (await objects.head(place)) ?? 'none', uploads: await uploads() }
  },

  /** Stops a get in the middle: by its signal, and by letting go of the stream. */
  async abortGet(connection: DaemonConnection): Promise<object> {
    const { objects } = open(connection)
    const place = { bucket: 'page', key: 'large' }
    const stop = new AbortController()
    const reader = (await objects.get(place, { signal: stop.signal })).body.getReader()
    await reader.read()
    stop.abort(new Error('enough'))
    const readOn = async (): Promise<never> => {
      for (;;) if ((await reader.read()).done) throw new Error('it came to its end')
    }
    const aborted = await codeOf(readOn())
    const { body } = await objects.get(place)
    const other = body.getReader()
    await other.read()
    await other.cancel()
    return { aborted, after: await other.read() }
  },

  async reach(connection: DaemonConnection): Promise<string> {
    return await codeOf(open(connection).daemon.listBuckets())
  },
}

/** Functions of the page that a test can call. */
export type ObjectPageTests = typeof tests

Object.assign(globalThis, { tests })
