import {
  type Address,
  type Balances,
  type ChainIdentity,
  type ChannelClaim,
  type ChannelShareOnChain,
  type ClaimBatch,
  type ClaimedChannel,
  type FundRequest,
  type Hash,
  type MicroUsd,
  microUsd,
  type TransactionOutcome,
  type UnixMs,
  type Wei,
} from '@stead/core'
import { channelIdOf, type Secp256k1 } from '@stead/protocol'
import type { ClaimReader } from './claim-reader.ts'
import { MemoryContracts, type MemoryEconomyOptions } from './economy/memory-contracts.ts'
import { type EscrowTerms, MemoryEscrow } from './memory-escrow.ts'
import { requireFunds } from './revert.ts'

/** What an account is given out of nothing. */
export interface MemoryGift {
  readonly dollarMicroUsd?: bigint
  readonly gasWei?: bigint
  readonly tokenUnits?: bigint
}

/** A claim that was credited, with its transaction. */
export type CreditedClaim = ClaimedChannel & { readonly transaction: Hash }

/** A purse that thaws. */
export interface StartedThaw {
  readonly purse: Hash
  readonly endsAt: UnixMs
}

/** What the state of a chain is made with. */
export interface LedgerStateComponents {
  readonly identity: ChainIdentity
  readonly secp256k1: Secp256k1
  readonly genesisSeconds: number
  /** One for all states of a chain. */
  readonly reader: ClaimReader
}

/** Everything that a simulated chain's transactions change; made anew and played again when another fork wins. */
export class LedgerState {
  readonly contracts: MemoryContracts
  readonly escrow: MemoryEscrow
  readonly thaws: StartedThaw[] = []
  readonly fundings: Map<Hash, TransactionOutcome> = new Map()
  readonly transactions: Map<Hash, TransactionOutcome> = new Map()
  readonly claims: CreditedClaim[] = []
  readonly #identity: ChainIdentity
  readonly #gas: Map<Address, bigint> = new Map()
  #givenMicroUsd = 0n

  constructor(
    { identity, secp256k1, genesisSeconds, reader }: LedgerStateComponents,
    { terms, economy }: { readonly terms: EscrowTerms; readonly economy: MemoryEconomyOptions },
  ) {
    this.#identity = identity
    this.contracts = new MemoryContracts({ identity, secp256k1, genesisSeconds }, economy)
    this.escrow = new MemoryEscrow({ identity, reader, lots: this.contracts.lots }, terms)
  }

  give(account: Address, { dollarMicroUsd = 0n, gasWei = 0n, tokenUnits = 0n }: MemoryGift): void {
    this.#givenMicroUsd += dollarMicroUsd
    this.contracts.dollars.mint(account, dollarMicroUsd)
    this.contracts.tokens.mint(account, tokenUnits)
    this.#gas.set(account, this.gasOf(account) + gasWei)
  }

  /** Takes what there is, up to an amount. */
  burnGas(account: Address, wei: bigint): void {
    const have = this.gasOf(account)
    this.#gas.set(account, have > wei ? have - wei : 0n)
  }

  gasOf(account: Address): bigint {
    return this.#gas.get(account) ?? 0n
  }

  balances(account: Address): Balances {
    return { dollarMicroUsd: microUsd(this.contracts.dollars.of(account)), gasWei: this.gasOf(account) as Wei }
  }

  /** Locks a payer's dollars. */
  fund(payer: Address, request: FundRequest, outcome: TransactionOutcome): Hash {
    const { dollars } = this.contracts
    const need = request.totalMicroUsd
    requireFunds({ account: payer, currency: 'dollars', need, have: dollars.of(payer) })
    const purse = this.escrow.fund(payer, request)
    dollars.move(payer, this.#identity.escrow, need)
    this.fundings.set(purse, outcome)
    return purse
  }

  claim(claims: readonly ChannelClaim[], outcome: TransactionOutcome, now: UnixMs): readonly ClaimedChannel[] {
    const channels = this.escrow.claim(claims, now)
    for (const channel of channels) this.claims.push({ ...channel, transaction: outcome.transaction })
    for (const batch of batchesOf(channels)) this.contracts.events.add('claims', batch)
    return channels
  }

  claimsOf(channels: readonly ChannelShareOnChain[]): readonly CreditedClaim[] {
    const ids = new Set(channels.map(channelIdOf))
    return this.claims.filter((claim) => ids.has(claim.channel))
  }

  payout(operator: Address): void {
    const amountMicroUsd = this.escrow.payout(operator)
    this.contracts.dollars.move(this.#identity.escrow, operator, amountMicroUsd)
    this.contracts.events.add('payouts', { operator, amountMicroUsd })
  }

  thaw(account: Address, purse: Hash, now: UnixMs): UnixMs {
    const endsAt = this.escrow.thaw(account, purse, now)
    this.thaws.push({ purse, endsAt })
    return endsAt
  }

  close(purse: Hash, now: UnixMs): MicroUsd {
    const { payer, refundMicroUsd } = this.escrow.close(purse, now)
    this.contracts.dollars.move(this.#identity.escrow, payer, refundMicroUsd)
    return refundMicroUsd
  }

  /** @throws TypeError when value came or went by any other way than the rules */
  check(): void {
    const { contracts, escrow } = this
    contracts.check()
    const { supply } = contracts.dollars
    if (supply !== this.#givenMicroUsd)
      throw new TypeError(`there are ${supply} micro-dollars, ${this.#givenMicroUsd} were given out`)
    const [have, books] = [contracts.dollars.of(this.#identity.escrow), escrow.heldMicroUsd]
    if (have !== books) throw new TypeError(`the Escrow has ${have} micro-dollars, its books say ${books}`)
  }
}

/** Neighbours of one node and operator are credited together, by one event. */
function batchesOf(channels: readonly ClaimedChannel[]) {
  const batches: Omit<ClaimBatch, 'blockNumber' | 'logIndex'>[] = []
  for (const { node, operator, channel, grossMicroUsd, feeMicroUsd } of channels) {
    const last = batches.at(-1)
    const part = { channel, grossMicroUsd }
    if (last?.node !== node || last.operator !== operator) {
      batches.push({ node, operator, grossMicroUsd, feeMicroUsd, parts: [part] })
      continue
    }
    const gross = microUsd(last.grossMicroUsd + grossMicroUsd)
    const fee = microUsd(last.feeMicroUsd + feeMicroUsd)
    batches.splice(-1, 1, { ...last, grossMicroUsd: gross, feeMicroUsd: fee, parts: [...last.parts, part] })
  }
  return batches
}
