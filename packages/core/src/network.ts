import type { PeerId } from './units.ts'

/** Limits of one request/response protocol; both ends enforce them. */
export interface ProtocolLimits {
  /** Largest request or response payload, 1 .. 16 MiB. */
  readonly messageBytesMax: number
  /** Requests that one peer may have in flight here; more are answered NETWORK_BUSY. */
  readonly inFlightPerPeerMax: number
  /** How long a handler may take before the requester is told NETWORK_TIMEOUT. */
  readonly handlerTimeoutMs: number
  /**
   * Payloads are large: where both ends can, they travel over a connection of their own that costs less per byte. Changes
   * nothing else.
   * @default false
   */
  readonly bulk?: boolean
  /**
   * Handlers keep nothing of a payload, nor of what they answer: the memory of the one is given back as soon as the handler
   * has ended, that of the other when it is sent, if that can be told, and what is left of views on them is empty. Left to
   * the collector, large ones lie about. An answer shares no memory with its payload.
   * @default false
   */
  readonly lendsPayloads?: boolean
}

/** A request that a peer sent. */
export interface IncomingRequest {
  /** Authenticated by the transport. */
  readonly peer: PeerId
  readonly payload: Uint8Array
  /** Aborts when the peer is gone, the handler's time is over, or this node stops. */
  readonly signal: AbortSignal
}

/**
 * Answers one request. Throwing a SteadError sends its code, message, retryable flag and details to the requester
 * (who gets NETWORK_REMOTE); any other error is logged here and answered as an internal failure without its text. The
 * answer's bytes must not change afterwards.
 */
export type RequestHandler = (request: IncomingRequest) => Promise<Uint8Array>

/** How one request is sent. */
export interface RequestOptions {
  /** From the call to the answer, connecting included. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal
  /**
   * Bytes that follow the payload, as if they were its end. They must not change until the request has settled: they are
   * read there until then, and not afterwards, however it ends.
   * @default none
   */
  readonly tail?: Uint8Array
  /**
   * See {@link ProtocolLimits.bulk}; has an effect when the other end serves the protocol as bulk too.
   * @default as this node serves the protocol; false where it does not
   */
  readonly bulk?: boolean
}

/** What a subscriber decides on a gossip message: `accept` forwards it, `ignore` drops it, `reject` also blames the sender. */
export type GossipVerdict = 'accept' | 'ignore' | 'reject'
/** Validates and takes one gossip message; `from` is the author, authenticated. */
export type GossipHandler = (payload: Uint8Array, from: PeerId) => GossipVerdict

/** What is known of one peer. */
export interface PeerInfo {
  readonly peer: PeerId
  readonly connected: boolean
  /** Known addresses as multiaddrs (`/ip4/…/tcp/…/p2p/…`), may be empty. */
  readonly addresses: readonly string[]
  /** Smoothed round-trip time measured by ping; undefined until measured. */
  readonly rttMs: number | undefined
}

/** Announcements about connections. */
export interface NetworkEvents {
  readonly peerConnected?: (peer: PeerId) => void
  readonly peerDisconnected?: (peer: PeerId) => void
}

/**
 * Peer to peer messages. One pooled connection per peer, many requests in flight on it; gossip by topic; a
 * distributed table of who provides which key. Works while at least one peer is reachable; no peer is special.
 */
export interface Network {
  readonly self: PeerId
  /** Own dialable multiaddrs, with `/p2p/<self>`; empty before start. */
  addresses(): readonly string[]
  start(): Promise<void>
  stop(): Promise<void>

  /** Serves a protocol (name like `/stead/compute/1`). @throws TypeError when the name has a handler already */
  handle(protocol: string, limits: ProtocolLimits, handler: RequestHandler): void
  /**
   * Sends one request and resolves with the answer's payload, whose memory nobody else has. It reaches the handler at most
   * once; requests may overtake each other. After an error nobody knows whether it arrived.
   * @throws CoreError NETWORK_TIMEOUT, NETWORK_UNREACHABLE, NETWORK_TOO_LARGE, NETWORK_BUSY, NETWORK_UNSUPPORTED,
   *   NETWORK_BAD_MESSAGE, CORE_ABORTED, CORE_STOPPED, and NETWORK_REMOTE with details `remoteCode`, `remoteMessage`,
   *   `remoteRetryable` and the remote details as `remote…`
   */
  request(peer: PeerId, protocol: string, payload: Uint8Array, options: RequestOptions): Promise<Uint8Array>

  /** Publishes to a topic's subscribers, at most 64 KiB. Resolves when handed to the mesh, with no promise of delivery. */
  publish(topic: string, payload: Uint8Array): Promise<void>
  /**
   * Takes part in a topic until the returned function is called. A message may come again, since what was seen is
   * forgotten in time and at a restart, and in any order.
   */
  subscribe(topic: string, handler: GossipHandler): () => void

  /** Announces in the DHT that this node provides `key` (any string; hashed). Repeated by the implementation until stop. */
  provide(key: string): Promise<void>
  /** Up to `limit` peers that announced `key`, most easily found first; empty when none is found in `timeoutMs`. */
  findProviders(key: string, limit: number, timeoutMs: number): Promise<readonly PeerId[]>

  /** Connects to a multiaddr with `/p2p/` or to a peer that can be found. @throws CoreError NETWORK_UNREACHABLE, NETWORK_TIMEOUT */
  connect(target: string | PeerId, timeoutMs: number): Promise<PeerId>
  /** Closes the connection to a peer that misbehaved and refuses it for `refuseMs`. */
  disconnect(peer: PeerId, refuseMs: number): Promise<void>
  peers(): readonly PeerInfo[]
  /** Measures the round trip now and folds it into the smoothed value. @throws as request */
  ping(peer: PeerId, timeoutMs: number): Promise<number>
  /** Listens for connection changes until the returned function is called. */
  listen(events: NetworkEvents): () => void
}
