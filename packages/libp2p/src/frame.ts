import { CoreError } from '@stead/core'

/**
 * Frames of a request stream. A stream belongs to one (requester, responder, protocol); only its opener sends requests
 * on it. Integers are big endian.
 *
 * | offset | bytes | field |
 * |---|---|---|
 * | 0 | 4 | length: number of bytes after this field, 5 .. 16 MiB + 9 |
 * | 4 | 1 | kind |
 * | 5 | 4 | request id, chosen by the requester, unique among its requests in flight on this stream |
 * | 9 | length - 5 | body |
 *
 * | kind | value | sent by | body |
 * |---|---|---|---|
 * | request | 1 | requester | time left in ms (4 bytes, 1 .. 2^31-1), then the payload |
 * | cancel | 2 | requester | empty; the answer is not wanted any more |
 * | response | 3 | responder | the payload |
 * | report | 4 | responder | a handler's error as JSON, at most 8 KiB; see report.ts |
 * | refusal | 5 | responder | one byte: why the transport refused, see {@link REFUSAL_REASONS} |
 *
 * The version of this format is part of the libp2p protocol name ({@link wireProtocolOf}).
 */
export const FRAME_KIND = { request: 1, cancel: 2, response: 3, report: 4, refusal: 5 } as const
/** One of the values of {@link FRAME_KIND}. */
export type FrameKind = (typeof FRAME_KIND)[keyof typeof FRAME_KIND]

/** Why a responder's transport refused a request; the position is the byte on the wire. */
export const REFUSAL_REASONS = ['busy', 'timeout', 'too-large'] as const
/** One of {@link REFUSAL_REASONS}. */
export type RefusalReason = (typeof REFUSAL_REASONS)[number]

/** Largest payload of any protocol: 16 MiB. */
export const PAYLOAD_BYTES_MAX: number = 16 * 1024 * 1024
/** Largest body of a report frame: 8 KiB. */
export const REPORT_BYTES_MAX = 8192
const HEADER_BYTES = 9
/** Bytes of the time left at the start of a request's body. */
export const REQUEST_PREFIX_BYTES = 4

const LENGTH_MIN = HEADER_BYTES - 4
const LENGTH_MAX = LENGTH_MIN + REQUEST_PREFIX_BYTES + PAYLOAD_BYTES_MAX
const TIMEOUT_MS_MAX = 2 ** 31 - 1
const NO_BYTES = new Uint8Array(0)

/** The libp2p protocol name for a protocol of ours: `/stead/compute/1` travels as `/stead/frames/1/stead/compute/1`. */
export function wireProtocolOf(protocol: string): string {
  return `/stead/frames/1${protocol}`
}

/** A whole frame; `body` is copied. */
export function encodeFrame(kind: FrameKind, id: number, body: Uint8Array = NO_BYTES): Uint8Array {
  const frame = new Uint8Array(HEADER_BYTES + body.length)
  writeHeader(frame, { kind, id, bodyBytes: body.length })
  frame.set(body, HEADER_BYTES)
  return frame
}

/** The header of a frame whose body is sent after it, as it is. */
export function encodeFrameHeader(kind: FrameKind, id: number, bodyBytes: number): Uint8Array {
  const header = new Uint8Array(HEADER_BYTES)
  writeHeader(header, { kind, id, bodyBytes })
  return header
}

/** A whole request frame; `payload` is copied. */
export function encodeRequest(id: number, timeLeftMs: number, payload: Uint8Array): Uint8Array {
  return encodeRequestBefore(id, timeLeftMs, { payload, tailBytes: 0 })
}

/** A request frame without its last bytes, which are sent after it, as they are; `payload` is copied. */
export function encodeRequestBefore(
  id: number,
  timeLeftMs: number,
  { payload, tailBytes }: { readonly payload: Uint8Array; readonly tailBytes: number },
): Uint8Array {
  const frame = uncleared(HEADER_BYTES + REQUEST_PREFIX_BYTES + payload.length)
  const bodyBytes = REQUEST_PREFIX_BYTES + payload.length + tailBytes
  writeHeader(frame, { kind: FRAME_KIND.request, id, bodyBytes })
  writeUint32(frame, HEADER_BYTES, Math.min(TIMEOUT_MS_MAX, Math.max(1, Math.ceil(timeLeftMs))))
  frame.set(payload, HEADER_BYTES + REQUEST_PREFIX_BYTES)
  return frame
}

