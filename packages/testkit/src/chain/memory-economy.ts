import {
  type Address,
  type BondState,
  type Economy,
  type EpochTerms,
  type FinalRoot,
  type Hash,
  type LotForSale,
  type LotSale,
  type MicroUsd,
  microUsd,
  type RewardClaim,
  type RewardState,
  type RootProposal,
  type RootResult,
  type RootTerms,
  type SaleTerms,
  type SignedPayload,
  type TransactionOutcome,
  type UnixMs,
} from '@stead/core'
import type { MemoryContracts } from './economy/memory-contracts.ts'
import type { MemoryVote } from './economy/memory-roots.ts'
import type { LedgerView } from './ledger-view.ts'
import type { MemoryLedger } from './memory-ledger.ts'
import { requireFunds } from './revert.ts'
import type { TransactionKind } from './transaction-gas.ts'

/** Ways to the chain; both throw why it cannot be had. */
export interface MemoryEconomyWays {
  /** What the endpoint shows. */
  readonly read: () => Promise<LedgerView>
  /** Sends a transaction. `run` is called with the chain, and with its time in seconds. */
  readonly send: (
    kind: TransactionKind,
    run: (ledger: MemoryLedger, nowSeconds: number) => void,
  ) => Promise<TransactionOutcome>
}

/** The Economy port over a {@link MemoryLedger}, bound to one account; made by `MemoryChain.economy()`. */
export class MemoryEconomy implements Economy {
  readonly #read: () => Promise<LedgerView>
  readonly #send: MemoryEconomyWays['send']
  readonly #account: Address

  constructor(ways: MemoryEconomyWays, account: Address) {
    this.#read = ways.read
    this.#send = ways.send
    this.#account = account
  }

