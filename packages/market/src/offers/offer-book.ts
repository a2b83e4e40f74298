import type { ChainIdentity, Clock, Logger, Metrics, Network } from '@stead/core'
import type { Resource, Secp256k1 } from '@stead/protocol'
import type { OfferBookOptions } from '../options.ts'
import type { OfferEntry, OfferSource } from './offer-entry.ts'

/** What the offer book stands on. */
export interface OfferBookComponents {
  readonly network: Network
  readonly secp256k1: Secp256k1
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  /** Offers for other chains or contracts are not kept. */
  readonly identity: ChainIdentity
}

const unfinished = (): never => {
  throw new TypeError('not built yet')
}

/** Own offers, and the verified offers of others that are still good. */
export class OfferBook {
  constructor(_components: OfferBookComponents, _options: OfferBookOptions) {}

  async start(): Promise<void> {
    unfinished()
  }

  async stop(): Promise<void> {
    unfinished()
  }

  /** Offers a resource until the returned function is called. @throws TypeError when it is offered already */
  publish(_source: OfferSource): () => void {
    return unfinished()
  }

  /** Verified, unexpired offers for the own chain, one per node, the newest of each. Listens from the first call on. */
  list(_resource: Resource): readonly OfferEntry[] {
    return unfinished()
  }

  /** Waits until `minimum` offers are known, asking peers meanwhile; resolves with what there is when time is over. */
  async wait(
    _resource: Resource,
    _wish: { readonly minimum: number; readonly timeoutMs: number; readonly signal?: AbortSignal },
  ): Promise<readonly OfferEntry[]> {
    return unfinished()
  }
}
