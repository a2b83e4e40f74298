import { md5 as javaScriptMd5 } from '@noble/hashes/legacy.js'
import {
  type Clock,
  hasCode,
  isSteadError,
  type Logger,
  messageOf,
  type Network,
  type PeerId,
  type Random,
  type UnixMs,
} from '@stead/core'
import { bytesToHex, equalBytes } from '@stead/protocol'
import { remoteCodeOf } from '../consumer/remote-code.ts'
import { StorageError } from '../errors.ts'
import { abortableBody, checkAborted } from '../objects/abortable.ts'
import { firstBytes, followed, PACKED_BYTES_MAX } from '../objects/keep-body.ts'
import { etagOfParts } from '../objects/parts-etag.ts'
import { ID_BYTES } from '../objects/row-keys.ts'
import { PARTS_MAX } from '../objects/uploads.ts'
import { cutSegments } from '../segment/cut-segments.ts'
import { FRAME_PLAIN_BYTES } from '../segment/segment-layout.ts'
import {
  type GivenObject,
  GRANTS_PROTOCOL,
  type GrantReply,
  type GrantRequest,
  grantReplySchema,
  grantRequestSchema,
  type KeptPart,
} from './grant-messages.ts'
import { remoteRefusal } from './grant-refusals.ts'
import { chargeOf } from './grant-rows.ts'
import { below } from './grant-scope.ts'
import { SendRoom } from './send-room.ts'
import type { WriteLink } from './write-link.ts'

/** What a {@link GrantWriter} works with. */
export interface GrantWriterComponents {
  readonly network: Network
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Answers in place of the network where the link is to this node itself. */
  readonly own: (payload: Uint8Array) => Promise<Uint8Array>
  /** @default that of JavaScript, a fifth as fast as a platform's own */
  readonly md5?: (bytes: Uint8Array) => Uint8Array
}

/** An object that is written with a link. */
export interface GivenDescription {
  /** Below the link; empty where that is to one object. */
  readonly path: string
  /** 16 bytes that name this writing of it: the same again goes on where it ended. */
  readonly upload: Uint8Array
  readonly contentType?: string | undefined
  /** When it was changed last. */
  readonly changedAt?: UnixMs | undefined
  /** All of it, where that is known: what the link does not take is refused before it is sent. */
  readonly lengthBytes?: number | undefined
  /** Stops sending; what was kept stays for the next time. */
  readonly signal?: AbortSignal | undefined
}

/** An object that was written with a link. */
export interface GivenResult extends GivenObject {
  /** Bytes that had been kept before. */
  readonly resumedBytes: number
}

/** How a writing stands. */
export interface GivenStand {
  /** Bytes that the link takes yet. */
  readonly leftBytes: number
  /** Bytes of it that are kept. */
  readonly keptBytes: number
}

const TIMEOUT_MS = 150_000
/** An owner who is away, or busy, is waited for that long, and asked again after so long, then half as often each time. */
const PATIENCE_MS = 60_000
const [BUSY_PAUSE_MS, AWAY_PAUSE_MS, PAUSE_MS_MAX] = [50, 500, 8000]
/** No owner cuts objects shorter than a frame. */
const PART_BYTES_MIN = FRAME_PLAIN_BYTES
/** Parts of one object that wait to be sent: each is in memory. */
const PARTS_AT_ONCE = 4

/** Writes with a link: its holder has no account, and the machine of its owner keeps what is given. */
export class GrantWriter {
  readonly #components: GrantWriterComponents
  /** For each owner that is written to now. */
  readonly #rooms = new Map<PeerId, SendRoom>()

  constructor(components: GrantWriterComponents) {
    this.#components = components
  }

