import { type Address, type MicroUsd, microUsd, type Network } from '@stead/core'
import { type CaretakerInput, pieceNameOf, type SegmentProfile } from '@stead/storage'
import { type MemoryStore, SeededRandom } from '@stead/testkit'
import { setPieceSchema } from '../../src/agreement/set-rows.ts'
import { CARE_PROTOCOL, careRequestSchema, type HandAsk } from '../../src/care/care-messages.ts'
import { decodeReference } from '../../src/placement/segment-reference.ts'
import { SLOTS_TABLE } from '../../src/provider/agreement-rows.ts'
import { NetworkWorld, type RunningCaretaker, type SellingNode } from '../support/network-world.ts'

export const KEY: Uint8Array = new Uint8Array(32).fill(9)
export const HOUR_MS = 3_600_000
/** Nodes keep so long what nobody pays for. */
const UNPAID_SECONDS = 16 * 3600
/** A payer is away after two hours, and what it has is overdue after eight. */
export const HASTY: CaretakerInput = {
  absentAfterMs: 2 * HOUR_MS,
  settleEveryMs: HOUR_MS,
  lostAfterMs: 2 * HOUR_MS,
  takeOverAfterMs: 8 * HOUR_MS,
  givenUpAfterMs: 16 * HOUR_MS,
}

/** How a {@link CareWorld} is set up. */
export interface CareWorldOptions {
  readonly nodes: number
  /** @default 4-of-12 */
  readonly profile?: SegmentProfile
  readonly budgetMicroUsd?: bigint
  readonly perDayMicroUsd?: bigint
  /** @default {@link HASTY} */
  readonly care?: CaretakerInput
  readonly prepare?: (world: NetworkWorld) => void
  /** What is put between a node and its network. */
  readonly decorate?: (number: number) => ((network: Network) => Network) | undefined
}

/** A payer with one segment, its caretaker, and the nodes that both can buy from. */
export class CareWorld {
  readonly world: NetworkWorld
  readonly plaintext: Uint8Array
  readonly reference: Uint8Array
  readonly #dead: Set<Address> = new Set()
  care: RunningCaretaker

  private constructor(
    world: NetworkWorld,
    care: RunningCaretaker,
    put: { plaintext: Uint8Array; reference: Uint8Array },
  ) {
    this.world = world
    this.care = care
    this.plaintext = put.plaintext
    this.reference = put.reference
  }

  static async of(options: CareWorldOptions): Promise<CareWorld> {
    const { nodes, budgetMicroUsd = 100_000n, perDayMicroUsd = 10_000n } = options
    const world = new NetworkWorld(options.profile)
    options.prepare?.(world)
    for (let number = 0; number < nodes; number++) {
      const decorate = options.decorate?.(number)
      await world.addSeller({ storage: { unpaidSecondsMax: UNPAID_SECONDS }, ...(decorate && { decorate }) })
    }
    await world.startPayer()
    const care = await world.startCaretaker(world.careStore, { ...HASTY, ...options.care })
    const plaintext = new SeededRandom(1).bytes(700_000)
    const reference = await world.within(world.payer.segments.put(KEY, plaintext))
    const wish = { budgetMicroUsd: microUsd(budgetMicroUsd), perDayMicroUsd: microUsd(perDayMicroUsd) }
    await world.within(world.payer.consumer.care.appoint(wish))
    return new CareWorld(world, care, { plaintext, reference })
  }

  /** Lets hours pass in which the caretaker looks and works. */
  async hours(count: number, { isWorking = true }: { readonly isWorking?: boolean } = {}): Promise<void> {
    for (let hour = 0; hour < count; hour++) {
      await this.world.clock.advance(HOUR_MS)
      if (!isWorking) continue
      await this.world.within(this.care.caretaker.look())
      await this.world.within(this.care.caretaker.round(), 600_000, 50)
    }
  }

  /** Lets time pass until a call is done, or the process that it is in has died. @returns whether it was done */
  async untilDone(call: Promise<unknown>, store: MemoryStore): Promise<boolean> {
    let isDone = false
    const done = (): void => {
      isDone = true
    }
    call.then(done, done)
    await this.world.clock.settle()
    while (!isDone && !store.isCrashed) await this.world.clock.advance(100)
    return isDone && !store.isCrashed
  }

  /** One round of the payer's daemon. */
  async payerRound(): Promise<void> {
    await this.world.within(this.world.payer.consumer.look())
    await this.world.within(this.world.payer.consumer.round(), 600_000, 200)
    await this.world.clock.settle()
  }

  kill(sellers: readonly SellingNode[]): void {
    for (const seller of sellers) {
      this.world.kill(seller)
      this.#dead.add(seller.node)
    }
  }

  /** Pieces of the segment that nodes which live have agreed on, with whomever; each once. */
  async kept(): Promise<number> {
    return (await this.holders()).length
  }

  /** Nodes that live and have a piece of the segment, the one that each of its pieces is found at first. */
  async holders(): Promise<readonly SellingNode[]> {
    const { segment, pieces } = decodeReference(this.reference)
    const missing = new Set(Array.from({ length: pieces }, (_, number) => pieceNameOf(segment, number)))
    const found: SellingNode[] = []
    for (const seller of this.world.sellers) {
      if (this.#dead.has(seller.node)) continue
      for (const { value } of await seller.store.scan(SLOTS_TABLE))
        if (missing.delete(setPieceSchema.decodeMessage(value).piece)) found.push(seller)
    }
    return found
  }

  get status(): { readonly pieces: number; readonly spentMicroUsd: MicroUsd; readonly budgetMicroUsd: MicroUsd } {
    const [ward] = this.care.caretaker.status()
    if (ward === undefined) throw new Error('nobody is looked after')
    return ward
  }

  get segment(): Uint8Array {
    return decodeReference(this.reference).segment
  }

  /** What the payer would hand over, without segments. */
  handOf(): HandAsk {
    const [channel] = this.world.payer.market.channels().filter(({ quote }) => quote.resource === 'care')
    if (channel === undefined) throw new Error('no caretaker is paid')
    return {
      channel: channel.id,
      perDayMicroUsd: microUsd(10_000n),
      priceMaxMicroUsdPerTibHour: microUsd(20_000n),
      hasDistinctSubnets: false,
      put: [],
      drop: [],
      isComplete: true,
      isDismissed: false,
    }
  }

  /** What a caretaker does that acts as if its payer had said so, whose machine is closed. */
  async orderInPayersName(change: Partial<HandAsk>): Promise<void> {
    const network = this.world.hub.createNode(this.world.payerPeer)
    await network.start()
    await this.world.within(network.connect(this.care.peer, 5000))
    const payload = careRequestSchema.encodeMessage({ hand: { ...this.handOf(), ...change } })
    await this.world.within(network.request(this.care.peer, CARE_PROTOCOL, payload, { timeoutMs: 5000 }))
    this.world.hub.kill(this.world.payerPeer)
  }

  get all(): { readonly fromByte: number; readonly toByte: number } {
    return { fromByte: 0, toByte: this.plaintext.length }
  }
}
