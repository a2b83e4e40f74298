import { type ContentId, type IncomingRequest, isSteadError, messageOf, type PeerId } from '@stead/core'
import { checkContent } from '@stead/protocol'
import type { DocumentShelf } from './document-shelf.ts'
import {
  DOCUMENT_BYTES_MAX,
  DOCUMENTS_PROTOCOL,
  documentLimits,
  documentReplySchema,
  documentRequestSchema,
  PART_BYTES_MAX,
} from './epoch-messages.ts'
import type { EpochPorts } from './ports.ts'

/** Peers that are asked for one document before it counts as not to be had. */
const PEERS_MAX = 12
const PART_TIMEOUT_MS = 10_000
/** How long a peer that sent other bytes than it was asked for is refused. */
const REFUSE_MS = 60_000

/** Where a document is likely to be, and for which epoch it is kept. */
export interface FetchHint {
  readonly epoch: number
  readonly peers?: readonly PeerId[]
  /** Only {@link peers} are asked. @default false */
  readonly isNowhereElse?: boolean
  /** A larger one is not taken. @default 32 MiB, the largest result */
  readonly bytesMax?: number
}

/** Serves the documents of epochs to peers and fetches what is missing, each checked against its content id. */
export class DocumentExchange {
  readonly #ports: Pick<EpochPorts, 'network' | 'logger'>
  readonly #shelf: DocumentShelf
  readonly #fetching: Map<ContentId, Promise<Uint8Array | undefined>> = new Map()
  /** The last document that was served: its parts are asked for one after the other. */
  #served: { readonly id: ContentId; readonly bytes: Uint8Array } | undefined

  constructor(ports: Pick<EpochPorts, 'network' | 'logger'>, shelf: DocumentShelf) {
    this.#ports = ports
    this.#shelf = shelf
  }

  start(): void {
    this.#ports.network.handle(DOCUMENTS_PROTOCOL, documentLimits, (request) => this.#answer(request))
  }

  /** A document from the shelf or from peers; undefined when nobody who is asked has it. @throws CoreError of the store */
  async load(id: ContentId, hint: FetchHint): Promise<Uint8Array | undefined> {
    const known = await this.#shelf.get(id)
    if (known !== undefined) return known
    const running = this.#fetching.get(id)
    if (running !== undefined) return running
    const fetching = this.#fetch(id, hint).finally(() => this.#fetching.delete(id))
    this.#fetching.set(id, fetching)
    return fetching
  }

  async #fetch(id: ContentId, hint: FetchHint): Promise<Uint8Array | undefined> {
    const { network, logger } = this.#ports
    const connected = network.peers().flatMap(({ peer, connected }) => (connected ? [peer] : []))
    const others = hint.isNowhereElse === true ? [] : connected
    const peers = [...new Set([...(hint.peers ?? []), ...others])].filter((peer) => peer !== network.self)
    for (const peer of peers.slice(0, PEERS_MAX)) {
      try {
        const bytes = await this.#fetchFrom(peer, id, hint.bytesMax ?? DOCUMENT_BYTES_MAX)
        if (bytes === undefined) continue
        await this.#shelf.put(bytes, hint.epoch)
        return bytes
      } catch (error) {
        if (!isSteadError(error)) throw error
        logger.debug('a peer did not give a document', { peer, id, error: messageOf(error) })
        if (error.code.startsWith('PROTOCOL_')) await network.disconnect(peer, REFUSE_MS)
      }
    }
    return undefined
  }

  async #fetchFrom(peer: PeerId, id: ContentId, bytesMax: number): Promise<Uint8Array | undefined> {
    let document: Uint8Array | undefined
    for (let offset = 0; ; ) {
      const request = documentRequestSchema.encodeMessage({ version: 1, id, offset })
      const answer = await this.#ports.network.request(peer, DOCUMENTS_PROTOCOL, request, {
        timeoutMs: PART_TIMEOUT_MS,
      })
      const { totalBytes, part } = documentReplySchema.decodeMessage(answer)
      if (totalBytes === 0 || totalBytes > bytesMax) return undefined
      document ??= new Uint8Array(totalBytes)
      const isPart = totalBytes === document.length && part.length > 0 && offset + part.length <= totalBytes
      // Whatever it is, it is not the document: the check below says so.
      if (!isPart) break
      document.set(part, offset)
      offset += part.length
      if (offset === totalBytes) break
    }
    checkContent(id, document)
    return document
  }

  async #answer({ payload }: IncomingRequest): Promise<Uint8Array> {
    const { id, offset } = documentRequestSchema.decodeMessage(payload)
    if (this.#served?.id !== id) {
      const bytes = await this.#shelf.get(id)
      if (bytes === undefined) return documentReplySchema.encodeMessage({ totalBytes: 0, part: new Uint8Array(0) })
      this.#served = bytes.length > PART_BYTES_MAX ? { id, bytes } : undefined
      return reply(bytes, offset)
    }
    return reply(this.#served.bytes, offset)
  }
}

function reply(bytes: Uint8Array, offset: number): Uint8Array {
  return documentReplySchema.encodeMessage({
    totalBytes: bytes.length,
    part: bytes.subarray(offset, offset + PART_BYTES_MAX),
  })
}
