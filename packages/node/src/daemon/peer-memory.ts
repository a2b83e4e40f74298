import {
  type Clock,
  type Logger,
  messageOf,
  type Network,
  type PeerId,
  type Store,
  type Timer,
  type UnixMs,
} from '@stead/core'

const TABLE = 'known-peers'
/**
 * Peers that are remembered: enough to find a live one after weeks, and nodes that keep pieces without a search when a
 * payer starts again.
 */
const PEERS_MAX = 256
/** Addresses of one peer that are told at a start. */
const RECALLED_PER_PEER_MAX = 2
const ADDRESSES_PER_PEER_MAX = 8
const SAVE_INTERVAL_MS = 60_000

interface KnownPeer {
  readonly peer: string
  readonly addresses: readonly string[]
  readonly seenAt: number
}

/** What {@link PeerMemory} needs. */
export interface PeerMemoryComponents {
  readonly store: Store
  readonly clock: Clock
  readonly logger: Logger
}

/** Remembers addresses of peers that were met, so that a node rejoins when its bootstrap peers are gone. */
export class PeerMemory {
  readonly #components: PeerMemoryComponents
  #network: Network | undefined
  #timer: Timer | undefined
  #unlisten: (() => void) | undefined

  constructor(components: PeerMemoryComponents) {
    this.#components = components
  }

  /** Multiaddrs with `/p2p/` of the peers seen last, newest first. */
  async recall(): Promise<readonly string[]> {
    const known = await this.#load()
    return known.flatMap((entry) => entry.addresses.slice(0, RECALLED_PER_PEER_MAX))
  }

  /** Begins to write down who is connected. */
  start(network: Network): void {
    this.#network = network
    // The first minutes decide whether a node that is killed early finds back.
    this.#unlisten = network.listen({ peerConnected: () => this.#schedule(2000) })
  }

  async stop(): Promise<void> {
    this.#unlisten?.()
    this.#timer?.clear()
    this.#timer = undefined
    await this.#save()
    this.#network = undefined
  }

  #schedule(delayMs: number): void {
    if (this.#timer !== undefined) return
    this.#timer = this.#components.clock.setTimer(delayMs, () => {
      this.#timer = undefined
      this.#save().then(
        () => this.#schedule(SAVE_INTERVAL_MS),
        (error: unknown) => this.#components.logger.warn('peers not remembered', { error: messageOf(error) }),
      )
    })
  }

  async #save(): Promise<void> {
    const { store, clock } = this.#components
    const connected = (this.#network?.peers() ?? []).filter((info) => info.connected && info.addresses.length > 0)
    if (connected.length === 0) return
    const now = clock.now()
    const before = new Map((await this.#load()).map((entry) => [entry.peer, entry]))
    for (const { peer, addresses } of connected) {
      before.set(peer, { peer, addresses: withPeer(addresses, peer).slice(0, ADDRESSES_PER_PEER_MAX), seenAt: now })
    }
    const newest = [...before.values()].sort((left, right) => right.seenAt - left.seenAt)
    // What is known of the others stands there already.
    const fresh = newest.slice(0, PEERS_MAX).filter(({ seenAt }) => seenAt === now)
    await store.write(
      [
        ...fresh.map((entry) => ({ kind: 'put', table: TABLE, key: entry.peer, value: encode(entry) }) as const),
        ...newest.slice(PEERS_MAX).map(({ peer }) => ({ kind: 'delete', table: TABLE, key: peer }) as const),
      ],
      'process',
    )
  }

  async #load(): Promise<KnownPeer[]> {
    const rows = await this.#components.store.scan(TABLE)
    return rows
      .map(({ key, value }) => decode(key, value))
      .filter((entry) => entry !== undefined)
      .sort((left, right) => right.seenAt - left.seenAt)
  }
}

function withPeer(addresses: readonly string[], peer: PeerId): string[] {
  return addresses.map((address) => (address.includes('/p2p/') ? address : `${address}/p2p/${peer}`))
}

function encode(entry: KnownPeer): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ addresses: entry.addresses, seenAt: entry.seenAt }))
}

/** A row that cannot be read is forgotten: the peer is met again. */
function decode(peer: string, value: Uint8Array): KnownPeer | undefined {
  const parsed = parse(new TextDecoder().decode(value))
  if (typeof parsed !== 'object' || parsed === null) return undefined
  const { addresses, seenAt } = parsed as { addresses?: unknown; seenAt?: UnixMs }
  if (!Array.isArray(addresses) || typeof seenAt !== 'number') return undefined
  return { peer, addresses: addresses.filter((address): address is string => typeof address === 'string'), seenAt }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
