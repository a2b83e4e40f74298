import { isIP } from 'node:net'
import type { Connection, ConnectionGater, PeerId as Libp2pPeerId, Stream } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { isMultiaddr, multiaddr } from '@multiformats/multiaddr'
import {
  type Clock,
  type CoreError,
  type GossipHandler,
  type Logger,
  type Metrics,
  messageOf,
  type Network,
  type NetworkEvents,
  type PeerId,
  type PeerInfo,
  type ProtocolLimits,
  type Random,
  type RequestHandler,
  type RequestOptions,
} from '@stead/core'
import { createSigner, loadSecp256k1, nobleSecp256k1, peerIdOfPublicKey } from '@stead/protocol'
import { AddressScope, hostOf } from './address-scope.ts'
import { DataPlane } from './bulk/data-plane.ts'
import { BULK_PROTOCOL } from './bulk/messages.ts'
import type { ByteStream } from './byte-stream.ts'
import { abortAfter, connectionError, dialTarget, notRunning, peerOfAddress, refused, withPeer } from './connecting.ts'
import { ConnectionTrimmer, type TrimCandidate } from './connection-trimmer.ts'
import type { SteadLibp2p } from './create-node.ts'
import { Libp2pError } from './errors.ts'
import { wireProtocolOf } from './frame.ts'
import { Gossip } from './gossip.ts'
import { libp2pPrivateKey, verifyFaster } from './identity.ts'
import { Libp2pByteStream } from './libp2p-byte-stream.ts'
import { MeshKeeper } from './mesh-keeper.ts'
import { MeshNeighbours } from './mesh-neighbours.ts'
import { NeighbourSearch } from './neighbour-search.ts'
import { type Libp2pOptions, type Libp2pOptionsInput, parseLibp2pOptions } from './options.ts'
import { PeerBook } from './peer-book.ts'
import { PeerUsage } from './peer-usage.ts'
import { ProviderTable, TABLE_PROTOCOL } from './provider-table.ts'
import { Refusals } from './refusals.ts'
import { RequestLayer } from './request-layer.ts'
import { PING_PROTOCOL, RoundTrips } from './round-trips.ts'

/** What a {@link Libp2pNetwork} needs. */
export interface Libp2pNetworkComponents {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly metrics: Metrics
  /** The node's secp256k1 key, 32 bytes. */
  readonly privateKey: Uint8Array
}

/** Streams of one protocol per connection; ours need one, and one more while it is opened again. */
const STREAMS_PER_CONNECTION_MAX = 4
/** What is on its way to an idle peer may still arrive. */
const CLOSE_TIMEOUT_MS = 5000

/** The Network port over js-libp2p. Starts once; after stop it stays stopped. */
export class Libp2pNetwork implements Network {
  readonly self: PeerId
  readonly #components: Libp2pNetworkComponents
  readonly #options: Libp2pOptions
  readonly #refusals: Refusals
  readonly #scope: AddressScope
  readonly #book: PeerBook
  readonly #requests: RequestLayer
  readonly #dataPlane: DataPlane
  readonly #roundTrips: RoundTrips
  readonly #gossip: Gossip
  readonly #providers: ProviderTable
  readonly #mesh: MeshKeeper
  readonly #neighbours: NeighbourSearch
  readonly #usage: PeerUsage
  readonly #meshNeighbours: MeshNeighbours = new MeshNeighbours()
  readonly #trimmer: ConnectionTrimmer
  readonly #listeners = new Set<NetworkEvents>()
  #node: SteadLibp2p | undefined
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined

