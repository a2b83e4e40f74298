import type {
  Address,
  BlockSpan,
  Hash,
  PossessionAdjudicator,
  PossessionAnnouncement,
  PossessionChallenge,
  PossessionEnd,
  PossessionTerms,
  SignedRevision,
  TransactionOutcome,
} from '@stead/core'
import type { ChainLog, LogFilter, Receipt } from '../chain-rpc.ts'
import { approveData } from '../contract-calls.ts'
import { addressTopic } from '../contract-events.ts'
import { allowanceRead, balanceRead, type ContractRead } from '../contract-reads.ts'
import { ChainError } from '../errors.ts'
import { insufficientFunds } from '../insufficient-funds.ts'
import type { SendRequest } from '../transaction-sender.ts'
import { possessionData } from './possession-calls.ts'
import {
  announcedNumber,
  announcedTopic,
  announcementIn,
  answerSecondsRead,
  challengeRead,
  depositRead,
  endIn,
  endTopics,
  numberTopic,
} from './possession-reads.ts'

/** The adjudicator, and the token of deposits; the address book has them. */
export interface PossessionContracts {
  readonly possession: Address
  readonly token: Address
}

/** How the chain adapter reads and sends. */
export interface PossessionLink {
  readonly read: <Value>(contract: Address, question: ContractRead<Value>) => Promise<Value>
  readonly send: (
    kind: string,
    request: SendRequest,
  ) => Promise<{ readonly outcome: TransactionOutcome; readonly receipt: Receipt }>
  readonly head: () => Promise<number>
  readonly search: (filter: LogFilter) => Promise<readonly ChainLog[]>
}

/** Possession challenges, for the chain adapter's account; made by `EvmChain.possession()`. Throws what that throws. */
export class EvmPossession implements PossessionAdjudicator {
  readonly #link: PossessionLink
  readonly #places: PossessionContracts & { readonly account: Address }

  constructor(link: PossessionLink, places: PossessionContracts & { readonly account: Address }) {
    this.#link = link
    this.#places = places
  }

  get account(): Address {
    return this.#places.account
  }

  head(): Promise<number> {
    return this.#link.head()
  }

  async terms(): Promise<PossessionTerms> {
    const [answerSeconds, depositTokenUnits] = await Promise.all([
      this.#read(answerSecondsRead),
      this.#read(depositRead),
    ])
    return { answerSeconds, depositTokenUnits }
  }

  /** A challenge; undefined when it is over or never was. */
  challenge(number: bigint): Promise<PossessionChallenge | undefined> {
    return this.#read(challengeRead(number))
  }

  /** The challenges of a node that were announced in some blocks and are still open, oldest first. */
  async openChallenges(node: Address, span: BlockSpan): Promise<readonly PossessionChallenge[]> {
    const topics = [announcedTopic, null, addressTopic(node)]
    const logs = await this.#link.search({ contract: this.#places.possession, topics, ...span })
    const numbers = logs.map(announcedNumber).toSorted((a, b) => (a < b ? -1 : 1))
    const challenges = await Promise.all(numbers.map((number) => this.challenge(number)))
    return challenges.filter((challenge) => challenge !== undefined)
  }

  async announcements(agreement: Hash, span: BlockSpan): Promise<readonly PossessionAnnouncement[]> {
    const topics = [announcedTopic, null, null, agreement]
    const logs = await this.#link.search({ contract: this.#places.possession, topics, ...span })
    return logs.map(announcementIn).toSorted((a, b) => (a.number < b.number ? -1 : 1))
  }

  async endOf(number: bigint, span: BlockSpan): Promise<PossessionEnd | undefined> {
    const topics = [endTopics, numberTopic(number)]
    const [log] = await this.#link.search({ contract: this.#places.possession, topics, ...span })
    return log === undefined ? undefined : endIn(log)
  }

  /** Approves the deposit where needed and asks a node for five leaves. */
  async announce(revision: SignedRevision): Promise<TransactionOutcome & { readonly challenge: bigint }> {
    const { possession } = this.#places
    await this.#approveDeposit()
    const { outcome, receipt } = await this.#link.send('possession-announce', {
      to: possession,
      data: possessionData.announce(revision),
      doing: 'the possession challenge',
    })
    const log = receipt.logs.find(({ contract, topics }) => contract === possession && topics[0] === announcedTopic)
    if (log === undefined)
      throw new ChainError('CHAIN_BAD_ANSWER', `the receipt of ${receipt.transaction} names no challenge`, {
        details: { transaction: receipt.transaction },
      })
    return { ...outcome, challenge: announcedNumber(log) }
  }

  draw(challenge: bigint): Promise<TransactionOutcome> {
    return this.#send('draw', possessionData.draw(challenge), `the seed of challenge ${challenge}`)
  }

  /** @param proof What `encodePossessionAnswer` of packages/storage makes. */
  answer(challenge: bigint, proof: Uint8Array): Promise<TransactionOutcome> {
    return this.#send('answer', possessionData.answer(challenge, proof), `the answer to challenge ${challenge}`)
  }

  /** Makes a challenge one about a later revision; the account must be the node's operator. */
  supersede(challenge: bigint, revision: SignedRevision): Promise<TransactionOutcome> {
    const data = possessionData.supersede(challenge, revision)
    return this.#send('supersede', data, `the later revision in challenge ${challenge}`)
  }

  /** Punishes a node that has not answered in time. */
  punish(challenge: bigint): Promise<TransactionOutcome> {
    return this.#send('punish', possessionData.punish(challenge), `the end of challenge ${challenge}`)
  }

  /** Takes the account's deposit back from a challenge that came to nothing. */
  reclaim(challenge: bigint): Promise<TransactionOutcome> {
    return this.#send('reclaim', possessionData.reclaim(challenge), `the deposit of challenge ${challenge}`)
  }

  #read<Value>(read: ContractRead<Value>): Promise<Value> {
    return this.#link.read(this.#places.possession, read)
  }

  async #send(kind: string, data: `0x${string}`, doing: string): Promise<TransactionOutcome> {
    return (await this.#link.send(`possession-${kind}`, { to: this.#places.possession, data, doing })).outcome
  }

  async #approveDeposit(): Promise<void> {
    const { account, token, possession } = this.#places
    const [need, have, allowed] = await Promise.all([
      this.#read(depositRead),
      this.#link.read(token, balanceRead(account)),
      this.#link.read(token, allowanceRead(account, possession)),
    ])
    if (have < need) throw insufficientFunds({ account, currency: 'tokens', need, have })
    if (allowed >= need) return
    await this.#link.send('approve', {
      to: token,
      data: approveData(possession, need),
      doing: 'the approval of tokens',
    })
  }
}
