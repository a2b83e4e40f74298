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
import { Neighbours } from './neighbours.ts'

/**
 * Which nodes have a message or will soon, by their numbers. Asked for each copy that is sent and each that arrives, and
 * in a large world most copies come after another one.
 */
class GossipSpread {
  /** When the first copy arrives; a node that has the message has it since ever. */
  #arrivalMs = new Float64Array(256).fill(Number.POSITIVE_INFINITY)

  has(number: number): boolean {
    return this.#arrivalMs[number] === Number.NEGATIVE_INFINITY
  }

  take(number: number): void {
    this.#set(number, Number.NEGATIVE_INFINITY)
  }

  /** What was on its way to it has not come, or it forgot what came. */
  forget(number: number): void {
    this.#set(number, Number.POSITIVE_INFINITY)
  }

  /** When the node has it, as far as is known now. */
  firstMs(number: number, nowMs: number): number {
    const firstMs = this.#arrivalMs[number] ?? Number.POSITIVE_INFINITY
    // One that should have come and is not here was lost on its way.
    return firstMs > nowMs || firstMs === Number.NEGATIVE_INFINITY ? firstMs : Number.POSITIVE_INFINITY
  }

  /** A copy could be on its way; false when it need not, because another one that is on its way comes before it. */
  expect(number: number, nowMs: number, dueMs: number): boolean {
    if (this.firstMs(number, nowMs) <= dueMs) return false
    this.#set(number, dueMs)
    return true
  }

  #set(number: number, arrivalMs: number): void {
    if (number >= this.#arrivalMs.length) {
      const more = new Float64Array(2 * number).fill(Number.POSITIVE_INFINITY)
      more.set(this.#arrivalMs)
      this.#arrivalMs = more
    }
    this.#arrivalMs[number] = arrivalMs
  }
}

interface GossipMessage {
  readonly topic: string
  readonly author: PeerId
  /** One for all nodes: a copy for each of them would be most of what a large world allocates, and nobody writes to it. */
  readonly payload: Uint8Array
  readonly spread: GossipSpread
}

const GOSSIP_PAYLOAD_BYTES_MAX = 64 * 1024
/** Bad messages that a neighbour may pass on before it is cut off, and for how long. */
const OFFENCES_MAX = 10
const REFUSE_MS = 10 * 60_000
const RTT_WEIGHT = 1 / 8
const PROVIDE_INTERVAL_MS = 10 * 60_000
const PING_PROTOCOL = '/stead/ping/1'
const NOTHING = new Uint8Array(0)

/** A node of a {@link MemoryHub}: the Network port without sockets, with the same answers and errors as the real one. */
export class MemoryNetwork implements Network {
  readonly self: PeerId
  /** Where it can be reached within its hub. */
  readonly address: string
  /** Its number in the hub; another life of a node has another one. */
  readonly number: number
  readonly #hub: MemoryHub
  readonly #responder: MemoryResponder
  readonly #requester: MemoryRequester
  readonly #connected = new Neighbours()
  readonly #known = new Map<PeerId, { readonly addresses: readonly string[]; readonly rttMs: number | undefined }>()
  readonly #refusedUntilMs = new Map<PeerId, number>()
  readonly #listeners = new Set<NetworkEvents>()
  readonly #topics = new Map<string, Set<GossipHandler>>()
  readonly #offences = new Map<PeerId, number>()
  readonly #provided = new Set<string>()
  readonly #records = new Map<string, Set<PeerId>>()
  #state: 'new' | 'running' | 'stopped' = 'new'

