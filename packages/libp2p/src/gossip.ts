import { createHash } from 'node:crypto'
import type { GossipSub, Message, TopicValidatorResult } from '@libp2p/gossipsub'
import type { PeerId as Libp2pPeerId } from '@libp2p/interface'
import {
  type Clock,
  CoreError,
  type GossipHandler,
  type GossipVerdict,
  type Logger,
  messageOf,
  type PeerId,
  type Signer,
} from '@stead/core'
import type { Secp256k1 } from '@stead/protocol'
import {
  ENVELOPE_BYTES_MAX,
  type Envelope,
  GOSSIP_PAYLOAD_BYTES_MAX,
  openEnvelope,
  sealEnvelope,
} from './gossip-envelope.ts'
import { TokenBucket } from './token-bucket.ts'

/** What gossipsub asks of us while it is put together. */
export interface GossipRules {
  /** How long a message id is remembered, in ms; a message older than that is refused by its time. */
  readonly seenForMs: number
  messageId(topic: string, data: Uint8Array): Uint8Array
  /** Lets a message's bytes in. @throws CoreError NETWORK_BAD_MESSAGE for a topic that nobody here asked for, or too many bytes */
  checkInbound(topic: string, data: Uint8Array): Uint8Array
}

/** What {@link Gossip} needs. */
export interface GossipComponents {
  readonly clock: Clock
  readonly logger: Logger
  /** A neighbour passes on what it should have refused: it is to be disconnected and refused. */
  onBadPeer(peer: PeerId, error: CoreError): void
  onMessage(verdict: GossipVerdict): void
}

/** What {@link Gossip} works with once the node runs. */
export interface GossipService {
  readonly pubsub: GossipSub
  readonly secp256k1: Secp256k1
  readonly signer: Signer
}

/** Limits of {@link Gossip}. */
export interface GossipOptions {
  readonly messagesPerSecondPerPeerMax: number
}

/** A message may come from a clock that is so far off, or be so long on its way. */
const FRESH_MS = 5 * 60_000
/** How long a message's id is remembered, in ms: one that comes later is too old by its own time. */
export const GOSSIP_SEEN_FOR_MS: number = 2 * FRESH_MS
const BURST_SECONDS = 5
/** Bad messages that a neighbour may pass on at once, and per second: its version may judge differently than ours. */
const OFFENCE_BURST = 10
const OFFENCES_PER_SECOND = 1 / 30
const SOURCES_MAX = 2000
const TOPIC_LENGTH_MAX = 256

interface Source {
  readonly messages: TokenBucket
  readonly offences: TokenBucket
}

/** Our rules on gossipsub: who may publish, what is fresh, how much one neighbour may send, and what the handlers say. */
export class Gossip implements GossipRules {
  readonly seenForMs: number = GOSSIP_SEEN_FOR_MS
  readonly #components: GossipComponents
  readonly #options: GossipOptions
  readonly #handlers = new Map<string, Set<GossipHandler>>()
  readonly #sources = new Map<PeerId, Source>()
  #service: GossipService | undefined

  constructor(components: GossipComponents, options: GossipOptions) {
    this.#components = components
    this.#options = options
  }

