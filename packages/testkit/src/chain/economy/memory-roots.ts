import type { Address, FinalRoot, RootProposal, RootResult, RootTerms, UnixMs } from '@stead/core'
import { type Secp256k1, statementSigner } from '@stead/protocol'
import { revert } from '../revert.ts'
import type { EpochClock } from './epoch-clock.ts'
import type { MemoryBalances } from './memory-balances.ts'
import type { MemoryStake } from './memory-stake.ts'
import { decisionPayloadOf, decisionSlotOf } from './reward-hashes.ts'

/** Longest time from an epoch's end to the last vote on it: shorter than stake takes to leave. */
const AGE_SECONDS_MAX = 12 * 86_400
const NOBODY = `0x${'0'.repeat(40)}` as Address

/** What the simulated roots stand on. */
export interface RootsComponents {
  readonly chainId: number
  /** The account of the Rewards contract, where deposits lie. */
  readonly rewards: Address
  readonly epochs: EpochClock
  readonly stake: MemoryStake
  readonly tokens: MemoryBalances
  readonly secp256k1: Secp256k1
}

/** A node's signature for a result; the adapter sorts them by node. */
export interface MemoryVote {
  readonly node: Address
  readonly signature: Uint8Array
}

interface OpenProposal {
  readonly epoch: number
  readonly attempt: number
  readonly proposer: Address
  readonly proposed: RootResult
  endsAtSeconds: number
  challenge: { readonly challenger: Address; readonly other: RootResult } | undefined
}

/** The rules of RewardRoots.sol. Deposits lie in the account of the Rewards contract. */
export class MemoryRoots {
  readonly terms: RootTerms
  readonly #components: RootsComponents
  #attempts = 0
  #open: OpenProposal | undefined
  #final: FinalRoot | undefined

  constructor(components: RootsComponents, terms: RootTerms) {
    this.#components = components
    this.terms = terms
  }

  get final(): FinalRoot | undefined {
    return this.#final
  }