  /** @throws Libp2pError LIBP2P_BAD_OPTION, RangeError for a bad key */
  constructor(components: Libp2pNetworkComponents, options: Libp2pOptionsInput = {}) {
    const { clock, random, logger, metrics, privateKey } = components
    this.#components = components
    this.#options = parseLibp2pOptions(options)
    this.self = peerIdOfPublicKey(nobleSecp256k1.publicKey(privateKey))
    this.#refusals = new Refusals(clock)
    this.#scope = new AddressScope(
      clock,
      this.#options.listen.map((address) => multiaddr(address)),
    )
    for (const address of this.#options.bootstrap) this.#scope.trust(multiaddr(address))
    this.#book = new PeerBook(clock, random)
    this.#usage = new PeerUsage(clock)
    const onBadPeer = (peer: PeerId, error: CoreError): void => this.#onBadPeer(peer, error)
    this.#requests = new RequestLayer(
      {
        clock,
        logger,
        metrics,
        usage: this.#usage,
        upkeep: new Set([PING_PROTOCOL, BULK_PROTOCOL]),
        onBadPeer,
        openStream: (peer, protocol) => this.#openStream(peer, protocol),
        openBulk: (peer, protocol) => this.#dataPlane.open(peer, protocol),
        onBulkSilent: (peer, protocol) => this.#dataPlane.onSilent(peer, protocol),
        mayOpenBulk: (peer, protocol) => this.#dataPlane.mayOpen(peer, protocol),
      },
      this.#options,
    )
    this.#dataPlane = new DataPlane(
      {
        ...{ clock, random, logger, metrics, self: this.self, requests: this.#requests },
        allows: (address) => this.#scope.allows(address),
        isConnected: (peer) => this.#connectionsOf(peer).length > 0,
        hostsOf: (peer) => this.#hostsOf(peer),
      },
      this.#options,
    )
    const gossiped = metrics.counter('stead_network_gossip_total', 'Gossip messages by verdict', ['verdict'])
    this.#gossip = new Gossip(
      { clock, logger, onBadPeer, onMessage: (verdict) => gossiped.add(1, { verdict }) },
      { messagesPerSecondPerPeerMax: this.#options.gossipMessagesPerSecondPerPeerMax },
    )
    this.#roundTrips = new RoundTrips(
      { clock, random, logger, book: this.#book, requests: this.#requests, onDead: (peer) => this.#hangUp(peer) },
      { intervalMs: this.#options.pingIntervalMs, timeoutMs: this.#options.pingTimeoutMs },
    )
    this.#providers = new ProviderTable(
      { clock, logger, self: this.self },
      { intervalMs: this.#options.provideIntervalMs, timeoutMs: this.#options.provideTimeoutMs },
    )
    this.#mesh = new MeshKeeper(
      { clock, random, logger, book: this.#book, dial: (target) => this.#dialForMesh(target) },
      {
        bootstrap: this.#options.bootstrap,
        peersTarget: this.#options.peersTarget,
        intervalMs: this.#options.discoveryIntervalMs,
      },
    )
    this.#trimmer = new ConnectionTrimmer(
      {
        clock,
        random,
        count: () => this.#book.connectedCount,
        connected: () => this.#trimCandidates(),
        close: (peer) => void this.#letGo(peer),
      },
      {
        idlePeersMax: this.#options.idlePeersMax,
        outboundKept: this.#options.peersTarget,
        intervalMs: this.#options.discoveryIntervalMs,
      },
    )
    this.#neighbours = new NeighbourSearch(
      { clock, logger, search: (signal) => this.#searchNeighbours(signal) },
      { intervalMs: this.#options.discoveryIntervalMs },
    )
  }

  addresses(): readonly string[] {
    return this.#node?.getMultiaddrs().map((address) => address.toString()) ?? []
  }