/** A whole refusal frame. */
export function encodeRefusal(id: number, reason: RefusalReason): Uint8Array {
  return encodeFrame(FRAME_KIND.refusal, id, Uint8Array.of(REFUSAL_REASONS.indexOf(reason)))
}

/** Memory with anything in it, all of which is to be overwritten: to clear it first would be one pass more. */
export function uncleared(bytes: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer)
}

interface FrameHeader {
  readonly kind: FrameKind
  readonly id: number
  readonly bodyBytes: number
}

function writeHeader(frame: Uint8Array, { kind, id, bodyBytes }: FrameHeader): void {
  writeUint32(frame, 0, LENGTH_MIN + bodyBytes)
  frame[4] = kind
  writeUint32(frame, 5, id)
}

function writeUint32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 24
  bytes[offset + 1] = value >>> 16
  bytes[offset + 2] = value >>> 8
  bytes[offset + 3] = value
}

function readUint32(bytes: Uint8Array, offset: number): number {
  return (
    (bytes[offset] ?? 0) * 0x1000000 +
    (((bytes[offset + 1] ?? 0) << 16) | ((bytes[offset + 2] ?? 0) << 8) | (bytes[offset + 3] ?? 0))
  )
}

/** What a request frame's body says. @throws CoreError NETWORK_BAD_MESSAGE */
export function decodeRequestBody(body: Uint8Array): { readonly timeLeftMs: number; readonly payload: Uint8Array } {
  if (body.length < REQUEST_PREFIX_BYTES)
    throw badFrame(`a request frame's body has ${body.length} bytes, not 4 or more`)
  const timeLeftMs = readUint32(body, 0)
  if (timeLeftMs < 1 || timeLeftMs > TIMEOUT_MS_MAX) throw badFrame(`a request leaves ${timeLeftMs} ms`)
  return { timeLeftMs, payload: body.subarray(REQUEST_PREFIX_BYTES) }
}

/** What a refusal frame's body says. @throws CoreError NETWORK_BAD_MESSAGE */
export function decodeRefusalBody(body: Uint8Array): RefusalReason {
  const reason = body.length === 1 ? REFUSAL_REASONS[body[0] ?? REFUSAL_REASONS.length] : undefined
  if (reason === undefined) throw badFrame('a refusal frame gives no known reason')
  return reason
}

/** The error for bytes that break this format. */
export function badFrame(message: string): CoreError {
  return new CoreError('NETWORK_BAD_MESSAGE', message)
}

/** Takes the frames that a {@link FrameReader} finds. */
export interface FrameSink {
  /** The largest body that this end takes of such a frame; undefined when this end takes none of that kind. */
  bodyBytesMax(kind: number): number | undefined
  /** One whole frame; the body belongs to the callee. */
  onFrame(kind: FrameKind, id: number, body: Uint8Array): void
  /** A frame whose body is larger than allowed here but not absurd; its bytes are skipped, not kept. */
  onOversized(kind: FrameKind, id: number, bodyBytes: number): void
}

/** A smaller rest of a body is copied into its place: the next frame may come with it. */
const PLACE_BYTES_MIN = 16 * 1024

/**
 * Cuts a byte stream into frames. Keeps at most one unfinished frame, in memory of at most `reserveBytesMax` or twice the
 * bytes that have really arrived, so that an announced length alone costs next to nothing.
 */
export class FrameReader {
  readonly #sink: FrameSink
  readonly #reserveBytesMax: number
  readonly #header = new Uint8Array(HEADER_BYTES)
  #headerBytes = 0
  #kind = 0
  #id = 0
  #body: Uint8Array = NO_BYTES
  #bodyBytes = 0
  #bodyLength = 0
  #skipping = false
  #stage = 0

  constructor(sink: FrameSink, reserveBytesMax: number) {
    this.#sink = sink
    this.#reserveBytesMax = reserveBytesMax
  }