  async epochTerms(): Promise<EpochTerms> {
    return (await this.#contracts()).epochs.terms
  }

  async rootTerms(): Promise<RootTerms> {
    return (await this.#contracts()).roots.terms
  }

  async lotForSale(): Promise<LotForSale> {
    const view = await this.#read()
    return view.state.contracts.lots.forSale(secondsOf(view.now()))
  }

  async saleTerms(): Promise<SaleTerms> {
    return (await this.#contracts()).saleTerms
  }

  async feesOf(epoch: number, operator: Address): Promise<MicroUsd> {
    return (await this.#contracts()).lots.feesOf(epoch, operator)
  }

  async saleOf(epoch: number): Promise<LotSale | undefined> {
    const { lots, rewards } = await this.#contracts()
    const sold = lots.saleOf(epoch)
    if (sold === undefined) return undefined
    const { lastEpoch, soldAtSeconds, feesMicroUsd, burnedTokenUnits } = sold
    const kappaBps = rewards.kappaBpsAt(soldAtSeconds)
    return { lastEpoch, soldAt: (soldAtSeconds * 1000) as UnixMs, feesMicroUsd, burnedTokenUnits, kappaBps }
  }

  async tokenBalance(account: Address): Promise<bigint> {
    return (await this.#contracts()).tokens.of(account)
  }

  async bondOf(node: Address): Promise<BondState> {
    return (await this.#contracts()).stake.stateOf(node)
  }

  async bondedAt(node: Address, at: UnixMs): Promise<bigint> {
    const view = await this.#read()
    return view.state.contracts.stake.bondedAt(node, secondsOf(at), secondsOf(view.now()))
  }

  async totalBondedAt(at: UnixMs): Promise<bigint> {
    const view = await this.#read()
    return view.state.contracts.stake.totalAt(secondsOf(at), secondsOf(view.now()))
  }

  async proposal(): Promise<RootProposal | undefined> {
    return (await this.#contracts()).roots.proposal
  }

  async finalRoot(): Promise<FinalRoot | undefined> {
    return (await this.#contracts()).roots.final
  }

  async rewardOf(program: Hash, operator: Address): Promise<RewardState> {
    return (await this.#contracts()).rewards.stateOf(program, operator)
  }

  async accruable(operator: Address, epoch: number): Promise<bigint> {
    return (await this.#contracts()).rewards.accruable(operator, epoch)
  }

  buyLot(lot: bigint, maximumTokenUnits: bigint): Promise<TransactionOutcome> {
    return this.#send('buy-lot', ({ contracts, identity }, nowSeconds) => {
      this.#requireTokens(contracts, maximumTokenUnits)
      const { lots, tokens, dollars, events } = contracts
      const { lastEpoch, feesMicroUsd, burnedTokenUnits } = lots.buy(lot, maximumTokenUnits, nowSeconds)
      tokens.burn(this.#account, burnedTokenUnits)
      dollars.move(identity.escrow, this.#account, feesMicroUsd)
      events.add('lots', { lot, buyer: this.#account, lastEpoch, feesMicroUsd, burnedTokenUnits })
    })
  }

  bond(node: Address, tokenUnits: bigint, consent: Uint8Array): Promise<TransactionOutcome> {
    return this.#send('bond', ({ contracts }, nowSeconds) => {
      this.#requireTokens(contracts, tokenUnits)
      contracts.stake.bond(this.#account, { node, tokenUnits, consent }, nowSeconds)
      contracts.events.add('bonds', { node, operator: this.#account })
    })
  }

  unbond(node: Address, tokenUnits: bigint): Promise<TransactionOutcome> {
    return this.#send('unbond', ({ contracts }, nowSeconds) => {
      contracts.stake.unbond(this.#account, { node, tokenUnits }, nowSeconds)
    })
  }

  withdraw(node: Address): Promise<TransactionOutcome> {
    return this.#send('withdraw', ({ contracts }, nowSeconds) => contracts.stake.withdraw(node, nowSeconds))
  }

  reportEquivocation(slot: Hash, first: SignedPayload, second: SignedPayload): Promise<TransactionOutcome> {
    return this.#send('report', ({ contracts }, nowSeconds) => {
      contracts.stake.report(this.#account, slot, [first, second], nowSeconds)
    })
  }

  propose(epoch: number, result: RootResult, node: Address): Promise<TransactionOutcome> {
    return this.#send('propose', ({ contracts }, nowSeconds) => {
      const { roots, events } = contracts
      this.#requireTokens(contracts, roots.terms.depositTokenUnits)
      const attempt = roots.propose(this.#account, { epoch, result, node }, nowSeconds)
      events.add('proposed', { epoch, attempt, root: result.root, evidence: result.evidence })
    })
  }

  challenge(attempt: number, result: RootResult, node: Address): Promise<TransactionOutcome> {
    return this.#send('challenge', ({ contracts }, nowSeconds) => {
      this.#requireTokens(contracts, contracts.roots.terms.depositTokenUnits)
      contracts.roots.challenge(this.#account, { attempt, result, node }, nowSeconds)
    })
  }

  decide(attempt: number, result: RootResult, votes: readonly MemoryVote[]): Promise<TransactionOutcome> {
    return this.#send('decide', ({ contracts }, nowSeconds) => {
      const sorted = votes.toSorted((left, right) => (left.node < right.node ? -1 : 1))
      const final = contracts.roots.decide(attempt, { result, votes: sorted }, nowSeconds)
      contracts.events.add('final', { ...final, attempt })
    })
  }

  finalize(attempt: number): Promise<TransactionOutcome> {
    return this.#send('finalize', ({ contracts }, nowSeconds) => {
      contracts.events.add('final', { ...contracts.roots.finalize(attempt, nowSeconds), attempt })
    })
  }

  drop(attempt: number): Promise<TransactionOutcome> {
    return this.#send('drop', ({ contracts }, nowSeconds) => contracts.roots.drop(attempt, nowSeconds))
  }

  accrue(operator: Address, epochs: readonly number[]): Promise<TransactionOutcome> {
    return this.#send('accrue', ({ contracts }) => {
      const parts = contracts.rewards.accrue(operator, epochs)
      for (const [index, epoch] of epochs.entries()) {
        contracts.events.add('accruals', { operator, epoch, tokenUnits: parts[index] ?? 0n })
      }
    })
  }

  claimReward(claim: RewardClaim): Promise<TransactionOutcome> {
    return this.#send('claim-reward', ({ contracts }) => {
      const { program, operator, cumulative: cumulativeUnits } = claim
      const amountUnits = contracts.rewards.claim(claim)
      contracts.events.add('rewards', { program, operator, amountUnits, cumulativeUnits })
    })
  }

  sponsor(program: Hash, amountMicroUsd: MicroUsd): Promise<TransactionOutcome> {
    return this.#send('sponsor', ({ contracts }) => {
      const have = contracts.dollars.of(this.#account)
      requireFunds({ account: this.#account, currency: 'dollars', need: amountMicroUsd, have })
      contracts.rewards.sponsor(this.#account, program, amountMicroUsd)
      contracts.events.add('sponsorships', { program, amountMicroUsd: microUsd(amountMicroUsd) })
    })
  }

  async #contracts(): Promise<MemoryContracts> {
    return (await this.#read()).state.contracts
  }

  /** As the real adapter, before it approves anything. */
  #requireTokens({ tokens }: MemoryContracts, need: bigint): void {
    requireFunds({ account: this.#account, currency: 'tokens', need, have: tokens.of(this.#account) })
  }
}

function secondsOf(at: UnixMs): number {
  return Math.floor(at / 1000)
}
