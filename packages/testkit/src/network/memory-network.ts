import {
  CoreError,
  type GossipHandler,
  type GossipVerdict,
  type Network,
  type NetworkEvents,
  type PeerId,
  type PeerInfo,
  type ProtocolLimits,
  type RequestHandler,
  type RequestOptions,
} from '@stead/core'
import type { MemoryHub } from './memory-hub.ts'
import { MemoryRequester, MemoryResponder } from './memory-requests.ts'

interface GossipMessage {
  readonly id: string
  readonly topic: string
  readonly author: PeerId
  readonly payload: Uint8Array
}

const GOSSIP_PAYLOAD_BYTES_MAX = 64 * 1024
const SEEN_MAX = 10_000
/** Bad messages that a neighbour may pass on before it is cut off, and for how long. */
const OFFENCES_MAX = 10
const REFUSE_MS = 10 * 60_000
const RTT_WEIGHT = 1 / 8
const PROVIDE_INTERVAL_MS = 10 * 60_000
const PING_PROTOCOL = '/stead/ping/1'

/** A node of a {@link MemoryHub}: the Network port without sockets, with the same answers and errors as the real one. */
export class MemoryNetwork implements Network {
  readonly self: PeerId
  /** Where it can be reached within its hub. */
  readonly address: string
  readonly #hub: MemoryHub
  readonly #responder: MemoryResponder
  readonly #requester: MemoryRequester
  readonly #connected = new Set<PeerId>()
  readonly #known = new Map<PeerId, { readonly addresses: readonly string[]; readonly rttMs: number | undefined }>()
  readonly #refusedUntilMs = new Map<PeerId, number>()
  readonly #listeners = new Set<NetworkEvents>()
  readonly #topics = new Map<string, Set<GossipHandler>>()
  readonly #seen = new Set<string>()
  readonly #offences = new Map<PeerId, number>()
  readonly #provided = new Set<string>()
  readonly #records = new Map<string, Set<PeerId>>()
  #state: 'new' | 'running' | 'stopped' = 'new'
  #published = 0

  /** Nodes are made by MemoryHub.createNode. */
  constructor(hub: MemoryHub, self: PeerId, address: string) {
    this.self = self
    this.address = address
    this.#hub = hub
    this.#responder = new MemoryResponder(hub)
    this.#requester = new MemoryRequester(hub)
    const limits = { messageBytesMax: 64, inFlightPerPeerMax: 8, handlerTimeoutMs: 1000 }
    this.#responder.handle(PING_PROTOCOL, limits, async ({ payload }) => payload)
  }

  get isRunning(): boolean {
    return this.#state === 'running'
  }

  addresses(): readonly string[] {
    return this.isRunning ? [this.address] : []
  }

