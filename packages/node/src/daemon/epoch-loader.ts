import { messageOf, type Timer } from '@stead/core'
import type { EpochService } from '@stead/epochs'
import type { OfferBook } from '@stead/market'
import type { NodeConfig } from '../config/settings.ts'
import type { StorageBuyer } from './buying-storage.ts'
import type { Foundation } from './foundation.ts'

/** How often a node that sells looks whether it was bonded: one question to the chain. */
const BOND_LOOK_MS = 60_000

/** What the loader stands on. */
export interface EpochLoaderComponents {
  readonly foundation: Foundation
  readonly offers: OfferBook
  /** Looks at nodes that auditors doubt. */
  readonly storage: Pick<StorageBuyer, 'examine'>
}

/** Loads everything about epochs when it is needed: at once when a setting says so, else when the node has a bond. */
export class EpochLoader {
  readonly #components: EpochLoaderComponents
  readonly #config: NodeConfig
  #service: EpochService | undefined
  #timer: Timer | undefined
  #looking: Promise<void> = Promise.resolve()
  #isStopped = false

  constructor(components: EpochLoaderComponents, config: NodeConfig) {
    this.#components = components
    this.#config = config
  }

  /** Undefined while the node takes no part. */
  get service(): EpochService | undefined {
    return this.#service
  }

  /** @throws as `openEpochs`, where a setting asks for epochs */
  async start(): Promise<void> {
    const { watch, propose } = this.#config.epochs
    if (watch || propose) await this.#load()
    else if (this.#config.provide.enabled) await this.#loadWhenBonded()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#timer?.clear()
    await this.#looking
    await this.#service?.stop()
  }

  #look(delayMs: number): void {
    const { clock } = this.#components.foundation
    this.#timer = clock.setTimer(delayMs, () => {
      this.#looking = this.#loadWhenBonded()
    })
  }

  async #loadWhenBonded(): Promise<void> {
    const { chain, signer, logger } = this.#components.foundation
    try {
      if ((await chain.operatorOf(signer.address)) !== undefined && !this.#isStopped) await this.#load()
    } catch (error) {
      logger.debug('the bond was not looked at', { error: messageOf(error) })
    }
    if (this.#service === undefined && !this.#isStopped) this.#look(BOND_LOOK_MS)
  }

  async #load(): Promise<void> {
    const { openEpochs } = await import('../epochs/open-epochs.ts')
    this.#service = await openEpochs(this.#components, this.#config)
  }
}
