import {
  type Address,
  address,
  type Balances,
  type ChainIdentity,
  type ChannelClaim,
  type ChannelShareOnChain,
  type ClaimedChannel,
  type Clock,
  type FundRequest,
  type Hash,
  hash,
  type MicroUsd,
  microUsd,
  type TransactionOutcome,
  type UnixMs,
  type Wei,
} from '@stead/core'
import { channelIdOf, nobleSecp256k1, type Secp256k1 } from '@stead/protocol'
import { chainRefusal } from './chain-refusal.ts'
import { MemoryContracts, type MemoryEconomyOptions } from './economy/memory-contracts.ts'
import type { ProgramSource } from './economy/memory-rewards.ts'
import { MemoryBlocks } from './memory-blocks.ts'
import { type EscrowTerms, MemoryEscrow } from './memory-escrow.ts'
import { requireFunds } from './revert.ts'
import { GAS, type TransactionKind } from './transaction-gas.ts'

/** What a unit of gas costs there, always. */
export const GAS_PRICE_WEI: Wei = 1_000_000_000n as Wei
const addressOf = (digits: string): Address => address(`0x${digits.repeat(20)}`)

/**
 * How a simulated chain is out of order: `unreachable` takes nothing; `answers-lost` takes transactions, but whoever
 * sent them never learns of it.
 */
export type ChainOutage = 'none' | 'unreachable' | 'answers-lost'

/** What makes a simulated chain. */
export interface MemoryLedgerComponents {
  readonly clock: Clock
  /** Checks vouchers, votes and consents. @default noble, which is slow but everywhere the same */
  readonly secp256k1?: Secp256k1
}

/** Constants of a simulated chain. */
export interface MemoryLedgerOptions {
  readonly feeBps?: number
  readonly thawSeconds?: number
  readonly chainId?: number
  readonly economy?: MemoryEconomyOptions
}

/** What an account is given out of nothing. */
export interface MemoryGift {
  readonly dollarMicroUsd?: bigint
  readonly gasWei?: bigint
  readonly tokenUnits?: bigint
}

interface Thaw {
  readonly purse: Hash
  readonly endsAt: UnixMs
}

/**
 * A chain in memory that all accounts of a test share; each has its own MemoryChain on it. After each transaction all
 * value must be where the books say.
 */
export class MemoryLedger {
  readonly identity: ChainIdentity
  readonly terms: EscrowTerms
  readonly blocks: MemoryBlocks
  readonly contracts: MemoryContracts
  readonly escrow: MemoryEscrow
  readonly #clock: Clock
  readonly #gas: Map<Address, bigint> = new Map()
  readonly #claims: (ClaimedChannel & { readonly transaction: Hash })[] = []
  readonly #fundings: Map<Hash, TransactionOutcome> = new Map()
  readonly #transactions: Map<Hash, TransactionOutcome> = new Map()
  readonly #watchers: Set<() => void> = new Set()
  readonly thaws: Thaw[] = []
  #outage: ChainOutage = 'none'
  #skippedMs = 0

