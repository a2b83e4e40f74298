import type { Address } from '@stead/core'
import type { MarketPayer, MarketProvider, OfferBook } from '@stead/market'
import { Caretaker, createErasureKernel, createFrameCipher, loadPairHasher } from '@stead/storage'
import type { NodeConfig } from '../config/settings.ts'
import type { Foundation } from './foundation.ts'
import type { StopStack } from './stop-stack.ts'

/** What looking after others' pieces needs: both sides of the market. */
export interface CareParts {
  readonly foundation: Foundation
  readonly operator: Address
  readonly market: MarketPayer
  readonly sold: MarketProvider
  readonly offers: OfferBook
  readonly stops: StopStack
}

const PPM_OF_PERCENT = 10_000
const SECOND_MS = 1000

/** Looks after what payers keep while they are away, from now on. @throws CoreError STORE_FAILED, STORE_CORRUPT */
export async function openCaretaker(parts: CareParts, config: NodeConfig): Promise<Caretaker> {
  const { foundation, operator, market, sold, offers, stops } = parts
  const { carePercent, lostAfterSeconds } = config.storage
  const { signer, chain } = foundation
  const caretaker = new Caretaker(
    {
      ...foundation,
      market,
      sold,
      offers,
      identity: chain.identity,
      hasher: await loadPairHasher(),
      cipher: createFrameCipher(),
      kernel: createErasureKernel(),
    },
    { sharePpm: carePercent * PPM_OF_PERCENT, lostAfterMs: lostAfterSeconds * SECOND_MS },
  )
  await caretaker.start()
  stops.push('caretaker', () => caretaker.stop())
  const { region } = config.provide
  stops.push(
    'care offer',
    offers.publish({ resource: 'care', signer, operator, region, terms: () => caretaker.offerTerms() }),
  )
  return caretaker
}
