import {
  type Clock,
  type ContentId,
  CoreError,
  hasCode,
  type Logger,
  type Metrics,
  type Network,
  type PeerId,
  type ProtocolLimits,
  type RequestOptions,
  type Size,
  type Store,
} from '@stead/core'
import { checkContent } from '@stead/protocol'
import { ComputeError } from '../errors.ts'
import {
  BLOB_CHUNK_BYTES_MAX,
  BLOBS_MESSAGE_BYTES_MAX,
  BLOBS_PROTOCOL,
  blobChunkSchema,
  getBlobSchema,
} from '../messages.ts'
import { type BlobInput, type BlobOptions, blobOptionsSchema } from '../options.ts'
import { BlobCache } from './blob-cache.ts'
import { BlobGrants } from './blob-grants.ts'
import { ByteGate } from './byte-gate.ts'

const LIMITS: ProtocolLimits = {
  messageBytesMax: BLOBS_MESSAGE_BYTES_MAX,
  inFlightPerPeerMax: 64,
  handlerTimeoutMs: 30_000,
  bulk: true,
}

/** What a blob exchange needs. */
export interface BlobExchangeComponents {
  readonly network: Network
  readonly store: Store
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

/** How a blob is pulled. */
export interface PullOptions {
  /** A larger blob is refused before anything is taken from the peer. */
  readonly bytesMax: number
  /** From the first call for the blob to its last byte. */
  readonly timeoutMs: number
  /** Ends this caller's wait; the transfer goes on for others who wait for the same blob. */
  readonly signal?: AbortSignal
}

/** A node's blobs: the cache, what it gives to whom, and what it takes from others. One per node. */
export class BlobExchange {
  readonly cache: BlobCache
  readonly #network: Network
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #options: BlobOptions
  readonly #grants: BlobGrants
  readonly #gate: ByteGate
  readonly #pulls: Map<string, Promise<Uint8Array>> = new Map()
  readonly #stopping: AbortController = new AbortController()
  readonly #countPulledBytes: (bytes: number) => void
  readonly #countServedBytes: (bytes: number) => void

