import { type Address, address, silentLogger } from '@stead/core'
import type { PayerChannel } from '@stead/market'
import { type AgreementDriver, Challenger, type ChallengerOptions } from '@stead/storage'
import { SeededRandom } from '@stead/testkit'
import { MemoryAdjudicator } from './memory-adjudicator.ts'
import { pieceOf, TradeWorld } from './trade-world.ts'

export const ACCOUNT: Address = address(`0x${'aa'.repeat(20)}`)
const OPERATOR: Address = address(`0x${'0f'.repeat(20)}`)
export const MINUTE_MS = 60_000
export const HOUR_MS: number = 60 * MINUTE_MS
export const DAY_MS: number = 24 * HOUR_MS
/** What the memory adjudicator takes as a deposit. */
export const DEPOSIT = 10n

const DEFAULTS: ChallengerOptions = { challengeOn: 'lied', randomPerMonth: 0, depositsMaxTokenUnits: 3n * DEPOSIT }

/** A payer with one agreement, and nobody who answers. */
export class Asker {
  readonly world: TradeWorld
  readonly chain: MemoryAdjudicator
  readonly driver: AgreementDriver
  readonly channel: PayerChannel
  readonly holds: boolean[] = []
  readonly #options: ChallengerOptions
  challenger: Challenger
  hasStake = true
  /** The node and this payer have no agreement any more. */
  isGone = false

  static async of(options: Partial<ChallengerOptions> = {}): Promise<Asker> {
    const world = await TradeWorld.started()
    const channel = await world.channel()
    const driver = await world.agreement(channel)
    await world.keep(driver, channel, pieceOf(1))
    const asker = new Asker({ world, channel, driver }, { ...DEFAULTS, ...options })
    await asker.challenger.start()
    return asker
  }

  constructor(
    { world, channel, driver }: { world: TradeWorld; channel: PayerChannel; driver: AgreementDriver },
    options: ChallengerOptions,
  ) {
    this.world = world
    this.channel = channel
    this.driver = driver
    this.#options = options
    this.chain = new MemoryAdjudicator(world.clock)
    this.challenger = this.#new()
  }

  get node(): Address {
    return this.world.nodeKey.signer.address
  }

  #new(): Challenger {
    const { clock, payerStore } = this.world
    const { node, driver } = this
    const hold = (isHeld: boolean): void => void this.holds.push(isHeld)
    return new Challenger(
      {
        adjudicator: this.chain.of(ACCOUNT),
        chain: {
          operatorOf: async () => (this.hasStake ? OPERATOR : undefined),
          blockTime: async () => this.chain.now(),
        },
        nodes: () => (this.isGone ? [] : [{ node, agreement: driver.id, signed: driver.signed, hold }]),
        store: payerStore,
        clock,
        random: new SeededRandom(1),
        logger: silentLogger,
      },
      this.#options,
    )
  }

  /** Killed and begun again; on `challenges` of the chain others may do something meanwhile. */
  async restart(meanwhile: () => Promise<void> = async () => undefined): Promise<void> {
    await this.challenger.stop()
    await meanwhile()
    await this.world.restartPayer()
    this.challenger = this.#new()
    await this.challenger.start()
  }

  pass(ms: number): Promise<void> {
    return this.world.clock.advance(ms)
  }
}