  /** Takes part in the topics that were subscribed to, through a started gossipsub. */
  start(service: GossipService): void {
    this.#service = service
    for (const topic of this.#handlers.keys()) this.#join(topic)
  }

  stop(): void {
    this.#service = undefined
    this.#sources.clear()
  }

  /** See Network.publish. */
  async publish(topic: string, payload: Uint8Array): Promise<void> {
    const haveBytes = payload.length
    if (haveBytes > GOSSIP_PAYLOAD_BYTES_MAX) {
      const message = `a gossip message has ${haveBytes} bytes, at most ${GOSSIP_PAYLOAD_BYTES_MAX} are allowed`
      throw new CoreError('NETWORK_TOO_LARGE', message, {
        details: { haveBytes, limitBytes: GOSSIP_PAYLOAD_BYTES_MAX },
      })
    }
    checkTopic(topic)
    const service = this.#service
    if (service === undefined) throw new CoreError('CORE_STOPPED', 'the network is not running')
    const envelope = sealEnvelope(service.signer, topic, { payload, sentAt: this.#components.clock.now() })
    await service.pubsub.publish(topic, envelope)
  }

  /** See Network.subscribe. */
  subscribe(topic: string, handler: GossipHandler): () => void {
    checkTopic(topic)
    const handlers = this.#handlers.get(topic) ?? new Set<GossipHandler>()
    // A wrapper makes each subscription its own, also of the same function twice.
    const own: GossipHandler = (payload, from) => handler(payload, from)
    handlers.add(own)
    this.#handlers.set(topic, handlers)
    if (handlers.size === 1) this.#join(topic)
    return () => {
      if (!handlers.delete(own) || handlers.size > 0) return
      this.#handlers.delete(topic)
      this.#service?.pubsub.topicValidators.delete(topic)
      this.#service?.pubsub.unsubscribe(topic)
    }
  }

  messageId(topic: string, data: Uint8Array): Uint8Array {
    return createHash('sha256').update(topic).update(data).digest().subarray(0, 20)
  }

  checkInbound(topic: string, data: Uint8Array): Uint8Array {
    if (this.#handlers.has(topic) && data.length <= ENVELOPE_BYTES_MAX) return data
    throw new CoreError('NETWORK_BAD_MESSAGE', 'gossip of a topic that is not subscribed to, or too large')
  }

  #join(topic: string): void {
    if (this.#service === undefined) return
    const { pubsub, secp256k1 } = this.#service
    pubsub.topicValidators.set(topic, (source, message) => this.#validate(secp256k1, source, message))
    pubsub.subscribe(topic)
  }

  #validate(secp256k1: Secp256k1, neighbour: Libp2pPeerId, { topic, data }: Message): TopicValidatorResult {
    const peer = neighbour.toString() as PeerId
    const source = this.#sourceOf(peer)
    const verdict = source.messages.take() ? this.#judge(secp256k1, topic, data) : 'ignore'
    this.#components.onMessage(verdict)
    if (verdict === 'reject' && !source.offences.take()) {
      this.#components.onBadPeer(peer, new CoreError('NETWORK_BAD_MESSAGE', `${peer} passes on bad gossip on ${topic}`))
    }
    // The strings are the values of gossipsub's enumeration, which exists at run time only there.
    return verdict as TopicValidatorResult
  }

  #judge(secp256k1: Secp256k1, topic: string, data: Uint8Array): GossipVerdict {
    let envelope: Envelope
    try {
      envelope = openEnvelope(secp256k1, topic, data)
    } catch (error) {
      this.#components.logger.debug('bad gossip', { topic, error: messageOf(error) })
      return 'reject'
    }
    if (Math.abs(this.#components.clock.now() - envelope.sentAt) > FRESH_MS) return 'ignore'
    return this.#askHandlers(topic, envelope)
  }

  #askHandlers(topic: string, { payload, author }: Envelope): GossipVerdict {
    const verdicts = new Set<GossipVerdict>()
    for (const handler of this.#handlers.get(topic) ?? []) {
      try {
        verdicts.add(handler(payload, author))
      } catch (error) {
        this.#components.logger.error('gossip handler failed', { topic, error: messageOf(error) })
        verdicts.add('ignore')
      }
    }
    if (verdicts.has('reject')) return 'reject'
    return verdicts.has('accept') ? 'accept' : 'ignore'
  }

  #sourceOf(peer: PeerId): Source {
    const known = this.#sources.get(peer)
    if (known !== undefined) return known
    const { clock } = this.#components
    const perSecond = this.#options.messagesPerSecondPerPeerMax
    const source: Source = {
      messages: new TokenBucket(clock, perSecond, perSecond * BURST_SECONDS),
      offences: new TokenBucket(clock, OFFENCES_PER_SECOND, OFFENCE_BURST),
    }
    if (this.#sources.size >= SOURCES_MAX) this.#sources.clear()
    this.#sources.set(peer, source)
    return source
  }
}

function checkTopic(topic: string): void {
  if (topic.length < 1 || topic.length > TOPIC_LENGTH_MAX) {
    throw new TypeError(`a topic's name has 1 .. ${TOPIC_LENGTH_MAX} characters, not ${topic.length}`)
  }
}
