import type {
  Address,
  BondState,
  Economy,
  EpochTerms,
  FinalRoot,
  Hash,
  LotForSale,
  LotSale,
  MicroUsd,
  RewardClaim,
  RewardState,
  RootProposal,
  RootResult,
  RootTerms,
  SaleTerms,
  SignedPayload,
  TransactionOutcome,
  UnixMs,
} from '@stead/core'
import { microUsd } from '@stead/core'
import { unixMs } from '../answer.ts'
import { approveData } from '../contract-calls.ts'
import { allowanceRead, balanceRead, type ContractRead } from '../contract-reads.ts'
import { ChainError } from '../errors.ts'
import { insufficientFunds } from '../insufficient-funds.ts'
import { NOBODY } from '../nobody.ts'
import type { SendRequest } from '../transaction-sender.ts'
import { economyData, type RootVote } from './economy-calls.ts'
import * as reads from './economy-reads.ts'

/** Contracts beside the Escrow, Stake and dollar of a chain's identity; the address book has them. */
export interface EconomyContracts {
  readonly token: Address
  readonly rewards: Address
  readonly equivocation: Address
}

/** How the chain adapter reads and sends. */
export interface EconomyLink {
  readonly read: <Value>(contract: Address, question: ContractRead<Value>) => Promise<Value>
  readonly send: (kind: string, request: SendRequest) => Promise<TransactionOutcome>
}

interface Places extends EconomyContracts {
  readonly account: Address
  readonly escrow: Address
  readonly stake: Address
  readonly dollar: Address
}

/** The Economy port over the contracts; made by `EvmChain.economy()`. Throws what the chain adapter throws. */
export class EvmEconomy implements Economy {
  readonly #link: EconomyLink
  readonly #places: Places

  constructor(link: EconomyLink, places: Places) {
    this.#link = link
    this.#places = places
  }

  async epochTerms(): Promise<EpochTerms> {
    const [genesisAt, epochSeconds] = await Promise.all([
      this.#read(reads.genesisRead),
      this.#read(reads.epochSecondsRead),
    ])
    return { genesisAt, epochSeconds }
  }

  async rootTerms(): Promise<RootTerms> {
    const [challengeSeconds, decisionSeconds, minimumStakeTokenUnits, depositTokenUnits] = await Promise.all([
      this.#read(reads.challengeSecondsRead),
      this.#read(reads.decisionSecondsRead),
      this.#read(reads.minimumStakeRead),
      this.#read(reads.depositRead),
    ])
    return {
      challengeSeconds: Number(challengeSeconds),
      decisionSeconds: Number(decisionSeconds),
      minimumStakeTokenUnits,
      depositTokenUnits,
    }
  }

  lotForSale(): Promise<LotForSale> {
    return this.#read(reads.lotForSaleRead)
  }

  async saleTerms(): Promise<SaleTerms> {
    const [halvingSeconds, minimum] = await Promise.all([
      this.#read(reads.halvingSecondsRead),
      this.#read(reads.minimumLotRead),
    ])
    return { halvingSeconds: Number(halvingSeconds), minimumLotMicroUsd: microUsd(minimum) }
  }