  /** @throws Libp2pError LIBP2P_LISTEN_FAILED */
  start(): Promise<void> {
    this.#starting ??= this.#start()
    return this.#starting
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  handle(protocol: string, limits: ProtocolLimits, handler: RequestHandler): void {
    this.#requests.handle(protocol, limits, handler)
    if (this.#node !== undefined) void this.#serve(this.#node, protocol)
  }

  request(peer: PeerId, protocol: string, payload: Uint8Array, options: RequestOptions): Promise<Uint8Array> {
    if (this.#stopping !== undefined || this.#node === undefined) return Promise.reject(notRunning())
    return this.#requests.request(peer, protocol, payload, options)
  }

  async publish(topic: string, payload: Uint8Array): Promise<void> {
    this.#runningNode()
    await this.#gossip.publish(topic, payload)
  }

  subscribe(topic: string, handler: GossipHandler): () => void {
    return this.#gossip.subscribe(topic, handler)
  }

  async provide(key: string): Promise<void> {
    this.#runningNode()
    await this.#providers.provide(key)
  }

  async findProviders(key: string, limit: number, timeoutMs: number): Promise<readonly PeerId[]> {
    this.#runningNode()
    return await this.#providers.find(key, limit, timeoutMs)
  }

  async connect(target: string | PeerId, timeoutMs: number): Promise<PeerId> {
    const node = this.#runningNode()
    const signal = abortAfter(timeoutMs)
    try {
      const address = dialTarget(target)
      if (isMultiaddr(address)) this.#scope.trust(address)
      const connection = await node.dial(address, { signal })
      return connection.remotePeer.toString() as PeerId
    } catch (error) {
      throw connectionError(target, error)
    }
  }

  async disconnect(peer: PeerId, refuseMs: number): Promise<void> {
    this.#runningNode()
    this.#refuse(peer, refuseMs)
  }

  peers(): readonly PeerInfo[] {
    return this.#book
      .list()
      .map(({ peer, isConnected, addresses, rttMs }) => ({ peer, connected: isConnected, addresses, rttMs }))
  }

  async ping(peer: PeerId, timeoutMs: number): Promise<number> {
    this.#runningNode()
    return await this.#roundTrips.measure(peer, timeoutMs)
  }

  listen(events: NetworkEvents): () => void {
    const own = { ...events }
    this.#listeners.add(own)
    return () => this.#listeners.delete(own)
  }

  #runningNode(): SteadLibp2p {
    if (this.#node === undefined || this.#stopping !== undefined) throw notRunning()
    return this.#node
  }

  async #start(): Promise<void> {
    const { privateKey, logger } = this.#components
    // Most of the memory of this package is libp2p's modules; a process that only makes the object does not load them.
    const [{ createNode }, secp256k1] = await Promise.all([import('./create-node.ts'), loadSecp256k1()])
    const signer = createSigner(secp256k1, privateKey)
    verifyFaster(secp256k1, signer.publicKey)
    const node = await createNode(
      {
        privateKey: libp2pPrivateKey(secp256k1, privateKey),
        logger,
        gater: this.#gater(),
        gossip: this.#gossip,
      },
      this.#options,
    )
    this.#listenTo(node)
    this.#meshNeighbours.follow(node.services.pubsub)
    await Promise.all(this.#requests.protocols.map((protocol) => this.#serve(node, protocol)))
    await this.#dataPlane.start()
    try {
      await startListening(node, this.#options.listen)
    } catch (error) {
      this.#dataPlane.stop()
      throw error
    }
    await this.#recall(node)
    this.#node = node
    this.#gossip.start({ pubsub: node.services.pubsub, secp256k1, signer })
    this.#providers.start(node.services.dht)
    this.#roundTrips.start()
    this.#mesh.start()
    this.#neighbours.start()
    this.#trimmer.start()
  }

  /** Whoever was met before can be dialled at once, without a search in a table that was just joined. */
  async #recall(node: SteadLibp2p): Promise<void> {
    const known = this.#options.known.map((address) => multiaddr(address))
    for (const [peer, addresses] of Map.groupBy(known, peerOfAddress)) {
      if (peer === undefined || peer === this.self) continue
      await node.peerStore.merge(peerIdFromString(peer), { multiaddrs: [...addresses] })
    }
  }

  async #stop(): Promise<void> {
    await this.#starting?.catch((error: unknown) => {
      this.#components.logger.debug('stopping after a failed start', { error: messageOf(error) })
    })
    this.#trimmer.stop()
    this.#neighbours.stop()
    this.#mesh.stop()
    this.#roundTrips.stop()
    this.#providers.stop()
    this.#requests.stop()
    this.#dataPlane.stop()
    this.#gossip.stop()
    await this.#node?.stop()
    this.#listeners.clear()
  }