  /** Bytes that the unfinished frame still lacks; 0 between frames. */
  get missingBytes(): number {
    if (this.#headerBytes === 0) return 0
    if (this.#headerBytes < HEADER_BYTES) return HEADER_BYTES - this.#headerBytes
    return this.#bodyLength - this.#bodyBytes
  }

  /** Changes whenever a header or a frame is complete; the same value twice means that the same part is awaited. */
  get stage(): number {
    return this.#stage
  }

  /** Takes the next bytes and calls the sink for each frame that they finish. @throws CoreError NETWORK_BAD_MESSAGE */
  push(chunk: Uint8Array): void {
    let offset = 0
    while (offset < chunk.length) {
      if (this.#headerBytes < HEADER_BYTES) offset = this.#takeHeader(chunk, offset)
      else offset = this.#takeBody(chunk, offset)
      if (this.#headerBytes === HEADER_BYTES && this.#bodyBytes === this.#bodyLength) this.#finish()
    }
  }

  /** Where the next bytes belong when they are part of a large body; undefined otherwise. */
  get place(): Uint8Array | undefined {
    const isInBody = this.#headerBytes === HEADER_BYTES && !this.#skipping
    if (!isInBody || this.#bodyLength - this.#bodyBytes < PLACE_BYTES_MIN) return undefined
    this.#reserve(this.#bodyBytes + PLACE_BYTES_MIN)
    return this.#body.subarray(this.#bodyBytes, this.#bodyLength)
  }

  /** The next bytes have been put into {@link place} itself, from its start. @throws CoreError NETWORK_BAD_MESSAGE */
  placed(bytes: number): void {
    this.#bodyBytes += bytes
    if (this.#bodyBytes === this.#bodyLength) this.#finish()
  }

  #takeHeader(chunk: Uint8Array, offset: number): number {
    const end = Math.min(chunk.length, offset + HEADER_BYTES - this.#headerBytes)
    for (let i = offset; i < end; i++) this.#header[this.#headerBytes++] = chunk[i] ?? 0
    if (this.#headerBytes === HEADER_BYTES) this.#openFrame()
    return end
  }

  #openFrame(): void {
    this.#stage += 1
    const length = readUint32(this.#header, 0)
    this.#kind = this.#header[4] ?? 0
    this.#id = readUint32(this.#header, 5)
    const limit = this.#sink.bodyBytesMax(this.#kind)
    if (limit === undefined) throw badFrame(`a frame of kind ${this.#kind} has no place on this side of the stream`)
    if (length < LENGTH_MIN || length > LENGTH_MAX) throw badFrame(`a frame announces ${length} bytes`)
    this.#bodyLength = length - LENGTH_MIN
    this.#bodyBytes = 0
    this.#skipping = this.#bodyLength > limit
    if (this.#skipping) this.#sink.onOversized(this.#kind as FrameKind, this.#id, this.#bodyLength)
  }

  #takeBody(chunk: Uint8Array, offset: number): number {
    const end = Math.min(chunk.length, offset + this.#bodyLength - this.#bodyBytes)
    const bytes = end - offset
    if (this.#skipping) {
      this.#bodyBytes += bytes
    } else if (this.#bodyBytes === 0 && bytes === this.#bodyLength) {
      // A copy, because the transport decrypts in place and its chunk holds many frames; not `slice`, which for a
      // Node.js Buffer is no copy.
      this.#body = new Uint8Array(chunk.subarray(offset, end))
      this.#bodyBytes = bytes
    } else {
      this.#reserve(this.#bodyBytes + bytes)
      this.#body.set(chunk.subarray(offset, end), this.#bodyBytes)
      this.#bodyBytes += bytes
    }
    return end
  }

  #reserve(bytes: number): void {
    if (this.#body.length >= bytes) return
    const wanted = Math.min(this.#bodyLength, Math.max(bytes, 2 * this.#body.length, this.#reserveBytesMax))
    const grown = uncleared(wanted)
    grown.set(this.#body.subarray(0, this.#bodyBytes))
    this.#body = grown
  }

  #finish(): void {
    const body = this.#body.length === this.#bodyLength ? this.#body : this.#body.subarray(0, this.#bodyLength)
    this.#body = NO_BYTES
    this.#headerBytes = 0
    this.#bodyBytes = 0
    this.#bodyLength = 0
    this.#stage += 1
    if (!this.#skipping) this.#sink.onFrame(this.#kind as FrameKind, this.#id, body)
  }
}