  constructor(components: BlobExchangeComponents, options: BlobInput = {}) {
    this.#options = Object.freeze(blobOptionsSchema.parse(options))
    this.#network = components.network
    this.#clock = components.clock
    this.#logger = components.logger
    this.cache = new BlobCache(components, this.#options)
    this.#grants = new BlobGrants((id) => this.cache.unpin(id))
    this.#gate = new ByteGate(this.#options.pullBytesMax)
    const pulled = components.metrics.counter('stead_blobs_pulled_bytes_total', 'Bytes of blobs taken from peers')
    const served = components.metrics.counter('stead_blobs_served_bytes_total', 'Bytes of blobs given to peers')
    this.#countPulledBytes = (bytes) => pulled.add(bytes)
    this.#countServedBytes = (bytes) => served.add(bytes)
  }

  /** Reads the index of the cache and begins to serve. @throws CoreError STORE_FAILED, STORE_CORRUPT */
  async start(): Promise<void> {
    await this.cache.start()
    this.#network.handle(BLOBS_PROTOCOL, LIMITS, ({ peer, payload }) => this.#serve(peer, payload))
  }

  /** Ends all pulls. */
  async stop(): Promise<void> {
    this.#stopping.abort(new ComputeError('COMPUTE_STOPPED', 'the blob exchange was stopped'))
    await Promise.allSettled(this.#pulls.values())
  }

  /** What this exchange and its cache hold, with the most that they may. */
  sizes(): readonly Size[] {
    return [...this.cache.sizes(), { what: 'blobs that peers may still pull', ...this.#grants.size }]
  }

  /** Allows `peer` to pull `id` until {@link revoke} was called as often. */
  grant(peer: PeerId, id: ContentId): void {
    this.#grants.grant(peer, id)
  }

  /** Undoes one {@link grant}. */
  revoke(peer: PeerId, id: ContentId): void {
    this.#grants.revoke(peer, id)
  }

  /** Holds a blob in memory for a peer that has yet to pull it, until thousands of later ones were offered so. */
  offer(peer: PeerId, id: ContentId, bytes: Uint8Array): void {
    if (this.#grants.grantLasting(peer, id)) this.cache.pin(id)
    this.cache.hold(id, bytes)
  }

  /**
   * Takes a blob from a peer, checked against its id. Two pulls of the same blob from the same peer share one transfer.
   * @throws ComputeError COMPUTE_BLOB_TOO_LARGE, COMPUTE_BLOB_UNAVAILABLE, COMPUTE_STOPPED
   * @throws ProtocolError PROTOCOL_CONTENT when the bytes are others
   */
  pull(peer: PeerId, id: ContentId, options: PullOptions): Promise<Uint8Array> {
    const key = `${peer} ${id} ${options.bytesMax}`
    let pull = this.#pulls.get(key)
    if (pull === undefined) {
      pull = this.#pullWithin(peer, id, options).finally(() => this.#pulls.delete(key))
      this.#pulls.set(key, pull)
    }
    return options.signal === undefined ? pull : unlessAborted(pull, options.signal)
  }

  async #pullWithin(peer: PeerId, id: ContentId, options: PullOptions): Promise<Uint8Array> {
    const expiry = new AbortController()
    const timer = this.#clock.setTimer(options.timeoutMs, () => {
      const message = `a blob did not come within ${options.timeoutMs} ms`
      const details = { id, peer, timeoutMs: options.timeoutMs }
      expiry.abort(new ComputeError('COMPUTE_BLOB_UNAVAILABLE', message, { details }))
    })
    const signal = AbortSignal.any([expiry.signal, this.#stopping.signal])
    try {
      return await this.#transfer(peer, id, options, signal)
    } catch (error) {
      if (signal.aborted && hasCode(error, 'CORE_ABORTED')) throw signal.reason
      if (!(error instanceof CoreError)) throw error
      const message = `a blob did not come: ${error.message}`
      throw new ComputeError('COMPUTE_BLOB_UNAVAILABLE', message, { cause: error, details: { id, reason: error.code } })
    } finally {
      timer.clear()
      // Ends the other chunks when one has failed.
      expiry.abort(new ComputeError('COMPUTE_BLOB_UNAVAILABLE', 'the transfer of a blob has ended'))
    }
  }

  async #transfer(peer: PeerId, id: ContentId, options: PullOptions, signal: AbortSignal): Promise<Uint8Array> {
    const { timeoutMs } = options
    // With the small requests: most blobs end here, and a connection of their own costs four round trips.
    const firstPart = { id, offset: 0, length: BLOB_CHUNK_BYTES_MAX }
    const first = await this.#chunk(peer, firstPart, { timeoutMs, signal, bulk: false })
    const { totalBytes } = first
    if (totalBytes > options.bytesMax) {
      const message = `a blob has ${totalBytes} bytes, at most ${options.bytesMax} are taken`
      const details = { id, needBytes: totalBytes, haveBytes: options.bytesMax }
      throw new ComputeError('COMPUTE_BLOB_TOO_LARGE', message, { details })
    }
    if (first.bytes.length === totalBytes) return this.#checked(id, first.bytes)
    const leave = await this.#gate.enter(totalBytes, signal)
    try {
      const whole = new Uint8Array(totalBytes)
      whole.set(first.bytes)
      let next = first.bytes.length
      const worker = async (): Promise<void> => {
        while (next < totalBytes) {
          const offset = next
          const length = Math.min(BLOB_CHUNK_BYTES_MAX, totalBytes - offset)
          next += length
          const chunk = await this.#chunk(peer, { id, offset, length }, { timeoutMs, signal, bulk: true })
          if (chunk.bytes.length !== length || chunk.totalBytes !== totalBytes)
            throw unavailable(id, 'parts of a blob do not fit')
          whole.set(chunk.bytes, offset)
        }
      }
      await Promise.all(Array.from({ length: this.#options.chunksInFlight }, worker))
      return this.#checked(id, whole)
    } finally {
      leave()
    }
  }

  #checked(id: ContentId, bytes: Uint8Array): Uint8Array {
    checkContent(id, bytes)
    this.#countPulledBytes(bytes.length)
    return bytes
  }

  async #chunk(
    peer: PeerId,
    part: { readonly id: ContentId; readonly offset: number; readonly length: number },
    options: RequestOptions,
  ): Promise<{ readonly totalBytes: number; readonly bytes: Uint8Array }> {
    const answer = await this.#network.request(peer, BLOBS_PROTOCOL, getBlobSchema.encodeMessage(part), options)
    const chunk = blobChunkSchema.decodeMessage(answer)
    const expected = Math.min(part.length, chunk.totalBytes - part.offset)
    if (chunk.bytes.length !== expected) throw unavailable(part.id, 'a part of a blob has the wrong length')
    return chunk
  }

  async #serve(peer: PeerId, payload: Uint8Array): Promise<Uint8Array> {
    const { id, offset, length } = getBlobSchema.decodeMessage(payload)
    // The same answer for "not yours" and "not here": what a node holds is nobody's business.
    const blob = this.#grants.allows(peer, id) ? await this.cache.get(id) : undefined
    if (blob === undefined) {
      this.#logger.debug('refused a blob', { peer, id })
      throw unavailable(id, 'this node does not give this blob to this peer')
    }
    const bytes = blob.subarray(offset, offset + length)
    this.#countServedBytes(bytes.length)
    return blobChunkSchema.encodeMessage({ totalBytes: blob.length, bytes })
  }
}

function unavailable(id: ContentId, message: string): ComputeError {
  return new ComputeError('COMPUTE_BLOB_UNAVAILABLE', message, { details: { id } })
}

/** Another caller may wait for the same promise, so an abort ends the wait and not the work. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
