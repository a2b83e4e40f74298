import { createHash } from 'node:crypto'
import type { KadDHT } from '@libp2p/kad-dht'
import { type Clock, type Logger, messageOf, type PeerId, type Timer } from '@stead/core'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { create as createDigest } from 'multiformats/hashes/digest'
import { sha256 } from 'multiformats/hashes/sha2'
import { abortAfter } from './connecting.ts'

/** Name of the table's protocol: not that of any public table, which we neither join nor burden. */
export const TABLE_PROTOCOL = '/stead/kad/1'

/** What a {@link ProviderTable} needs. */
export interface ProviderTableComponents {
  readonly clock: Clock
  readonly logger: Logger
  readonly self: PeerId
}

/** Limits of a {@link ProviderTable}. */
export interface ProviderTableOptions {
  readonly intervalMs: number
  readonly timeoutMs: number
}

/** After a new peer joins, announcements are repeated at once while the table has so few peers that each may be needed. */
const SMALL_NETWORK_PEERS = 20
const REPEAT_DELAY_MS = 500
const RETRY_DELAY_MS = 200

/** Announces and finds who provides what, in the distributed table. */
export class ProviderTable {
  readonly #components: ProviderTableComponents
  readonly #options: ProviderTableOptions
  readonly #keys = new Set<string>()
  readonly #stopped = new AbortController()
  #dht: KadDHT | undefined
  #peersSeen = 0
  #intervalTimer: Timer | undefined
  #repeatTimer: Timer | undefined

  constructor(components: ProviderTableComponents, options: ProviderTableOptions) {
    this.#components = components
    this.#options = options
  }

  start(dht: KadDHT): void {
    this.#dht = dht
    this.#scheduleInterval()
  }

  stop(): void {
    this.#stopped.abort()
    this.#intervalTimer?.clear()
    this.#repeatTimer?.clear()
  }

  /** See Network.provide. Without any peer it only remembers the key for later. */
  async provide(key: string): Promise<void> {
    this.#keys.add(key)
    if (this.#peersSeen > 0) await this.#announce(key)
  }

  /** A peer that takes part in the table is now connected. */
  onTablePeer(): void {
    this.#peersSeen += 1
    if (this.#peersSeen > SMALL_NETWORK_PEERS || this.#keys.size === 0 || this.#repeatTimer !== undefined) return
    this.#repeatTimer = this.#components.clock.setTimer(REPEAT_DELAY_MS, () => {
      this.#repeatTimer = undefined
      void this.#announceAll()
    })
  }

  /** See Network.findProviders. Asks again while nobody is found and time is left: the table of a young network fills late. */
  async find(key: string, limit: number, timeoutMs: number): Promise<readonly PeerId[]> {
    const { clock } = this.#components
    const endMs = clock.monotonicMs() + timeoutMs
    const signal = this.#signal(timeoutMs)
    for (;;) {
      const found = await this.#ask(key, limit, signal)
      const leftMs = endMs - clock.monotonicMs()
      if (found.length > 0 || limit < 1 || leftMs < RETRY_DELAY_MS || this.#stopped.signal.aborted) return found
      await clock.sleep(RETRY_DELAY_MS)
    }
  }

  async #ask(key: string, limit: number, signal: AbortSignal): Promise<readonly PeerId[]> {
    const found = new Set<PeerId>()
    try {
      for await (const event of this.#dht?.findProviders(contentIdOfKey(key), { signal }) ?? []) {
        if (event.name !== 'PROVIDER') continue
        for (const { id } of event.providers) found.add(id.toString() as PeerId)
        found.delete(this.#components.self)
        if (found.size >= limit) break
      }
    } catch (error) {
      // Time is over or nobody could be asked: what was found until then is the answer.
      this.#components.logger.debug('provider search ended early', { error: messageOf(error) })
    }
    return [...found].slice(0, limit)
  }

  #signal(timeoutMs: number): AbortSignal {
    return AbortSignal.any([this.#stopped.signal, abortAfter(timeoutMs)])
  }

  #scheduleInterval(): void {
    this.#intervalTimer = this.#components.clock.setTimer(this.#options.intervalMs, () => {
      void this.#announceAll()
      this.#scheduleInterval()
    })
  }

  async #announceAll(): Promise<void> {
    for (const key of this.#keys) {
      if (this.#stopped.signal.aborted) return
      await this.#announce(key)
    }
  }

  async #announce(key: string): Promise<void> {
    const dht = this.#dht
    if (dht === undefined) return
    try {
      const steps = dht.provide(contentIdOfKey(key), { signal: this.#signal(this.#options.timeoutMs) })
      for await (const step of steps) this.#components.logger.debug('announcing', { key, step: step.name })
    } catch (error) {
      this.#components.logger.debug('announcement incomplete', { key, error: messageOf(error) })
    }
  }
}

/** CIDv1, raw, of the SHA-256 of the key's UTF-8 bytes. */
function contentIdOfKey(key: string): CID {
  const digest = createHash('sha256').update(key, 'utf8').digest()
  return CID.createV1(raw.code, createDigest(sha256.code, digest))
}
