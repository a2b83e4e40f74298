import {
  type Address,
  address,
  type ChainIdentity,
  type Hash,
  type MicroUsd,
  microUsd,
  type RootTerms,
  type SaleTerms,
} from '@stead/core'
import type { Secp256k1 } from '@stead/protocol'
import { EpochClock } from './epoch-clock.ts'
import { EventBook } from './event-book.ts'
import { MemoryBalances } from './memory-balances.ts'
import { MemoryFeeLots } from './memory-fee-lots.ts'
import { MemoryRewards, type ProgramSource } from './memory-rewards.ts'
import { MemoryRoots } from './memory-roots.ts'
import { MemoryStake } from './memory-stake.ts'

/** A program that is in use from the beginning. */
export interface MemoryProgram {
  readonly id: Hash
  readonly source: ProgramSource
}

/** Constants of a simulated economy; defaults are those of a deployment on a development chain. */
export interface MemoryEconomyOptions {
  readonly epochSeconds?: number
  /** @default a 24th of an epoch */
  readonly halvingSeconds?: number
  readonly firstPriceTokenUnits?: bigint
  readonly minimumLotMicroUsd?: MicroUsd
  readonly kappaBps?: number
  readonly challengeSeconds?: number
  readonly decisionSeconds?: number
  readonly minimumStakeTokenUnits?: bigint
  readonly depositTokenUnits?: bigint
  readonly programs?: readonly MemoryProgram[]
}

/** What the simulated contracts stand on. */
export interface ContractsComponents {
  readonly identity: ChainIdentity
  readonly secp256k1: Secp256k1
  readonly genesisSeconds: number
}

const DAY_SECONDS = 86_400
const TOKEN = 10n ** 18n
const HALVINGS_PER_EPOCH = 24
const REWARDS: Address = address(`0x${'4e'.repeat(20)}`)

/** All contracts of a simulated economy around one pot of dollars and tokens. */
export class MemoryContracts {
  readonly rewardsAddress: Address = REWARDS
  readonly saleTerms: SaleTerms
  readonly epochs: EpochClock
  readonly dollars: MemoryBalances = new MemoryBalances('micro-dollars')
  readonly tokens: MemoryBalances = new MemoryBalances('token units')
  readonly events: EventBook = new EventBook()
  readonly lots: MemoryFeeLots
  readonly stake: MemoryStake
  readonly roots: MemoryRoots
  readonly rewards: MemoryRewards

  constructor({ identity, secp256k1, genesisSeconds }: ContractsComponents, options: MemoryEconomyOptions) {
    const { tokens, dollars } = this
    const epochSeconds = options.epochSeconds ?? DAY_SECONDS
    const halvingSeconds = options.halvingSeconds ?? Math.max(1, Math.floor(epochSeconds / HALVINGS_PER_EPOCH))
    this.saleTerms = { halvingSeconds, minimumLotMicroUsd: options.minimumLotMicroUsd ?? microUsd(1n) }
    this.epochs = new EpochClock(genesisSeconds, epochSeconds)
    const firstPriceTokenUnits = options.firstPriceTokenUnits ?? 20n * 10n ** 12n
    this.lots = new MemoryFeeLots(this.epochs, { ...this.saleTerms, firstPriceTokenUnits })
    this.stake = new MemoryStake({ identity, tokens, secp256k1 })
    const { epochs, stake, lots } = this
    const { chainId } = identity
    this.roots = new MemoryRoots({ chainId, rewards: REWARDS, epochs, stake, tokens, secp256k1 }, rootTermsOf(options))
    const { roots } = this
    const kappaBps = options.kappaBps ?? 8000
    this.rewards = new MemoryRewards({ rewards: REWARDS, lots, roots, tokens, dollars }, kappaBps, genesisSeconds)
    for (const { id, source } of options.programs ?? []) this.setProgram(id, source, true)
  }

  /** Names a program, or takes it in or out of use. @throws SteadError CHAIN_REVERTED */
  setProgram(program: Hash, source: ProgramSource, isEnabled: boolean): void {
    this.rewards.setProgram(program, source, isEnabled)
    this.events.add('programs', { program, source, isEnabled })
  }

  /** @throws TypeError when value came or went by any other way than the rules */
  check(): void {
    this.dollars.check()
    this.tokens.check()
    this.stake.check()
    this.rewards.check()
    const [held, deposits] = [this.tokens.of(REWARDS), this.roots.heldTokenUnits]
    if (held !== deposits) throw new TypeError(`the Rewards hold ${held} token units, deposits are ${deposits}`)
  }
}

function rootTermsOf(options: MemoryEconomyOptions): RootTerms {
  return {
    challengeSeconds: options.challengeSeconds ?? DAY_SECONDS,
    decisionSeconds: options.decisionSeconds ?? 2 * DAY_SECONDS,
    minimumStakeTokenUnits: options.minimumStakeTokenUnits ?? 1000n * TOKEN,
    depositTokenUnits: options.depositTokenUnits ?? 100n * TOKEN,
  }
}
