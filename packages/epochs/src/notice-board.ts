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
import type { BondedNodes } from './bonded-nodes.ts'
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
/** Notices in one epoch of all nodes that are not known to be bonded: names cost nothing, so that there may be any number. */
const NOTICES_OF_STRANGERS_MAX = 256
/** Epochs that are spoken of: late ones are still voted on. */
const EPOCHS_BACK_MAX = 32
const ASK_TIMEOUT_MS = 5000
const ASKED_PEERS_MAX = 8

/** What a board stands on. */
export type NoticeBoardPorts = Pick<EpochPorts, 'network' | 'logger' | 'time' | 'signer'>

/** What a board knows from elsewhere. */
export interface NoticeBoardParts {
  readonly bonded: Pick<BondedNodes, 'has' | 'learn'>
  /** Notices of the logs that this node can give out: the only ones that it passes on. @throws CoreError of the store */
  readonly logsOf: (epoch: EpochNumber) => Promise<readonly EpochNotice[]>
}

/** Whose word a notice is here: what others pass on must not crowd out what a node says itself, nor strangers the bonded. */
type Standing = 'own-word' | 'hearsay' | 'stranger'

/** A notice, and whose word it was when it came. */
interface KeptNotice {
  readonly notice: EpochNotice
  readonly standing: Standing
}

/** What a peer passes on of the logs of others. */
export interface ToldLogs {
  readonly peer: PeerId
  readonly notices: readonly EpochNotice[]
}

/** Hears a notice that is new here; `from` is who said or passed it. */
export type NoticeListener = (notice: EpochNotice, from: PeerId) => void

/** Notices of one epoch by name, and the names of each node: strangers fill it, so that no notice may cost a look at all. */
interface EpochNotices {
  readonly all: Map<string, KeptNotice>
  readonly byNode: Map<Address, Set<string>>
  strangers: number
}

/**
 * What nodes tell each other about epochs: by gossip, and by asking, because gossip reaches only those who are there. A
 * node's own word is kept; what others pass on of it only when the node is known to be bonded. Of one epoch a board has at
 * most 8 notices of each bonded node, 256 of all others together, and 2,048 in all.
 */
export class NoticeBoard {
  readonly #ports: NoticeBoardPorts
  readonly #parts: NoticeBoardParts
  readonly #notices: Map<EpochNumber, EpochNotices> = new Map()
  readonly #listeners: Set<NoticeListener> = new Set()
  #unsubscribe: (() => void) | undefined

