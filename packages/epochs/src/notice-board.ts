import {
  type Address,
  type GossipVerdict,
  type IncomingRequest,
  isSteadError,
  messageOf,
  type PeerId,
} from '@stead/core'
import { addressOfPeerId } from '@stead/protocol'
import type { EpochNumber } from '@stead/rewards'
import {
  EPOCHS_TOPIC,
  type EpochNotice,
  NOTICES_PROTOCOL,
  noticeLimits,
  noticeSchema,
  noticesReplySchema,
  noticesRequestSchema,
} from './epoch-messages.ts'
import type { EpochPorts } from './ports.ts'

/** Notices kept of one epoch: a log, a result and some votes of each of many nodes. */
const NOTICES_PER_EPOCH_MAX = 2048
/** Notices of one node in one epoch; two logs are enough to prove a lie. */
const NOTICES_PER_NODE_MAX = 8
/** Epochs that are spoken of: late ones are still voted on. */
const EPOCHS_BACK_MAX = 32
const ASK_TIMEOUT_MS = 5000
const ASKED_PEERS_MAX = 8

/** A notice, and whether its node said it itself: what others pass on must not crowd that out. */
interface KeptNotice {
  readonly notice: EpochNotice
  readonly isOwnWord: boolean
}

/** Hears a notice that is new here; `from` is who said or passed it. */
export type NoticeListener = (notice: EpochNotice, from: PeerId) => void

/** Notices of one epoch by name, and the names of each node: strangers fill it, so that no notice may cost a look at all. */
interface EpochNotices {
  readonly all: Map<string, KeptNotice>
  readonly byNode: Map<Address, Set<string>>
}

/** What nodes tell each other about epochs: by gossip, and by asking, because gossip reaches only those who are there. */
export class NoticeBoard {
  readonly #ports: Pick<EpochPorts, 'network' | 'logger' | 'time' | 'signer'>
  readonly #notices: Map<EpochNumber, EpochNotices> = new Map()
  readonly #listeners: Set<NoticeListener> = new Set()
  #unsubscribe: (() => void) | undefined

  constructor(ports: Pick<EpochPorts, 'network' | 'logger' | 'time' | 'signer'>) {
    this.#ports = ports
  }

  start(): void {
    const { network } = this.#ports
    network.handle(NOTICES_PROTOCOL, noticeLimits, (request) => this.#answer(request))
    this.#unsubscribe = network.subscribe(EPOCHS_TOPIC, (payload, from) => this.#hear(payload, from))
  }

  stop(): void {
    this.#unsubscribe?.()
    this.#listeners.clear()
  }

  /** Calls back for each notice that is new. */
  listen(listener: NoticeListener): void {
    this.#listeners.add(listener)
  }

  /** What is known of an epoch. */
  of(epoch: EpochNumber, kind: EpochNotice['kind']): readonly EpochNotice[] {
    return this.#all(epoch).filter((notice) => notice.kind === kind)
  }

  /** Keeps what others said and this node knows from elsewhere, for those who ask. */
  remember(notice: EpochNotice): void {
    this.#keep(notice, false)
  }

  /** Tells everybody; again for those who came later. */
  async publish(notice: EpochNotice): Promise<void> {
    const { network, logger } = this.#ports
    this.#keep(notice, true)
    try {
      await network.publish(EPOCHS_TOPIC, noticeSchema.encodeMessage(notice))
    } catch (error) {
      logger.debug('publishing a notice failed', { error: messageOf(error) })
    }
  }

  /** Asks connected peers what they know of an epoch. Never throws for what peers do. */
  async ask(epoch: EpochNumber): Promise<void> {
    const { network } = this.#ports
    const connected = network.peers().flatMap(({ peer, connected }) => (connected ? [peer] : []))
    await Promise.all(connected.slice(0, ASKED_PEERS_MAX).map((peer) => this.#askOne(peer, epoch)))
  }

  async #askOne(peer: PeerId, epoch: EpochNumber): Promise<void> {
    const { network, logger } = this.#ports
    try {
      const request = noticesRequestSchema.encodeMessage({ version: 1, epoch })
      const answer = await network.request(peer, NOTICES_PROTOCOL, request, { timeoutMs: ASK_TIMEOUT_MS })
      for (const notice of noticesReplySchema.decodeMessage(answer).notices) {
        if (notice.epoch === epoch) this.#take(notice, peer, addressOfPeerId(peer) === notice.node)
      }
    } catch (error) {
      if (!isSteadError(error)) throw error
      logger.debug('a peer gave no notices', { peer, epoch, error: messageOf(error) })
    }
  }

  #hear(payload: Uint8Array, from: PeerId): GossipVerdict {
    // Without a block nobody knows which epochs matter; what is said now is asked for later.
    if (this.#ports.time.head === undefined) return 'ignore'
    try {
      const notice = noticeSchema.decodeMessage(payload)
      if (addressOfPeerId(from) !== notice.node) return 'reject'
      return this.#take(notice, from, true) ? 'accept' : 'ignore'
    } catch (error) {
      if (isSteadError(error)) return 'reject'
      throw error
    }
  }

  /** True when a notice is of a time that matters; news is told to listeners. */
  #take(notice: EpochNotice, from: PeerId, isOwnWord: boolean): boolean {
    const now = this.#ports.time.epoch()
    if (notice.epoch > now || notice.epoch < now - EPOCHS_BACK_MAX) return false
    if (this.#keep(notice, isOwnWord)) for (const listener of this.#listeners) listener(notice, from)
    return true
  }

  #all(epoch: EpochNumber): readonly EpochNotice[] {
    return Array.from(this.#notices.get(epoch)?.all.values() ?? [], ({ notice }) => notice)
  }

  #keep(notice: EpochNotice, isOwnWord: boolean): boolean {
    const { kind, node, document, evidence, root, attempt } = notice
    const name = [kind, node, document, evidence, root, attempt].join(' ')
    const { all, byNode } = this.#notices.get(notice.epoch) ?? { all: new Map(), byNode: new Map() }
    this.#notices.set(notice.epoch, { all, byNode })
    if (all.has(name)) return false
    const ofNode = byNode.get(node) ?? new Set()
    const isNodeFull = ofNode.size >= NOTICES_PER_NODE_MAX
    if (isNodeFull || all.size >= NOTICES_PER_EPOCH_MAX) {
      const passedOn = isOwnWord ? firstHearsay(all, isNodeFull ? ofNode : all.keys()) : undefined
      if (passedOn === undefined) return false
      const from = all.get(passedOn)?.notice.node ?? node
      all.delete(passedOn)
      byNode.get(from)?.delete(passedOn)
      if (byNode.get(from)?.size === 0) byNode.delete(from)
    }
    all.set(name, { notice, isOwnWord })
    byNode.set(node, ofNode.add(name))
    const oldest = this.#ports.time.epoch() - EPOCHS_BACK_MAX
    for (const epoch of this.#notices.keys()) if (epoch < oldest) this.#notices.delete(epoch)
    return true
  }

  async #answer({ payload }: IncomingRequest): Promise<Uint8Array> {
    const { epoch } = noticesRequestSchema.decodeMessage(payload)
    return noticesReplySchema.encodeMessage({ notices: this.#all(epoch) })
  }
}

function firstHearsay(all: ReadonlyMap<string, KeptNotice>, names: Iterable<string>): string | undefined {
  for (const name of names) if (all.get(name)?.isOwnWord === false) return name
  return undefined
}
