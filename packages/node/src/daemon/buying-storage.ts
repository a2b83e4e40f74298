import { type Address, messageOf } from '@stead/core'
import type { MarketPayer, OfferBook } from '@stead/market'
import type {
  GrantDesk,
  HolderWait,
  PlacementReport,
  RecoveredStorage,
  StorageConsumer,
  TreeObjectStore,
} from '@stead/storage'
import type { NodeConfig } from '../config/settings.ts'
import type { Foundation } from './foundation.ts'

/** What keeps a node's objects on the network. */
export interface BuyingStorage {
  readonly consumer: StorageConsumer
  readonly objects: TreeObjectStore
  /** Answers those who write with a link of this node. */
  readonly grants: GrantDesk
  /** Makes the books of a payer again whose disk was lost. @throws as the object store and StorageConsumer.recover */
  recover(): Promise<RecoveredStorage>
  stop(): Promise<void>
}

/** What buying storage needs. */
export interface StorageBuyerComponents {
  readonly foundation: Foundation
  readonly market: MarketPayer
  readonly offers: OfferBook
}

/** Where agreements of the payer are kept, as its package says. */
const BOUGHT_TABLE = 'storage-bought'

const PLACEMENT_AGE_MS = 60_000

/** Opens the buying side of storage when somebody uses it, or did before: agreements want to be paid. */
export class StorageBuyer {
  readonly #components: StorageBuyerComponents
  readonly #config: NodeConfig
  #opened: Promise<BuyingStorage> | undefined
  #isStopped = false
  /** All rows are read for it, and some ask every second. */
  #placement: { readonly atMs: number; readonly report: PlacementReport } | undefined

  constructor(components: StorageBuyerComponents, config: NodeConfig) {
    this.#components = components
    this.#config = config
  }

  /** @throws CoreError STORE_FAILED, STORE_CORRUPT */
  async start(): Promise<void> {
    const rows = await this.#components.foundation.store.scan(BOUGHT_TABLE, { limit: 1 })
    if (rows.length > 0) await this.open()
  }

  /** @throws CoreError; StorageError STORAGE_BAD_PHRASE for a phrase that somebody changed */
  async open(): Promise<BuyingStorage> {
    this.#opened ??= this.#open().catch((error: unknown) => {
      this.#opened = undefined
      throw error
    })
    return await this.#opened
  }

  /** Has nodes of this payer prove what they keep that auditors found without it. Never throws; nothing where it buys nothing. */
  async examine(nodes: readonly Address[]): Promise<void> {
    const { logger } = this.#components.foundation
    try {
      const opened = await this.#opened
      if (opened === undefined || this.#isStopped) return
      const found = await opened.consumer.examine(nodes)
      for (const [node, outcome] of found) logger.info('a node that auditors doubt was asked', { node, outcome })
    } catch (error) {
      logger.warn('nodes that auditors doubt were not asked', { error: messageOf(error) })
    }
  }

  /** How what is kept lies, as of a minute ago at most; undefined where nothing is. @throws CoreError STORE_FAILED, STORE_CORRUPT */
  async placement(): Promise<PlacementReport | undefined> {
    const opened = await this.#opened
    if (opened === undefined || this.#isStopped) return undefined
    const nowMs = this.#components.foundation.clock.monotonicMs()
    if (this.#placement === undefined || nowMs - this.#placement.atMs > PLACEMENT_AGE_MS)
      this.#placement = { atMs: nowMs, report: await opened.consumer.placement() }
    const { report } = this.#placement
    return report.segments === 0 ? undefined : report
  }

  /** Reads of what is kept that wait for nodes; none where nothing is. */
  async waits(): Promise<readonly HolderWait[]> {
    return (await this.#opened)?.consumer.reach.waits() ?? []
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await (await this.#opened)?.stop()
  }

  async #open(): Promise<BuyingStorage> {
    if (this.#isStopped) throw new TypeError('storage is opened after its stop')
    const { openBuyingStorage } = await import('./storage-side.ts')
    return await openBuyingStorage(this.#components, this.#config)
  }
}
