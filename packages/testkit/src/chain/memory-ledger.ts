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
  microUsd,
  type TransactionOutcome,
  type UnixMs,
  type Wei,
} from '@stead/core'
import { channelIdOf, nobleSecp256k1, type Secp256k1 } from '@stead/protocol'
import { chainRefusal } from './chain-refusal.ts'
import { type EscrowTerms, MemoryEscrow } from './memory-escrow.ts'

/** Gas that each transaction takes, near what the contract takes. */
const GAS = { fund: 150_000n, claim: 90_000n, payout: 55_000n, thaw: 50_000n, close: 60_000n } as const
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
  /** Checks vouchers. @default noble, which is slow but everywhere the same */
  readonly secp256k1?: Secp256k1
}

/** Constants of a simulated chain. */
export interface MemoryLedgerOptions {
  readonly feeBps?: number
  readonly thawSeconds?: number
  readonly chainId?: number
}

interface Thaw {
  readonly purse: Hash
  readonly endsAt: UnixMs
}

/** A chain in memory that all accounts of a test share; each has its own MemoryChain on it. */
export class MemoryLedger {
  readonly identity: ChainIdentity
  readonly terms: EscrowTerms
  readonly escrow: MemoryEscrow
  readonly #clock: Clock
  readonly #dollars: Map<Address, bigint> = new Map()
  readonly #gas: Map<Address, bigint> = new Map()
  readonly #operators: Map<Address, Address> = new Map()
  readonly #claims: (ClaimedChannel & { readonly transaction: Hash })[] = []
  readonly #fundings: Map<Hash, TransactionOutcome> = new Map()
  readonly #transactions: Map<Hash, TransactionOutcome> = new Map()
  readonly #watchers: Set<() => void> = new Set()
  readonly thaws: Thaw[] = []
  #outage: ChainOutage = 'none'
  #transactionCount = 0
  #skippedMs = 0

  constructor(components: MemoryLedgerComponents, options: MemoryLedgerOptions = {}) {
    this.#clock = components.clock
    this.identity = {
      chainId: options.chainId ?? 31337,
      escrow: addressOf('e5'),
      stake: addressOf('57'),
      dollar: addressOf('d0'),
    }
    this.terms = { feeBps: options.feeBps ?? 500, thawSeconds: options.thawSeconds ?? 86_400 }
    this.escrow = new MemoryEscrow(this.identity, this.terms, components.secp256k1 ?? nobleSecp256k1)
  }

  /** Gives an account dollars and gas out of nothing. */
  give(account: Address, gift: { readonly dollarMicroUsd?: bigint; readonly gasWei?: bigint }): void {
    this.#dollars.set(account, (this.#dollars.get(account) ?? 0n) + (gift.dollarMicroUsd ?? 0n))
    this.#gas.set(account, (this.#gas.get(account) ?? 0n) + (gift.gasWei ?? 0n))
  }

  /** Makes an operator the owner of a node, as bonding does. */
  bond(node: Address, operator: Address): void {
    this.#operators.set(node, operator)
  }

  /** Switches the chain off and on; what thawed meanwhile is told when it is on again. */
  setOutage(outage: ChainOutage): void {
    this.#outage = outage
    if (outage === 'none') this.#announce()
  }

  /** Moves the chain's time ahead of the clock. */
  passSeconds(seconds: number): void {
    this.#skippedMs += seconds * 1000
  }

  get outage(): ChainOutage {
    return this.#outage
  }

  now(): UnixMs {
    return (Math.floor((this.#clock.now() + this.#skippedMs) / 1000) * 1000) as UnixMs
  }

  /** @throws SteadError CHAIN_UNREACHABLE */
  checkReachable(): void {
    if (this.#outage === 'unreachable') throw chainRefusal('CHAIN_UNREACHABLE', 'the simulated chain is switched off')
  }

  balances(account: Address): Balances {
    return {
      dollarMicroUsd: microUsd(this.#dollars.get(account) ?? 0n),
      gasWei: (this.#gas.get(account) ?? 0n) as Wei,
    }
  }

  operatorOf(node: Address): Address | undefined {
    return this.#operators.get(node)
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
   * @throws SteadError CHAIN_UNREACHABLE, CHAIN_INSUFFICIENT_FUNDS, CHAIN_REVERTED
   */
  transact<Value>(
    account: Address,
    kind: keyof typeof GAS,
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
    const number = this.#transactionCount + 1
    const outcome: TransactionOutcome = {
      transaction: hash(`0x${number.toString(16).padStart(64, '0')}`),
      blockNumber: BigInt(number),
      gasUsed: GAS[kind],
      gasCostWei: needWei as Wei,
    }
    const value = run(outcome)
    this.#transactionCount = number
    this.#transactions.set(outcome.transaction, outcome)
    this.#gas.set(account, gasWei - needWei)
    if (this.#outage === 'answers-lost')
      throw chainRefusal('CHAIN_UNREACHABLE', 'the simulated chain took the transaction and lost the answer')
    this.#announce()
    return { ...outcome, value }
  }

  /** Locks a payer's dollars. */
  fund(payer: Address, request: FundRequest, outcome: TransactionOutcome): Hash {
    const needMicroUsd = request.totalMicroUsd
    const { dollarMicroUsd } = this.balances(payer)
    if (dollarMicroUsd < needMicroUsd) {
      const sentence = `the account ${payer} needs ${needMicroUsd} micro-dollars, has ${dollarMicroUsd}`
      const details = { account: payer, needMicroUsd, haveMicroUsd: dollarMicroUsd }
      throw chainRefusal('CHAIN_INSUFFICIENT_FUNDS', sentence, details)
    }
    const purse = this.escrow.fund(payer, request)
    this.#dollars.set(payer, dollarMicroUsd - needMicroUsd)
    this.#fundings.set(purse, outcome)
    return purse
  }

  claim(claims: readonly ChannelClaim[], outcome: TransactionOutcome): readonly ClaimedChannel[] {
    const channels = this.escrow.claim(claims)
    for (const channel of channels) this.#claims.push({ ...channel, transaction: outcome.transaction })
    return channels
  }

  /** Calls `look` after each transaction that succeeds while the chain is reachable. */
  watch(look: () => void): () => void {
    this.#watchers.add(look)
    return () => {
      this.#watchers.delete(look)
    }
  }

  #announce(): void {
    if (this.#outage !== 'none') return
    for (const look of this.#watchers) look()
  }
}