  /** How a writing stands; what was never begun has nothing kept. @throws as {@link give} */
  async look(link: WriteLink, description: Pick<GivenDescription, 'path' | 'upload' | 'signal'>): Promise<GivenStand> {
    const { leftBytes, parts, object } = await this.#look(link, description)
    const keptBytes = object?.lengthBytes ?? parts.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0)
    return { leftBytes, keptBytes }
  }

  /**
   * Writes an object; what was kept of it under the same upload is not sent again.
   * @throws StorageError STORAGE_BAD_LINK, STORAGE_BAD_NAME, STORAGE_GRANT_ENDED, STORAGE_GRANT_SPENT, STORAGE_CONDITION,
   * STORAGE_GRANT_AWAY; CoreError CORE_ABORTED; what the body throws
   */
  async give(
    link: WriteLink,
    description: GivenDescription,
    body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  ): Promise<GivenResult> {
    const { signal, path } = description
    checkPlace(link, path)
    const chunks = abortableBody(body, signal)
    try {
      checkAborted(signal)
      const first = await firstBytes(chunks)
      if (first.length > PACKED_BYTES_MAX) return await this.#giveParts(link, description, followed(first, chunks))
      const { object } = await this.#ask(link, { ...askOf(description, 'put'), bytes: first }, signal)
      const expected = { lengthBytes: first.length, etag: hexOf(this.#md5(first)) }
      return { ...madeOf(object, expected), resumedBytes: 0 }
    } finally {
      await chunks.return(undefined)
    }
  }

  async #giveParts(
    link: WriteLink,
    description: GivenDescription,
    body: AsyncIterable<Uint8Array>,
  ): Promise<GivenResult> {
    const { signal, lengthBytes } = description
    const { partBytes, parts, leftBytes, object } = await this.#look(link, description)
    const kept = new Map(parts.map((part) => [part.number, part]))
    if (object === undefined && lengthBytes !== undefined) checkLeft(lengthBytes, { partBytes, kept, leftBytes })
    const sending = new Sending()
    const etags: Uint8Array[] = []
    let [resumedBytes, sentBytes] = [0, 0]
    try {
      for await (const bytes of cutSegments(body, partBytes)) {
        if (etags.length === PARTS_MAX) throw tooLong(partBytes)
        sentBytes += bytes.length
        const etag = this.#md5(bytes)
        etags.push(etag)
        const number = etags.length
        if (object !== undefined) continue
        if (isSame(kept.get(number), bytes, etag)) {
          resumedBytes += bytes.length
          continue
        }
        // Its memory is used for the next part: the request holds a copy of it.
        const request = this.#encoded(link, { ...askOf(description, 'part'), number, bytes })
        await sending.add(() => this.#send(link, request, signal))
      }
      await sending.all()
    } finally {
      await sending.settled()
    }
    const expected = { lengthBytes: sentBytes, etag: etagOfParts(etags.map(hexOf)) }
    if (object === undefined) {
      const made = await this.#ask(link, { ...askOf(description, 'whole'), etags }, signal)
      return { ...madeOf(made.object, expected), resumedBytes }
    }
    // It is there as a whole: the answer was lost, and what is there is not what comes now unless this says so.
    if (object.etag === expected.etag) return { ...madeOf(object, expected), resumedBytes: sentBytes }
    throw new StorageError('STORAGE_CONDITION', 'it was written already, as something else than it is now', {
      next: 'Write it under another name, or with an upload of its own.',
    })
  }

  async #look(
    link: WriteLink,
    description: Pick<GivenDescription, 'path' | 'upload' | 'signal'>,
  ): Promise<Pick<GrantReply, 'parts' | 'object'> & { readonly leftBytes: number; readonly partBytes: number }> {
    checkPlace(link, description.path)
    const reply = await this.#ask(link, askOf(description, 'look'), description.signal)
    const { leftBytes, partBytes } = reply
    if (leftBytes === undefined || partBytes === undefined || partBytes < PART_BYTES_MIN) throw unclear()
    return { ...reply, leftBytes, partBytes }
  }

  async #ask(link: WriteLink, ask: Ask, signal: AbortSignal | undefined): Promise<GrantReply> {
    return await this.#send(link, this.#encoded(link, ask), signal)
  }

  #md5(bytes: Uint8Array): Uint8Array {
    return (this.#components.md5 ?? javaScriptMd5)(bytes)
  }

  #encoded({ id, steps, secret }: WriteLink, ask: Ask): Uint8Array {
    const attempt = this.#components.random.bytes(ID_BYTES)
    return grantRequestSchema.encodeMessage({ version: 1, grant: id, steps, secret, attempt, ...ask })
  }

  async #send({ owner }: WriteLink, payload: Uint8Array, signal: AbortSignal | undefined): Promise<GrantReply> {
    const room = this.#rooms.get(owner) ?? new SendRoom()
    this.#rooms.set(owner, room)
    try {
      return await room.within(payload.length, () => this.#sendNow(owner, payload, signal))
    } finally {
      if (room.isEmpty) this.#rooms.delete(owner)
    }
  }

  /** Asks the owner's machine, again while it is away or busy: it knows what it has heard before. */
  async #sendNow(owner: PeerId, payload: Uint8Array, signal: AbortSignal | undefined): Promise<GrantReply> {
    const { network, clock, logger, own } = this.#components
    const endMs = clock.monotonicMs() + PATIENCE_MS
    for (let tries = 0; ; tries++) {
      checkAborted(signal)
      let pauseMs = PAUSE_MS_MAX
      try {
        if (owner === network.self) return grantReplySchema.decodeMessage(await own(payload))
        const options = { timeoutMs: TIMEOUT_MS, bulk: true, ...(signal === undefined ? {} : { signal }) }
        return grantReplySchema.decodeMessage(await network.request(owner, GRANTS_PROTOCOL, payload, options))
      } catch (error) {
        if (!isSteadError(error) || hasCode(error, 'CORE_ABORTED')) throw error
        const refusal = remoteRefusal(error)
        if (refusal !== undefined) throw refusal
        const firstMs = isBusy(error) ? BUSY_PAUSE_MS : AWAY_PAUSE_MS
        pauseMs = Math.min(firstMs * 2 ** tries, PAUSE_MS_MAX)
        if (clock.monotonicMs() + pauseMs > endMs || !isPassing(error)) {
          logger.info('the owner of a link does not answer', { peer: owner, error: messageOf(error) })
          throw new StorageError('STORAGE_GRANT_AWAY', 'the node of the owner does not answer, or cannot keep it now', {
            cause: error,
          })
        }
      }
      await clock.sleep(pauseMs, signal)
    }
  }
}