  constructor(ports: NoticeBoardPorts, parts: NoticeBoardParts) {
    this.#ports = ports
    this.#parts = parts
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

  /** Tells everybody; again for those who came later. */
  async publish(notice: EpochNotice): Promise<void> {
    const { network, logger } = this.#ports
    this.#keep(notice, 'own-word')
    try {
      await network.publish(EPOCHS_TOPIC, noticeSchema.encodeMessage(notice))
    } catch (error) {
      logger.debug('publishing a notice failed', { error: messageOf(error) })
    }
  }

  /**
   * Asks connected peers what they know of an epoch; returns what they pass on of logs, which is worth nothing here before
   * the logs are. Never throws for what peers do, nor for a chain that does not answer.
   */
  async ask(epoch: EpochNumber): Promise<readonly ToldLogs[]> {
    const { network, logger } = this.#ports
    try {
      await this.#parts.bonded.learn(epoch)
    } catch (error) {
      if (!isSteadError(error)) throw error
      // What is passed on of nodes that are not known to be bonded is asked for again in the next round.
      logger.debug('who is bonded could not be asked', { epoch, error: messageOf(error) })
    }
    const connected = network.peers().flatMap(({ peer, connected }) => (connected ? [peer] : []))
    return await Promise.all(connected.slice(0, ASKED_PEERS_MAX).map((peer) => this.#askOne(peer, epoch)))
  }

  async #askOne(peer: PeerId, epoch: EpochNumber): Promise<ToldLogs> {
    const { network, logger } = this.#ports
    const logs: EpochNotice[] = []
    try {
      const request = noticesRequestSchema.encodeMessage({ version: 1, epoch })
      const answer = await network.request(peer, NOTICES_PROTOCOL, request, { timeoutMs: ASK_TIMEOUT_MS })
      const self = addressOfPeerId(peer)
      for (const notice of noticesReplySchema.decodeMessage(answer).notices) {
        if (notice.epoch !== epoch) continue
        if (notice.node === self) this.#take(notice, peer, this.#standingOf(notice))
        else if (!this.#parts.bonded.has(epoch, notice.node)) continue
        else if (notice.kind === 'log') logs.push(notice)
        else this.#take(notice, peer, 'hearsay')
      }
    } catch (error) {
      if (!isSteadError(error)) throw error
      logger.debug('a peer gave no notices', { peer, epoch, error: messageOf(error) })
    }
    return { peer, notices: logs }
  }

  #hear(payload: Uint8Array, from: PeerId): GossipVerdict {
    // Without a block nobody knows which epochs matter; what is said now is asked for later.
    if (this.#ports.time.head === undefined) return 'ignore'
    try {
      const notice = noticeSchema.decodeMessage(payload)
      if (addressOfPeerId(from) !== notice.node) return 'reject'
      return this.#take(notice, from, this.#standingOf(notice)) ? 'accept' : 'ignore'
    } catch (error) {
      if (isSteadError(error)) return 'reject'
      throw error
    }
  }

  #standingOf({ epoch, node }: EpochNotice): Standing {
    return this.#parts.bonded.has(epoch, node) ? 'own-word' : 'stranger'
  }

  /** True when a notice is of a time that matters and here now; news is told to listeners. */
  #take(notice: EpochNotice, from: PeerId, standing: Standing): boolean {
    if (!this.#isSpokenOf(notice.epoch)) return false
    const outcome = this.#keep(notice, standing)
    if (outcome === 'new') for (const listener of this.#listeners) listener(notice, from)
    return outcome !== 'no-room'
  }

  #isSpokenOf(epoch: EpochNumber): boolean {
    const now = this.#ports.time.epoch()
    return epoch <= now && epoch >= now - EPOCHS_BACK_MAX
  }

  #all(epoch: EpochNumber): readonly EpochNotice[] {
    return Array.from(this.#notices.get(epoch)?.all.values() ?? [], ({ notice }) => notice)
  }

  #keep(notice: EpochNotice, standing: Standing): 'new' | 'known' | 'no-room' {
    const { kind, node, document, evidence, root, attempt } = notice
    const name = [kind, node, document, evidence, root, attempt].join(' ')
    const of = this.#notices.get(notice.epoch) ?? { all: new Map(), byNode: new Map(), strangers: 0 }
    this.#notices.set(notice.epoch, of)
    if (of.all.has(name)) return 'known'
    if (!makeRoom(of, node, standing)) return 'no-room'
    of.all.set(name, { notice, standing })
    of.byNode.set(node, (of.byNode.get(node) ?? new Set()).add(name))
    if (standing === 'stranger') of.strangers++
    const oldest = this.#ports.time.epoch() - EPOCHS_BACK_MAX
    for (const epoch of this.#notices.keys()) if (epoch < oldest) this.#notices.delete(epoch)
    return 'new'
  }

  async #answer({ payload }: IncomingRequest): Promise<Uint8Array> {
    const { epoch } = noticesRequestSchema.decodeMessage(payload)
    if (this.#ports.time.head === undefined || !this.#isSpokenOf(epoch)) {
      return noticesReplySchema.encodeMessage({ notices: [] })
    }
    const logs = await this.#parts.logsOf(epoch)
    const said = this.#all(epoch).filter(({ kind }) => kind !== 'log')
    return noticesReplySchema.encodeMessage({ notices: [...logs, ...said].slice(0, NOTICES_PER_EPOCH_MAX) })
  }
}

/** False when there is none. */
function makeRoom(of: EpochNotices, node: Address, standing: Standing): boolean {
  const { all, byNode } = of
  if (standing === 'stranger' && of.strangers >= NOTICES_OF_STRANGERS_MAX) return false
  const own = byNode.get(node) ?? new Set()
  const isNodeFull = own.size >= NOTICES_PER_NODE_MAX
  if (!isNodeFull && all.size < NOTICES_PER_EPOCH_MAX) return true
  const passedOn = standing === 'own-word' ? firstHearsay(all, isNodeFull ? own : all.keys()) : undefined
  const from = passedOn === undefined ? undefined : all.get(passedOn)?.notice.node
  if (passedOn === undefined || from === undefined) return false
  all.delete(passedOn)
  byNode.get(from)?.delete(passedOn)
  if (byNode.get(from)?.size === 0) byNode.delete(from)
  return true
}

function firstHearsay(all: ReadonlyMap<string, KeptNotice>, names: Iterable<string>): string | undefined {
  for (const name of names) if (all.get(name)?.standing === 'hearsay') return name
  return undefined
}
