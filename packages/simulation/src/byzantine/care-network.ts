import {
  type Clock,
  type IncomingRequest,
  isSteadError,
  microUsd,
  type Network,
  type Random,
  type RequestHandler,
  type Store,
} from '@stead/core'
import { CARE_PROTOCOL, type CareRequest, careReplySchema, careRequestSchema, type HandAsk } from '@stead/storage'
import { decorated } from '@stead/testkit'
import { TAKEN_OVER_MS } from '../world/care-terms.ts'
import { flipped } from './bit-flips.ts'
import type { CareCheat } from './care-cheats.ts'

/** What lying about care needs. */
export interface CareLiar {
  readonly network: Network
  readonly clock: Clock
  readonly random: Random
}

/** More than anybody allows. */
const ANY_AMOUNT = microUsd(10n ** 15n)
const LIE_SHARE = 0.6
const LOOK_MS = 20_000
const PAID_TABLE = 'care-storage-paid'

/** The network of a caretaker that cheats: the node behind it is honest, and is told or tells something else. */
export function careLyingNetwork({ network, clock, random }: CareLiar, cheat: CareCheat): Network {
  return decorated(network, {
    handle: (protocol, limits, handler: RequestHandler) => {
      if (protocol !== CARE_PROTOCOL) return network.handle(protocol, limits, handler)
      const forgetful = cheat === 'care-drops-pieces' ? new EarlyReturns(clock, handler) : undefined
      return network.handle(protocol, limits, async (request) => {
        const asked = careRequestSchema.decodeMessage(request.payload)
        forgetful?.note(request, asked)
        if (cheat === 'care-overspends' && asked.hand !== undefined)
          return await handler({ ...request, payload: spending(asked.hand) })
        const answer = await handler(request)
        return cheat === 'care-forges-proofs' && random.fraction() < LIE_SHARE ? forged(answer, random) : answer
      })
    },
  })
}

/** The disk of a caretaker that cheats: what it billed once is on it a second time. */
export function careLyingStore(store: Store, cheat: CareCheat | undefined): Store {
  if (cheat !== 'care-bills-again') return store
  const billed = new Set<string>()
  return decorated(store, {
    write: async (batch, durability) => {
      const kept = batch.filter(({ kind, table, key }) => {
        const isAgain = kind !== 'delete' || table !== PAID_TABLE || billed.has(key)
        if (!isAgain) billed.add(key)
        return isAgain
      })
      await store.write(kept, durability)
    },
  })
}

function spending(hand: HandAsk): Uint8Array {
  return careRequestSchema.encodeMessage({ hand: { ...hand, perDayMicroUsd: ANY_AMOUNT } })
}

function forged(answer: Uint8Array, random: Random): Uint8Array {
  const reply = careReplySchema.decodeMessage(answer)
  const periods = reply.periods.map((period) => ({ ...period, proof: flipped(period.proof, random) }))
  return careReplySchema.encodeMessage({ ...reply, periods })
}

/** Tells the honest node behind it that a payer is back which is not: it gives up its copies, and bills for what it had. */
class EarlyReturns {
  readonly #clock: Clock
  readonly #handler: RequestHandler
  readonly #last: Map<string, { readonly request: IncomingRequest; readonly hand: HandAsk; readonly atMs: number }> =
    new Map()

  constructor(clock: Clock, handler: RequestHandler) {
    this.#clock = clock
    this.#handler = handler
    this.#later()
  }

  note(request: IncomingRequest, { hand }: CareRequest): void {
    if (hand !== undefined) this.#last.set(request.peer, { request, hand, atMs: this.#clock.monotonicMs() })
  }

  #later(): void {
    this.#clock.setTimer(LOOK_MS, () => {
      for (const [peer, { request, hand, atMs }] of this.#last) {
        if (this.#clock.monotonicMs() - atMs < TAKEN_OVER_MS) continue
        this.#last.delete(peer)
        const payload = careRequestSchema.encodeMessage({ hand: { ...hand, put: [], drop: [], isComplete: true } })
        void this.#tell({ ...request, payload })
      }
      this.#later()
    })
  }

  async #tell(request: IncomingRequest): Promise<void> {
    try {
      await this.#handler(request)
    } catch (error) {
      if (!isSteadError(error)) throw error
    }
  }
}