type Ask = Omit<GrantRequest, 'version' | 'grant' | 'steps' | 'secret' | 'attempt'>

/** Parts on their way, a few at a time. */
class Sending {
  readonly #running = new Set<Promise<void>>()
  #failure: { readonly error: unknown } | undefined

  /** Begins to send when there is room for one more. @throws what one of those before threw */
  async add(send: () => Promise<unknown>): Promise<void> {
    while (this.#running.size >= PARTS_AT_ONCE && this.#failure === undefined) await Promise.race(this.#running)
    this.#check()
    const run = send().then(
      () => undefined,
      (error: unknown) => {
        this.#failure ??= { error }
      },
    )
    const done = run.finally(() => this.#running.delete(done))
    this.#running.add(done)
  }

  /** @throws what one of them threw */
  async all(): Promise<void> {
    await this.settled()
    this.#check()
  }

  async settled(): Promise<void> {
    await Promise.all(this.#running)
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }
}

function askOf(
  { path, upload, contentType, changedAt }: Omit<GivenDescription, 'signal' | 'lengthBytes'>,
  ask: GrantRequest['ask'],
): Ask {
  return {
    ...{ ask, path, upload, etags: [] },
    ...(contentType === undefined ? {} : { contentType }),
    ...(changedAt === undefined ? {} : { changedAt }),
  }
}

function isBusy(error: unknown): boolean {
  return remoteCodeOf(error) === 'STORAGE_BUSY' || hasCode(error, 'STORAGE_BUSY') || hasCode(error, 'NETWORK_BUSY')
}

/** Whether it may be otherwise soon. */
function isPassing(error: unknown): boolean {
  if (isBusy(error) || remoteCodeOf(error) === 'PEER_INTERNAL') return true
  return hasCode(error, 'NETWORK_TIMEOUT') || hasCode(error, 'NETWORK_UNREACHABLE')
}

/** @throws StorageError STORAGE_BAD_NAME */
function checkPlace({ isObject }: WriteLink, path: string): void {
  if (isObject && path === '') return
  if (isObject) throw new StorageError('STORAGE_BAD_NAME', 'there is nothing below one object')
  if (path === '' || path.endsWith('/'))
    throw new StorageError('STORAGE_BAD_NAME', 'an object that is written through a link has a name')
  below('', path)
}

/** Looks whether the link takes all that is to be sent yet. @throws StorageError STORAGE_GRANT_SPENT */
function checkLeft(
  lengthBytes: number,
  {
    partBytes,
    kept,
    leftBytes,
  }: { readonly partBytes: number; readonly kept: ReadonlyMap<number, KeptPart>; readonly leftBytes: number },
): void {
  const parts = Math.ceil(lengthBytes / partBytes)
  if (parts > PARTS_MAX) throw tooLong(partBytes)
  let needBytes = 0
  for (let number = 1; number <= parts; number++) {
    const length = Math.min(partBytes, lengthBytes - (number - 1) * partBytes)
    if (kept.get(number)?.lengthBytes !== length) needBytes += chargeOf(length)
  }
  if (needBytes <= leftBytes) return
  throw new StorageError('STORAGE_GRANT_SPENT', `the link takes ${leftBytes} bytes more, and this needs ${needBytes}`, {
    details: { needBytes, leftBytes },
  })
}

function tooLong(partBytes: number): StorageError {
  return new StorageError('STORAGE_GRANT_SPENT', `a link takes objects of ${PARTS_MAX * partBytes} bytes at most`, {
    next: 'Write it in several objects, for example: split -b 30G <file>',
  })
}

function isSame(kept: KeptPart | undefined, bytes: Uint8Array, etag: Uint8Array): boolean {
  return kept !== undefined && kept.lengthBytes === bytes.length && equalBytes(kept.etag, etag)
}

/** What the owner's node says was made, which must be what was sent. @throws StorageError STORAGE_GRANT_AWAY */
function madeOf(object: GivenObject | undefined, expected: Pick<GivenObject, 'lengthBytes' | 'etag'>): GivenObject {
  const isMade = object?.lengthBytes === expected.lengthBytes && object.etag === expected.etag
  if (object === undefined || !isMade) throw unclear()
  return object
}

function hexOf(bytes: Uint8Array): string {
  return bytesToHex(bytes).slice(2)
}

function unclear(): StorageError {
  return new StorageError('STORAGE_GRANT_AWAY', 'the node of the owner answered with something else')
}