  async feesOf(epoch: number, operator: Address): Promise<MicroUsd> {
    return (await this.#read(reads.saleRead(epoch, operator))).fees
  }

  async saleOf(epoch: number): Promise<LotSale | undefined> {
    const { lot } = await this.#read(reads.saleRead(epoch, NOBODY))
    if (lot.soldAt === 0n) return undefined
    const kappaBps = Number(await this.#read(reads.kappaRead(lot.soldAt)))
    return {
      lastEpoch: Number(lot.lastEpoch),
      soldAt: unixMs(lot.soldAt),
      feesMicroUsd: microUsd(lot.fees),
      burnedTokenUnits: lot.burned,
      kappaBps,
    }
  }

  tokenBalance(account: Address): Promise<bigint> {
    return this.#link.read(this.#places.token, balanceRead(account))
  }

  async bondOf(node: Address): Promise<BondState> {
    const { operator, bonded, unbondings, expelled } = reads.bondReads(node)
    const [owner, bondedTokenUnits, waiting, isExpelled] = await Promise.all([
      this.#read(operator),
      this.#read(bonded),
      this.#read(unbondings),
      this.#read(expelled),
    ])
    return { operator: owner, bondedTokenUnits, unbondings: waiting, expelled: isExpelled }
  }

  bondedAt(node: Address, at: UnixMs): Promise<bigint> {
    return this.#readPast(reads.bondedAtRead(node, at))
  }

  totalBondedAt(at: UnixMs): Promise<bigint> {
    return this.#readPast(reads.totalBondedAtRead(at))
  }

  async proposal(): Promise<RootProposal | undefined> {
    const open = await this.#read(reads.proposalRead)
    if (open === undefined) return undefined
    return { ...open, decisionSlot: await this.#read(reads.decisionSlotRead(open.epoch, open.attempt)) }
  }

  async finalRoot(): Promise<FinalRoot | undefined> {
    if (!(await this.#read(reads.anyFinalRead))) return undefined
    const [result, epoch] = await Promise.all([this.#read(reads.finalResultRead), this.#read(reads.finalEpochRead)])
    return { ...result, epoch: Number(epoch) }
  }

  async rewardOf(program: Hash, operator: Address): Promise<RewardState> {
    const parts = reads.rewardReads(program, operator)
    const [source, paid] = await Promise.all([this.#read(parts.source), this.#read(parts.paid)])
    if (source === 'none') return { source, paid, available: 0n }
    const [granted, used] = await Promise.all(parts[source].map((read) => this.#read(read)))
    return { source, paid, available: (granted ?? 0n) - (used ?? 0n) }
  }

  accruable(operator: Address, epoch: number): Promise<bigint> {
    return this.#read(reads.accruableRead(operator, epoch))
  }

  async buyLot(lot: bigint, maximumTokenUnits: bigint): Promise<TransactionOutcome> {
    const { escrow, token } = this.#places
    await this.#approve(token, escrow, maximumTokenUnits)
    return this.#send('buy-lot', escrow, economyData.buy(lot, maximumTokenUnits), `the purchase of lot ${lot}`)
  }

  async bond(node: Address, tokenUnits: bigint, consent: Uint8Array): Promise<TransactionOutcome> {
    const { stake, token } = this.#places
    await this.#approve(token, stake, tokenUnits)
    return this.#send('bond', stake, economyData.bond(node, tokenUnits, consent), `the bond of node ${node}`)
  }

  unbond(node: Address, tokenUnits: bigint): Promise<TransactionOutcome> {
    const data = economyData.unbond(node, tokenUnits)
    return this.#send('unbond', this.#places.stake, data, `the unbonding of node ${node}`)
  }

  withdraw(node: Address): Promise<TransactionOutcome> {
    const data = economyData.withdraw(node)
    return this.#send('withdraw', this.#places.stake, data, `the withdrawal from node ${node}`)
  }

  reportEquivocation(slot: Hash, first: SignedPayload, second: SignedPayload): Promise<TransactionOutcome> {
    const data = economyData.report(slot, first, second)
    return this.#send('report', this.#places.equivocation, data, 'the report of an equivocation')
  }

  async propose(epoch: number, result: RootResult, node: Address): Promise<TransactionOutcome> {
    await this.#approveDeposit()
    return this.#rewards('propose', economyData.propose(epoch, result, node), `the proposal for epoch ${epoch}`)
  }

  async challenge(attempt: number, result: RootResult, node: Address): Promise<TransactionOutcome> {
    await this.#approveDeposit()
    const data = economyData.challenge(attempt, result, node)
    return this.#rewards('challenge', data, `the challenge of proposal ${attempt}`)
  }

  async decide(attempt: number, result: RootResult, votes: readonly RootVote[]): Promise<TransactionOutcome> {
    const data = economyData.decide(attempt, result, votes)
    return this.#rewards('decide', data, `the decision on proposal ${attempt}`)
  }

  finalize(attempt: number): Promise<TransactionOutcome> {
    return this.#rewards('finalize', economyData.finalize(attempt), `the end of proposal ${attempt}`)
  }

  drop(attempt: number): Promise<TransactionOutcome> {
    return this.#rewards('drop', economyData.drop(attempt), `the end of proposal ${attempt}`)
  }

  accrue(operator: Address, epochs: readonly number[]): Promise<TransactionOutcome> {
    return this.#rewards('accrue', economyData.accrue(operator, epochs), `the accrual of ${operator}`)
  }

  claimReward(claim: RewardClaim): Promise<TransactionOutcome> {
    return this.#rewards('claim-reward', economyData.claim(claim), `the reward of ${claim.operator}`)
  }

  async sponsor(program: Hash, amountMicroUsd: MicroUsd): Promise<TransactionOutcome> {
    const { dollar, rewards } = this.#places
    await this.#approve(dollar, rewards, amountMicroUsd)
    return this.#rewards('sponsor', economyData.sponsor(program, amountMicroUsd), `the sponsoring of ${program}`)
  }

  /** Sends tokens of the account's. */
  transfer(to: Address, tokenUnits: bigint): Promise<TransactionOutcome> {
    return this.#send('transfer', this.#places.token, economyData.transfer(to, tokenUnits), `the transfer to ${to}`)
  }

  #read<Value>(read: reads.EconomyRead<Value>): Promise<Value> {
    return this.#link.read(this.#places[read.of], read)
  }

  /** The only questions that a contract may refuse: about a second that is not over where the endpoint is. */
  async #readPast(read: reads.EconomyRead<bigint>): Promise<bigint> {
    try {
      return await this.#read(read)
    } catch (error) {
      const refused: unknown = error instanceof ChainError ? error.cause : undefined
      if (refused instanceof ChainError && refused.details.error === 'NotYetPast') throw refused
      throw error
    }
  }

  #send(kind: string, to: Address, data: `0x${string}`, doing: string): Promise<TransactionOutcome> {
    return this.#link.send(kind, { to, data, doing })
  }

  #rewards(kind: string, data: `0x${string}`, doing: string): Promise<TransactionOutcome> {
    return this.#send(kind, this.#places.rewards, data, doing)
  }

  async #approveDeposit(): Promise<void> {
    const { token, rewards } = this.#places
    await this.#approve(token, rewards, await this.#read(reads.depositRead))
  }

  /** Exact amounts: tokens are bonded and burned seldom, and one approval more is cheap. */
  async #approve(token: Address, spender: Address, amount: bigint): Promise<void> {
    const { account, dollar } = this.#places
    const [have, allowed] = await Promise.all([
      this.#link.read(token, balanceRead(account)),
      this.#link.read(token, allowanceRead(account, spender)),
    ])
    if (have < amount) {
      throw insufficientFunds({ account, currency: token === dollar ? 'dollars' : 'tokens', need: amount, have })
    }
    if (allowed >= amount) return
    await this.#send('approve', token, approveData(spender, amount), `the approval of ${token}`)
  }
}