  async #searchNeighbours(signal: AbortSignal): Promise<void> {
    const { services, peerId } = this.#runningNode()
    for await (const step of services.dht.getClosestPeers(peerId.toMultihash().bytes, { signal })) {
      this.#components.logger.debug('searching neighbours', { step: step.name })
    }
  }

  async #serve(node: SteadLibp2p, protocol: string): Promise<void> {
    const accept = (stream: Stream, { remotePeer }: Connection): void => {
      this.#requests.accept(protocol, new Libp2pByteStream(stream), remotePeer.toString() as PeerId)
    }
    try {
      await node.handle(wireProtocolOf(protocol), accept, {
        maxInboundStreams: STREAMS_PER_CONNECTION_MAX,
        maxOutboundStreams: STREAMS_PER_CONNECTION_MAX,
        runOnLimitedConnection: true,
      })
    } catch (error) {
      this.#components.logger.error('cannot serve a protocol', { protocol, error: messageOf(error) })
    }
  }

  async #openStream(peer: PeerId, protocol: string): Promise<ByteStream> {
    const node = this.#runningNode()
    if (this.#refusals.has(peer)) throw refused(peer)
    const signal = AbortSignal.timeout(this.#options.dialTimeoutMs)
    try {
      const connection = await connectionTo(node, peerIdFromString(peer), signal)
      const stream = await connection.newStream(wireProtocolOf(protocol), {
        signal,
        runOnLimitedConnection: true,
        maxOutboundStreams: STREAMS_PER_CONNECTION_MAX,
      })
      return new Libp2pByteStream(stream)
    } catch (error) {
      throw connectionError(peer, error, protocol)
    }
  }

  async #dialForMesh(target: string | PeerId): Promise<void> {
    const node = this.#node
    if (node === undefined) return
    try {
      await node.dial(dialTarget(target), { signal: AbortSignal.timeout(this.#options.dialTimeoutMs) })
    } catch (error) {
      this.#book.addFailure(target as PeerId)
      throw error
    }
  }

  #gater(): ConnectionGater {
    // Every peer has an EVM address, which only this kind of key gives.
    const isUnwanted = (peer: Libp2pPeerId): boolean =>
      peer.type !== 'secp256k1' || this.#refusals.has(peer.toString() as PeerId)
    return {
      denyDialPeer: isUnwanted,
      denyInboundEncryptedConnection: isUnwanted,
      denyOutboundEncryptedConnection: isUnwanted,
      denyDialMultiaddr: (address) => !this.#scope.allows(address),
      filterMultiaddrForPeer: (_peer, address) => this.#scope.allows(address),
    }
  }

  #listenTo(node: SteadLibp2p): void {
    const connected = this.#components.metrics.gauge('stead_network_peers', 'Connected peers')
    node.addEventListener('connection:open', ({ detail }) => this.#scope.trust(detail.remoteAddr))
    node.addEventListener('peer:connect', ({ detail }) => {
      const peer = detail.toString() as PeerId
      this.#book.setConnected(peer, true)
      this.#usage.add(peer)
      connected.set(this.#book.connectedCount)
      for (const listener of this.#listeners) this.#tell(() => listener.peerConnected?.(peer))
    })
    node.addEventListener('peer:disconnect', ({ detail }) => {
      const peer = detail.toString() as PeerId
      this.#book.setConnected(peer, false)
      this.#dataPlane.drop(peer)
      this.#neighbours.onChange()
      this.#roundTrips.forget(peer)
      this.#usage.forget(peer)
      this.#meshNeighbours.forget(peer)
      connected.set(this.#book.connectedCount)
      for (const listener of this.#listeners) this.#tell(() => listener.peerDisconnected?.(peer))
    })
    node.addEventListener('peer:update', ({ detail: { peer } }) => {
      if (peer.id.equals(node.peerId)) return
      const id = peer.id.toString()
      const addresses = peer.addresses.map(({ multiaddr: address }) => withPeer(address.toString(), id))
      this.#book.setAddresses(id as PeerId, addresses)
    })
    node.addEventListener('peer:identify', ({ detail: { peerId, protocols } }) => {
      void this.#roundTrips.check(peerId.toString() as PeerId)
      this.#onIdentified(protocols)
    })
  }

  #onIdentified(protocols: readonly string[]): void {
    if (!protocols.includes(TABLE_PROTOCOL)) return
    this.#providers.onTablePeer()
    // Not when it connects: only now can it be asked.
    this.#neighbours.onChange()
  }

  #tell(call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#components.logger.error('a listener for connections failed', { error: messageOf(error) })
    }
  }

  #onBadPeer(peer: PeerId, error: CoreError): void {
    const refuseMs = this.#options.badPeerRefuseMs
    this.#components.logger.warn('peer broke a protocol', { peer, refuseMs, error: error.message })
    this.#refuse(peer, refuseMs)
  }

  #refuse(peer: PeerId, refuseMs: number): void {
    this.#refusals.add(peer, refuseMs)
    this.#requests.drop(peer, refused(peer))
    this.#dataPlane.drop(peer)
    this.#hangUp(peer)
  }

  #trimCandidates(): readonly TrimCandidate[] {
    return this.#book.list().flatMap(({ peer, isConnected }) => {
      if (!isConnected) return []
      const isOutbound = this.#connectionsOf(peer).some(({ direction }) => direction === 'outbound')
      return [{ peer, isOutbound, idleMs: this.#usage.idleMs(peer), isInMesh: this.#meshNeighbours.has(peer) }]
    })
  }

  async #letGo(peer: PeerId): Promise<void> {
    try {
      const signal = AbortSignal.timeout(CLOSE_TIMEOUT_MS)
      await Promise.all(this.#connectionsOf(peer).map((connection) => connection.close({ signal })))
    } catch (error) {
      this.#components.logger.debug('an idle peer did not close in order', { peer, error: messageOf(error) })
      this.#hangUp(peer)
    }
  }

  #hostsOf(peer: PeerId): readonly string[] {
    const direct = this.#connectionsOf(peer).filter(({ limits, remoteAddr }) => {
      return limits === undefined && !remoteAddr.toString().includes('/p2p-circuit')
    })
    return [...new Set(direct.map(({ remoteAddr }) => hostOf(remoteAddr) ?? ''))].filter((host) => isIP(host) !== 0)
  }

  #hangUp(peer: PeerId): void {
    for (const connection of this.#connectionsOf(peer)) connection.abort(new Error('disconnected'))
  }

  #connectionsOf(peer: PeerId): readonly Connection[] {
    return this.#node?.getConnections().filter(({ remotePeer }) => remotePeer.toString() === peer) ?? []
  }
}

async function startListening(node: SteadLibp2p, listen: readonly string[]): Promise<void> {
  try {
    await node.start()
  } catch (error) {
    const message = `cannot listen on ${listen.join(', ')}: ${withoutStacks(messageOf(error))}`
    throw new Libp2pError('LIBP2P_LISTEN_FAILED', message, { details: { listen }, cause: error })
  }
}

/** libp2p puts the stacks of all causes into one message; a person needs the first line of each. */
function withoutStacks(message: string): string {
  const lines = message.split('\n').map((line) => line.trim())
  return lines.filter((line) => line !== '' && !/^at\s/.test(line)).join(' ')
}

async function connectionTo(node: SteadLibp2p, peer: Libp2pPeerId, signal: AbortSignal): Promise<Connection> {
  const open = node.getConnections(peer).filter(({ status }) => status === 'open')
  // A relayed connection has limits; a direct one is better where there is one.
  return open.find(({ limits }) => limits === undefined) ?? open[0] ?? (await node.dial(peer, { signal }))
}