  get proposal(): RootProposal | undefined {
    if (this.#open === undefined) return undefined
    const { endsAtSeconds, ...open } = this.#open
    const decisionSlot = decisionSlotOf(this.#components, open.epoch, open.attempt)
    return { ...open, endsAt: (endsAtSeconds * 1000) as UnixMs, decisionSlot }
  }

  /** Token units of open deposits. */
  get heldTokenUnits(): bigint {
    const count = this.#open === undefined ? 0n : this.#open.challenge === undefined ? 1n : 2n
    return count * this.terms.depositTokenUnits
  }

  /** Returns the number of the proposal. */
  propose(caller: Address, of: { epoch: number; result: RootResult; node: Address }, nowSeconds: number): number {
    const { epoch, result, node } = of
    const { epochs } = this.#components
    if (this.#open !== undefined) revert('ProposalOpen', { attempt: BigInt(this.#open.attempt) })
    const epochNow = epochs.epochAt(nowSeconds)
    if (epoch >= epochNow) revert('EpochNotOver', { epoch: BigInt(epoch), epochNow: BigInt(epochNow) })
    if (this.#final !== undefined && epoch <= this.#final.epoch) {
      revert('EpochAlreadyFinal', { epoch: BigInt(epoch), finalEpoch: BigInt(this.#final.epoch) })
    }
    const { challengeSeconds, decisionSeconds } = this.terms
    const lastMoment = epochs.beginsAtSeconds(epoch + 1) + AGE_SECONDS_MAX - challengeSeconds - decisionSeconds
    if (nowSeconds > lastMoment) revert('EpochTooOld', { epoch: BigInt(epoch), lastMoment: BigInt(lastMoment) })
    this.#requireStake(caller, node)
    this.#deposit(caller)
    const attempt = ++this.#attempts
    const endsAtSeconds = nowSeconds + challengeSeconds
    this.#open = { epoch, attempt, proposer: caller, proposed: result, endsAtSeconds, challenge: undefined }
    return attempt
  }

  challenge(caller: Address, of: { attempt: number; result: RootResult; node: Address }, nowSeconds: number): void {
    const open = this.#opened(of.attempt)
    if (open.challenge !== undefined) revert('AlreadyChallenged', { challenger: open.challenge.challenger })
    if (nowSeconds > open.endsAtSeconds) revert('WindowOver', { endsAt: BigInt(open.endsAtSeconds) })
    if (isSame(of.result, open.proposed)) revert('SameResult')
    this.#requireStake(caller, of.node)
    this.#deposit(caller)
    open.challenge = { challenger: caller, other: of.result }
    open.endsAtSeconds = nowSeconds + this.terms.decisionSeconds
  }

  /** Returns the epoch and number of what was decided. */
  decide(attempt: number, of: { result: RootResult; votes: readonly MemoryVote[] }, nowSeconds: number): FinalRoot {
    const open = this.#opened(attempt)
    if (nowSeconds > open.endsAtSeconds) revert('WindowOver', { endsAt: BigInt(open.endsAtSeconds) })
    const { epochs, stake } = this.#components
    const snapshotAt = epochs.beginsAtSeconds(open.epoch + 1)
    const stakeTotal = stake.totalAt(snapshotAt, nowSeconds)
    const stakeFor = this.#stakeFor(open, of, nowSeconds)
    if (3n * stakeFor <= 2n * stakeTotal) revert('NotEnoughVotes', { stakeFor, stakeTotal })
    const final = this.#finish(open, of.result)
    const { depositTokenUnits: deposit } = this.terms
    const { challenge, proposer, proposed } = open
    const winner = isSame(of.result, proposed)
      ? proposer
      : challenge !== undefined && isSame(of.result, challenge.other)
        ? challenge.challenger
        : undefined
    if (challenge === undefined) this.#share(winner, deposit, 0n)
    else this.#share(winner, deposit, deposit)
    return final
  }

  finalize(attempt: number, nowSeconds: number): FinalRoot {
    const open = this.#opened(attempt)
    if (open.challenge !== undefined) revert('AlreadyChallenged', { challenger: open.challenge.challenger })
    if (nowSeconds <= open.endsAtSeconds) revert('WindowOpen', { endsAt: BigInt(open.endsAtSeconds) })
    this.#share(open.proposer, this.terms.depositTokenUnits, 0n)
    return this.#finish(open, open.proposed)
  }

  drop(attempt: number, nowSeconds: number): void {
    const open = this.#opened(attempt)
    if (open.challenge === undefined) revert('NotChallenged')
    if (nowSeconds <= open.endsAtSeconds) revert('WindowOpen', { endsAt: BigInt(open.endsAtSeconds) })
    this.#open = undefined
    this.#share(open.proposer, this.terms.depositTokenUnits, 0n)
    this.#share(open.challenge.challenger, this.terms.depositTokenUnits, 0n)
  }

  #opened(attempt: number): OpenProposal {
    if (this.#open === undefined) return revert('NoProposal')
    if (this.#open.attempt === attempt) return this.#open
    return revert('WrongAttempt', { attempt: BigInt(attempt), open: BigInt(this.#open.attempt) })
  }

  /** The stake behind votes; each node counts once because signers must rise. */
  #stakeFor(
    open: OpenProposal,
    { result, votes }: { readonly result: RootResult; readonly votes: readonly MemoryVote[] },
    nowSeconds: number,
  ): bigint {
    const { epochs, stake, secp256k1 } = this.#components
    const slot = decisionSlotOf(this.#components, open.epoch, open.attempt)
    const payload = decisionPayloadOf(result)
    const snapshotAt = epochs.beginsAtSeconds(open.epoch + 1)
    let [last, sum] = [NOBODY, 0n]
    for (const [position, { signature }] of votes.entries()) {
      const node = statementSigner(secp256k1, { slot, payload, signature }) ?? revert('StatementSignatureInvalid')
      if (node <= last) revert('VotesNotSorted', { position: BigInt(position) })
      last = node
      if (!stake.isExpelled(node)) sum += stake.bondedAt(node, snapshotAt, nowSeconds)
    }
    return sum
  }

  #finish({ epoch }: OpenProposal, result: RootResult): FinalRoot {
    this.#open = undefined
    this.#final = { epoch, root: result.root, evidence: result.evidence }
    return this.#final
  }

  #deposit(caller: Address): void {
    const { tokens, rewards } = this.#components
    tokens.move(caller, rewards, this.terms.depositTokenUnits)
  }

  /** A winner gets its own deposit and half of what the loser put in; the rest is burned, and all without a winner. */
  #share(winner: Address | undefined, own: bigint, lost: bigint): void {
    const { tokens, rewards } = this.#components
    const won = winner === undefined ? 0n : own + lost / 2n
    tokens.burn(rewards, own + lost - won)
    if (winner !== undefined) tokens.move(rewards, winner, won)
  }

  #requireStake(caller: Address, node: Address): void {
    const { stake } = this.#components
    const operator = stake.operatorOf(node) ?? NOBODY
    if (operator !== caller) revert('NotTheNodesOperator', { caller, operator })
    const [bonded, minimum] = [stake.bonded(node), this.terms.minimumStakeTokenUnits]
    if (bonded < minimum) revert('StakeTooSmall', { bonded, minimum })
  }
}

function isSame(left: RootResult, right: RootResult): boolean {
  return left.root === right.root && left.evidence === right.evidence
}