  constructor(components: MemoryLedgerComponents, options: MemoryLedgerOptions = {}) {
    this.#clock = components.clock
    const secp256k1 = components.secp256k1 ?? nobleSecp256k1
    this.identity = {
      chainId: options.chainId ?? 31337,
      escrow: addressOf('e5'),
      stake: addressOf('57'),
      dollar: addressOf('d0'),
    }
    this.terms = { feeBps: options.feeBps ?? 500, thawSeconds: options.thawSeconds ?? 86_400 }
    this.blocks = new MemoryBlocks(this.#clockTime())
    const { identity } = this
    const genesisSeconds = this.blocks.head.at / 1000
    this.contracts = new MemoryContracts({ identity, secp256k1, genesisSeconds }, options.economy ?? {})
    this.escrow = new MemoryEscrow({ identity, secp256k1, lots: this.contracts.lots }, this.terms)
  }

  give(account: Address, { dollarMicroUsd = 0n, gasWei = 0n, tokenUnits = 0n }: MemoryGift): void {
    this.contracts.dollars.mint(account, dollarMicroUsd)
    this.contracts.tokens.mint(account, tokenUnits)
    this.#gas.set(account, (this.#gas.get(account) ?? 0n) + gasWei)
  }

  /** Switches the chain off and on; what thawed meanwhile is told when it is on again. */
  setOutage(outage: ChainOutage): void {
    this.#outage = outage
    if (outage === 'none') this.#announce()
  }

  /** Moves the chain's time ahead of the clock and makes a block. */
  passSeconds(seconds: number): void {
    this.#skippedMs += seconds * 1000
    this.mine()
  }

  /** Makes an empty block. */
  mine(): void {
    this.blocks.mine(this.now())
  }

  get outage(): ChainOutage {
    return this.#outage
  }

  /** The time that a block would have that is made now; it never goes back. */
  now(): UnixMs {
    return Math.max(this.#clockTime(), this.blocks.head.at) as UnixMs
  }

  nowSeconds(): number {
    return this.now() / 1000
  }

  /** @throws SteadError CHAIN_UNREACHABLE */
  checkReachable(): void {
    if (this.#outage === 'unreachable') throw chainRefusal('CHAIN_UNREACHABLE', 'the simulated chain is switched off')
  }

  balances(account: Address): Balances {
    return {
      dollarMicroUsd: microUsd(this.contracts.dollars.of(account)),
      gasWei: (this.#gas.get(account) ?? 0n) as Wei,
    }
  }

  claimsOf(channels: readonly ChannelShareOnChain[]): readonly (ClaimedChannel & { readonly transaction: Hash })[] {
    const ids = new Set(channels.map(channelIdOf))
    return this.#claims.filter((claim) => ids.has(claim.channel))
  }

  transactionOf(id: Hash): TransactionOutcome | undefined {
    return this.#transactions.get(id)
  }

  fundingOf(purse: Hash): TransactionOutcome | undefined {
    return this.#fundings.get(purse)
  }

  /**
   * Runs a transaction: gas is paid whole or nothing happens.
   * @throws SteadError CHAIN_UNREACHABLE, CHAIN_INSUFFICIENT_FUNDS, CHAIN_REVERTED; TypeError when value was lost or made
   */
  transact<Value>(
    account: Address,
    kind: TransactionKind,
    run: (transaction: TransactionOutcome) => Value,
  ): TransactionOutcome & { readonly value: Value } {
    this.checkReachable()
    const needWei = GAS[kind] * GAS_PRICE_WEI
    const { gasWei } = this.balances(account)
    if (gasWei < needWei)
      throw chainRefusal('CHAIN_INSUFFICIENT_FUNDS', `gas needs ${needWei} wei, the account ${account} has ${gasWei}`, {
        account,
        needWei,
        haveWei: gasWei,
      })
    const outcome = this.#enact(GAS[kind], run)
    this.#gas.set(account, gasWei - needWei)
    if (this.#outage === 'answers-lost')
      throw chainRefusal('CHAIN_UNREACHABLE', 'the simulated chain took the transaction and lost the answer')
    this.#announce()
    return outcome
  }

  /** What governance decided: the κ of lots that are sold later. @throws SteadError CHAIN_REVERTED */
  setKappaBps(kappaBps: number): void {
    this.#enact(0n, () => this.contracts.rewards.setKappaBps(kappaBps, this.nowSeconds()))
  }

  /** What governance decided: a program that is named, or in use or not. @throws SteadError CHAIN_REVERTED */
  setProgram(program: Hash, source: ProgramSource, isEnabled: boolean): void {
    this.#enact(0n, () => this.contracts.setProgram(program, source, isEnabled))
  }

  /** Locks a payer's dollars. */
  fund(payer: Address, request: FundRequest, outcome: TransactionOutcome): Hash {
    const { dollars } = this.contracts
    const need = request.totalMicroUsd
    requireFunds({ account: payer, currency: 'dollars', need, have: dollars.of(payer) })
    const purse = this.escrow.fund(payer, request)
    dollars.move(payer, this.identity.escrow, need)
    this.#fundings.set(purse, outcome)
    return purse
  }

  claim(claims: readonly ChannelClaim[], outcome: TransactionOutcome): readonly ClaimedChannel[] {
    const channels = this.escrow.claim(claims, this.now())
    for (const channel of channels) this.#claims.push({ ...channel, transaction: outcome.transaction })
    for (const batch of batchesOf(channels)) this.contracts.events.add('claims', batch)
    return channels
  }

  payout(operator: Address): void {
    const amountMicroUsd = this.escrow.payout(operator)
    this.contracts.dollars.move(this.identity.escrow, operator, amountMicroUsd)
    this.contracts.events.add('payouts', { operator, amountMicroUsd })
  }

  close(purse: Hash): MicroUsd {
    const { payer, refundMicroUsd } = this.escrow.close(purse, this.now())
    this.contracts.dollars.move(this.identity.escrow, payer, refundMicroUsd)
    return refundMicroUsd
  }

  /** Calls `look` after each transaction that succeeds while the chain is reachable. */
  watch(look: () => void): () => void {
    this.#watchers.add(look)
    return () => {
      this.#watchers.delete(look)
    }
  }

  #enact<Value>(
    gasUsed: bigint,
    run: (transaction: TransactionOutcome) => Value,
  ): TransactionOutcome & { readonly value: Value } {
    const number = this.blocks.head.number + 1
    const outcome: TransactionOutcome = {
      transaction: hash(`0x${number.toString(16).padStart(64, '0')}`),
      blockNumber: BigInt(number),
      gasUsed,
      gasCostWei: (gasUsed * GAS_PRICE_WEI) as Wei,
    }
    this.contracts.events.begin(number, outcome.transaction)
    const value = run(outcome)
    this.blocks.mine(this.now())
    this.#transactions.set(outcome.transaction, outcome)
    this.#check()
    return { ...outcome, value }
  }

  #check(): void {
    this.contracts.check()
    const [have, books] = [this.contracts.dollars.of(this.identity.escrow), this.escrow.heldMicroUsd]
    if (have !== books) throw new TypeError(`the Escrow has ${have} micro-dollars, its books say ${books}`)
  }

  #clockTime(): UnixMs {
    return (Math.floor((this.#clock.now() + this.#skippedMs) / 1000) * 1000) as UnixMs
  }

  #announce(): void {
    if (this.#outage !== 'none') return
    for (const look of this.#watchers) look()
  }
}

/** Neighbours of one node and operator are credited together, by one event. */
function batchesOf(channels: readonly ClaimedChannel[]) {
  const batches: Pick<ClaimedChannel, 'node' | 'operator' | 'grossMicroUsd' | 'feeMicroUsd'>[] = []
  for (const { node, operator, grossMicroUsd, feeMicroUsd } of channels) {
    const last = batches.at(-1)
    if (last?.node !== node || last.operator !== operator) {
      batches.push({ node, operator, grossMicroUsd, feeMicroUsd })
      continue
    }
    const gross = microUsd(last.grossMicroUsd + grossMicroUsd)
    batches.splice(-1, 1, { ...last, grossMicroUsd: gross, feeMicroUsd: microUsd(last.feeMicroUsd + feeMicroUsd) })
  }
  return batches
}