  async start(): Promise<void> {
    if (this.#state !== 'new') return
    this.#state = 'running'
    this.#repeatProviding()
  }

  async stop(): Promise<void> {
    this.die()
  }

  /** Ends at once; see MemoryHub.kill. */
  die(): void {
    if (this.#state === 'stopped') return
    this.#state = 'stopped'
    this.#requester.failAll(new CoreError('CORE_STOPPED', 'the network was stopped before the answer'))
    this.#responder.abort()
    for (const peer of [...this.#connected]) this.#hangUp(peer)
    this.#listeners.clear()
  }

  handle(protocol: string, limits: ProtocolLimits, handler: RequestHandler): void {
    this.#responder.handle(protocol, limits, handler)
  }

  async request(peer: PeerId, protocol: string, payload: Uint8Array, options: RequestOptions): Promise<Uint8Array> {
    this.#checkRunning()
    if (options.signal?.aborted === true)
      throw new CoreError('CORE_ABORTED', 'the request was cancelled before it was sent')
    const limitBytes = this.#responder.payloadBytesMax(protocol)
    if (payload.length > limitBytes) {
      const message = `the request has ${payload.length} bytes, at most ${limitBytes} are allowed`
      throw new CoreError('NETWORK_TOO_LARGE', message, { details: { haveBytes: payload.length, limitBytes } })
    }
    const copy = new Uint8Array(payload)
    return await this.#requester.begin(peer, options, {
      send: (id) => this.#sendRequest(id, peer, { protocol, payload: copy, timeoutMs: options.timeoutMs }),
      cancel: (id) => this.#tell(peer, (node) => node.#responder.cancel(`${this.self} ${id}`)),
    })
  }

  async publish(topic: string, payload: Uint8Array): Promise<void> {
    this.#checkRunning()
    const haveBytes = payload.length
    if (haveBytes > GOSSIP_PAYLOAD_BYTES_MAX) {
      const message = `a gossip message has ${haveBytes} bytes, at most ${GOSSIP_PAYLOAD_BYTES_MAX} are allowed`
      throw new CoreError('NETWORK_TOO_LARGE', message, {
        details: { haveBytes, limitBytes: GOSSIP_PAYLOAD_BYTES_MAX },
      })
    }
    this.#published += 1
    const id = `${this.self} ${this.#published}`
    this.#remember(id)
    this.#spread({ id, topic, author: this.self, payload: new Uint8Array(payload) }, undefined)
  }

  subscribe(topic: string, handler: GossipHandler): () => void {
    const handlers = this.#topics.get(topic) ?? new Set<GossipHandler>()
    const own: GossipHandler = (payload, from) => handler(payload, from)
    handlers.add(own)
    this.#topics.set(topic, handlers)
    return () => {
      handlers.delete(own)
      if (handlers.size === 0) this.#topics.delete(topic)
    }
  }

  async provide(key: string): Promise<void> {
    this.#checkRunning()
    this.#provided.add(key)
    this.#announce(key)
  }

  async findProviders(key: string, limit: number, timeoutMs: number): Promise<readonly PeerId[]> {
    this.#checkRunning()
    await this.#travel(timeoutMs)
    const found = new Set<PeerId>()
    for (const node of this.#reachable()) for (const peer of node.#records.get(key) ?? []) found.add(peer)
    found.delete(this.self)
    return [...found].slice(0, limit)
  }

  async connect(target: string | PeerId, timeoutMs: number): Promise<PeerId> {
    this.#checkRunning()
    const peer = target.startsWith('/') ? this.#hub.peerAt(target) : (target as PeerId)
    if (peer === undefined) throw unreachable(target)
    if (this.#connected.has(peer)) return peer
    const { clock } = this.#hub
    return await new Promise((resolve, reject) => {
      const timer = clock.setTimer(timeoutMs, () =>
        reject(new CoreError('NETWORK_TIMEOUT', `no connection to ${target} in time`, { details: { peer: target } })),
      )
      this.#hub.deliver(this.self, peer, () => {
        timer.clear()
        if (this.#join(peer)) resolve(peer)
        else reject(unreachable(target))
      })
    })
  }

  async disconnect(peer: PeerId, refuseMs: number): Promise<void> {
    this.#checkRunning()
    this.#refusedUntilMs.set(peer, this.#hub.clock.monotonicMs() + refuseMs)
    this.#hangUp(peer)
  }

  peers(): readonly PeerInfo[] {
    return [...this.#known].map(([peer, info]) => ({ peer, connected: this.#connected.has(peer), ...info }))
  }

  async ping(peer: PeerId, timeoutMs: number): Promise<number> {
    const startMs = this.#hub.clock.monotonicMs()
    await this.request(peer, PING_PROTOCOL, this.#hub.random.bytes(8), { timeoutMs })
    const rttMs = this.#hub.clock.monotonicMs() - startMs
    const known = this.#known.get(peer)
    const smoothedMs = known?.rttMs === undefined ? rttMs : known.rttMs + RTT_WEIGHT * (rttMs - known.rttMs)
    this.#known.set(peer, { addresses: known?.addresses ?? [], rttMs: smoothedMs })
    return rttMs
  }

  listen(events: NetworkEvents): () => void {
    const own = { ...events }
    this.#listeners.add(own)
    return () => this.#listeners.delete(own)
  }

  #checkRunning(): void {
    if (!this.isRunning) throw new CoreError('CORE_STOPPED', 'the network is not running')
  }

  /** Does something at a peer when a message has reached it, if it still runs then. */
  #tell(peer: PeerId, act: (node: MemoryNetwork) => void): void {
    this.#hub.deliver(this.self, peer, () => {
      const node = this.#hub.runningNode(peer)
      if (node !== undefined) act(node)
    })
  }

  #sendRequest(
    id: number,
    peer: PeerId,
    request: { readonly protocol: string; readonly payload: Uint8Array; readonly timeoutMs: number },
  ): void {
    this.#hub.deliver(this.self, peer, () => {
      const target = this.#hub.runningNode(peer)
      if (target === undefined || !this.#join(peer)) {
        this.#requester.fail(id, unreachable(peer))
        return
      }
      target.#responder.serve(`${this.self} ${id}`, { peer: this.self, ...request }, (answer) => {
        if (target.isRunning) this.#hub.deliver(peer, this.self, () => this.#requester.settle(id, answer))
      })
    })
  }

  /** Makes a connection where there is none; false when it cannot be. */
  #join(peer: PeerId): boolean {
    const other = this.#hub.runningNode(peer)
    if (!this.isRunning || other === undefined || peer === this.self) return false
    if (this.#refuses(peer) || other.#refuses(this.self)) return false
    this.#connectedTo(other)
    other.#connectedTo(this)
    return true
  }

  #connectedTo(other: MemoryNetwork): void {
    if (this.#connected.has(other.self)) return
    this.#connected.add(other.self)
    this.#known.set(other.self, { addresses: [other.address], rttMs: this.#known.get(other.self)?.rttMs })
    for (const listener of this.#listeners) listener.peerConnected?.(other.self)
    for (const key of this.#provided) this.#announce(key)
  }

  #refuses(peer: PeerId): boolean {
    return (this.#refusedUntilMs.get(peer) ?? 0) > this.#hub.clock.monotonicMs()
  }

  #hangUp(peer: PeerId): void {
    if (!this.#connected.has(peer)) return
    this.#disconnected(peer)
    this.#tell(peer, (node) => node.#disconnected(this.self))
  }

  #disconnected(peer: PeerId): void {
    if (!this.#connected.delete(peer)) return
    this.#responder.abort(peer)
    this.#requester.failAll(unreachable(peer), peer)
    for (const listener of this.#listeners) listener.peerDisconnected?.(peer)
  }

  /** Tells the neighbours but the one that it came from: all of them, or as many as the hub's mesh has. */
  #spread(message: GossipMessage, except: PeerId | undefined): void {
    const { gossipDegreeMax } = this.#hub
    const isFlood = gossipDegreeMax === Number.POSITIVE_INFINITY
    for (const peer of isFlood ? this.#connected : this.#meshFor(message, except, gossipDegreeMax)) {
      if (peer !== except) this.#tell(peer, (node) => node.#take(message, this.self))
    }
  }

  /** Neighbours by chance, without those that have the message, as GossipSub's IDONTWANT has it. */
  #meshFor({ id }: GossipMessage, except: PeerId | undefined, degreeMax: number): readonly PeerId[] {
    const wanting: PeerId[] = []
    for (const peer of this.#connected) if (peer !== except && !this.#hasSeen(peer, id)) wanting.push(peer)
    const mesh: PeerId[] = []
    while (mesh.length < degreeMax && wanting.length > 0) {
      const choice = wanting.length > degreeMax - mesh.length ? this.#hub.random.fraction() * wanting.length : 0
      mesh.push(...wanting.splice(Math.floor(choice), 1))
    }
    return mesh
  }

  #hasSeen(peer: PeerId, id: string): boolean {
    const node = this.#hub.runningNode(peer)
    return node === undefined ? false : node.#seen.has(id)
  }

  #take(message: GossipMessage, neighbour: PeerId): void {
    const handlers = this.#topics.get(message.topic)
    if (handlers === undefined || !this.#connected.has(neighbour) || this.#seen.has(message.id)) return
    this.#remember(message.id)
    const verdicts = new Set<GossipVerdict>()
    for (const handler of [...handlers]) verdicts.add(verdictOf(handler, message))
    if (verdicts.has('reject')) this.#blame(neighbour)
    else if (verdicts.has('accept')) this.#spread(message, neighbour)
    if (!this.#hub.repeatsGossip()) return
    this.#seen.delete(message.id)
    this.#hub.deliver(neighbour, this.self, () => this.#take(message, neighbour))
  }

  #remember(id: string): void {
    this.#seen.add(id)
    if (this.#seen.size <= SEEN_MAX) return
    const [oldest] = this.#seen
    if (oldest !== undefined) this.#seen.delete(oldest)
  }

  #blame(neighbour: PeerId): void {
    const offences = (this.#offences.get(neighbour) ?? 0) + 1
    this.#offences.set(neighbour, offences)
    if (offences > OFFENCES_MAX) void this.disconnect(neighbour, REFUSE_MS)
  }

  #announce(key: string): void {
    for (const node of this.#reachable()) {
      const providers = node.#records.get(key) ?? new Set<PeerId>()
      providers.add(this.self)
      node.#records.set(key, providers)
    }
  }

  #repeatProviding(): void {
    this.#hub.clock.setTimer(PROVIDE_INTERVAL_MS, () => {
      if (!this.isRunning) return
      for (const key of this.#provided) this.#announce(key)
      this.#repeatProviding()
    })
  }

  /** Every node that can be reached over connections, this one first, near ones before far ones. */
  #reachable(): readonly MemoryNetwork[] {
    const reached = new Set<MemoryNetwork>([this])
    for (const node of reached) {
      for (const peer of node.#connected) {
        const next = this.#hub.runningNode(peer)
        if (next !== undefined && this.#hub.isJoined(node.self, peer)) reached.add(next)
      }
    }
    return [...reached]
  }

  /** As long as asking the neighbours takes. */
  async #travel(timeoutMs: number): Promise<void> {
    const [neighbour] = this.#connected
    if (neighbour === undefined) return
    const arrival = Promise.withResolvers<void>()
    const timer = this.#hub.clock.setTimer(timeoutMs, arrival.resolve)
    this.#hub.deliver(this.self, neighbour, () => this.#hub.deliver(neighbour, this.self, arrival.resolve))
    await arrival.promise
    timer.clear()
  }
}

function verdictOf(handler: GossipHandler, { payload, author }: GossipMessage): GossipVerdict {
  try {
    return handler(new Uint8Array(payload), author)
  } catch {
    // As over libp2p: a handler's own failure is not the sender's fault.
    return 'ignore'
  }
}

function unreachable(target: string): CoreError {
  return new CoreError('NETWORK_UNREACHABLE', `cannot reach ${target}`, { details: { peer: target } })
}