  /** Nodes are made by MemoryHub.createNode. */
  constructor(hub: MemoryHub, self: PeerId, number: number) {
    this.self = self
    this.number = number
    this.address = `/memory/${number}/p2p/${self}`
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
    for (const { self } of [...this.#connected.all()]) this.#hangUp(self)
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
    const { tail = NOTHING } = options
    const haveBytes = payload.length + tail.length
    if (haveBytes > limitBytes) {
      const message = `the request has ${haveBytes} bytes, at most ${limitBytes} are allowed`
      throw new CoreError('NETWORK_TOO_LARGE', message, { details: { haveBytes, limitBytes } })
    }
    const copy = new Uint8Array(haveBytes)
    copy.set(payload)
    copy.set(tail, payload.length)
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
    const spread = new GossipSpread()
    spread.take(this.number)
    this.#spread({ topic, author: this.self, payload: new Uint8Array(payload), spread }, undefined)
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
    const before = this.#connected.get(other.self)
    if (before === other) return
    // What is on its way to the new life goes on.
    if (before !== undefined) this.#forget(other.self)
    this.#connected.add(other)
    this.#known.set(other.self, { addresses: [other.address], rttMs: this.#known.get(other.self)?.rttMs })
    for (const listener of this.#listeners) listener.peerConnected?.(other.self)
    // Whoever searches hears what any node knows that can be reached.
    for (const key of this.#provided) other.#learn(key, this.self)
  }

  #refuses(peer: PeerId): boolean {
    return (this.#refusedUntilMs.get(peer) ?? 0) > this.#hub.clock.monotonicMs()
  }

  #hangUp(peer: PeerId): void {
    if (!this.#connected.has(peer)) return
    this.#disconnected(peer, this.#connected.get(peer))
    this.#tell(peer, (node) => node.#disconnected(this.self, this))
  }

  /** Ends a connection to one life of a peer; one to another of its lives stays. */
  #disconnected(peer: PeerId, life: MemoryNetwork | undefined): void {
    if (life === undefined || this.#connected.get(peer) !== life) return
    this.#forget(peer)
    this.#requester.failAll(unreachable(peer), peer)
  }

  #forget(peer: PeerId): void {
    this.#connected.delete(peer)
    this.#responder.abort(peer)
    for (const listener of this.#listeners) listener.peerDisconnected?.(peer)
  }

  /** Tells the neighbours but the one that it came from: all of them, or as many as the hub's mesh has. */
  #spread(message: GossipMessage, except: PeerId | undefined): void {
    for (const connection of this.#meshFor(message)) if (connection.self !== except) this.#pass(message, connection)
  }

  #pass(message: GossipMessage, connection: MemoryNetwork): void {
    const nowMs = this.#hub.clock.monotonicMs()
    const { spread } = message
    const firstMs = connection.isRunning ? spread.firstMs(connection.number, nowMs) : Number.POSITIVE_INFINITY
    // Most copies of a large world end here, before a moment of arrival is drawn for them.
    if (this.#hub.comesLater(this, connection, firstMs)) return
    const peer = connection.self
    const arrive = (): boolean => {
      const node = connection.isRunning ? connection : this.#hub.runningNode(peer)
      if (node !== undefined) {
        if (spread.has(node.number)) return false
        if (node.#connected.holds(this)) return node.#take(message, this.self)
      }
      // As a machine answers what comes on a connection that it does not have.
      this.#hub.deliver(peer, this.self, () => this.#disconnected(peer, connection))
      return false
    }
    const isFirst = (dueMs: number): boolean => spread.expect(connection.number, nowMs, dueMs)
    // What comes to a node that has died is answered, and who sent it learns of the death.
    this.#hub.deliver(this.self, peer, arrive, connection.isRunning ? isFirst : undefined)
  }

  /** Neighbours by chance, without those that have the message, as GossipSub's IDONTWANT has it. */
  #meshFor({ spread }: GossipMessage): readonly MemoryNetwork[] {
    const { gossipDegreeMax, random } = this.#hub
    if (gossipDegreeMax === Number.POSITIVE_INFINITY) return [...this.#connected.all()]
    return this.#connected.draw(
      gossipDegreeMax,
      (number) => !spread.has(number),
      () => random.fraction(),
    )
  }

  /** False when nothing came of it. */
  #take(message: GossipMessage, neighbour: PeerId): boolean {
    const handlers = this.#topics.get(message.topic)
    if (handlers === undefined) return false
    message.spread.take(this.number)
    let verdict: GossipVerdict = 'ignore'
    for (const handler of [...handlers]) verdict = stronger(verdict, verdictOf(handler, message))
    if (verdict === 'reject') this.#blame(neighbour)
    else if (verdict === 'accept') this.#spread(message, neighbour)
    if (this.#hub.repeatsGossip()) this.#hearAgain(message, neighbour)
    return true
  }

  /** It forgets that it has the message, and its neighbour sends it once more. */
  #hearAgain(message: GossipMessage, neighbour: PeerId): void {
    message.spread.forget(this.number)
    this.#hub.deliver(neighbour, this.self, () => {
      if (message.spread.has(this.number) || !this.#connected.has(neighbour)) return false
      return this.#take(message, neighbour)
    })
  }

  #blame(neighbour: PeerId): void {
    const offences = (this.#offences.get(neighbour) ?? 0) + 1
    this.#offences.set(neighbour, offences)
    if (offences > OFFENCES_MAX) void this.disconnect(neighbour, REFUSE_MS)
  }

  #announce(key: string): void {
    for (const node of this.#reachable()) node.#learn(key, this.self)
  }

  #learn(key: string, provider: PeerId): void {
    const providers = this.#records.get(key)
    if (providers === undefined) this.#records.set(key, new Set([provider]))
    else providers.add(provider)
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
      // Most of the time the first few are connected to all others.
      if (reached.size === this.#hub.size) break
      for (const then of node.#connected.all()) {
        const next = then.isRunning ? then : this.#hub.runningNode(then.self)
        if (next !== undefined && this.#hub.isJoined(node.self, next.self)) reached.add(next)
      }
    }
    return [...reached]
  }

  /** As long as asking the neighbours takes. */
  async #travel(timeoutMs: number): Promise<void> {
    const neighbour = this.#connected.all()[0]?.self
    if (neighbour === undefined) return
    const arrival = Promise.withResolvers<void>()
    const timer = this.#hub.clock.setTimer(timeoutMs, arrival.resolve)
    this.#hub.deliver(this.self, neighbour, () => this.#hub.deliver(neighbour, this.self, arrival.resolve))
    await arrival.promise
    timer.clear()
  }
}

function stronger(left: GossipVerdict, right: GossipVerdict): GossipVerdict {
  if (left === 'reject' || right === 'reject') return 'reject'
  return left === 'accept' || right === 'accept' ? 'accept' : 'ignore'
}

function verdictOf(handler: GossipHandler, { payload, author }: GossipMessage): GossipVerdict {
  try {
    return handler(payload, author)
  } catch {
    // As over libp2p: a handler's own failure is not the sender's fault.
    return 'ignore'
  }
}

function unreachable(target: string): CoreError {
  return new CoreError('NETWORK_UNREACHABLE', `cannot reach ${target}`, { details: { peer: target } })
}
