import type { TransactionOutcome } from './chain.ts'
import type { BlockSpan } from './economy.ts'
import type { Address, Hash, UnixMs } from './units.ts'

/** A revision of a storage agreement as both sides keep it; signatures have 65 bytes. */
export interface SignedRevision {
  /** The revision's DAG-CBOR bytes. */
  readonly document: Uint8Array
  readonly payerSignature: Uint8Array
  readonly nodeSignature: Uint8Array
}

/** An open challenge: a node was asked to show five leaves of an agreement. */
export interface PossessionChallenge {
  readonly number: bigint
  readonly challenger: Address
  /** Who has to answer. */
  readonly node: Address
  /** Name of the agreement, and which of its revisions it is about. */
  readonly agreement: Hash
  readonly revision: number
  /** Root of that revision's pieces, and how many leaves they have: an answer is checked against these. */
  readonly root: Hash
  readonly leaves: number
  /** The block whose hash is the seed. */
  readonly seedBlock: number
  /** The seed, and the last moment for an answer; undefined while the seed is not drawn. */
  readonly drawn: { readonly seed: Hash; readonly endsAt: UnixMs } | undefined
}

/** That a node was asked, whether the challenge is still open or not. */
export interface PossessionAnnouncement {
  readonly number: bigint
  readonly node: Address
  readonly agreement: Hash
  /** Of the agreement, as it was asked about first. */
  readonly revision: number
  readonly challenger: Address
  readonly block: number
}

/** How a challenge ended: the node showed what it keeps; it lost stake; it came to nothing, and the deposit went back. */
export type PossessionEnd =
  | { readonly kind: 'answered'; readonly transaction: Hash }
  | { readonly kind: 'missed'; readonly transaction: Hash; readonly takenTokenUnits: bigint }
  | { readonly kind: 'reclaimed'; readonly transaction: Hash }

/** What never changes about challenges. */
export interface PossessionTerms {
  /** Time to answer in, from the drawing of the seed. */
  readonly answerSeconds: number
  /** What who asks puts in; the node's operator receives it for a right answer. */
  readonly depositTokenUnits: bigint
}

/** Blocks after the seed's in which it can be drawn; later, nobody knows it (ADR 18). */
export const POSSESSION_DRAW_BLOCKS = 256
/** Oldest revision that a node is asked about, in seconds. */
export const POSSESSION_REVISION_SECONDS_MAX: number = 7 * 86_400

/**
 * The adjudicator on chain of nodes that do not show what they agreed to keep, bound to one account that pays for gas. Every
 * call throws the typed errors of the adapter (`CHAIN_…` codes); a refusal by the contract is CHAIN_REVERTED with its `error`.
 */
export interface PossessionAdjudicator {
  /** The account that sends transactions. */
  readonly account: Address
  /** Number of the newest block. */
  head(): Promise<number>
  terms(): Promise<PossessionTerms>
  /** A challenge; undefined when it is over or never was. */
  challenge(number: bigint): Promise<PossessionChallenge | undefined>
  /** The challenges of a node that were announced in some blocks and are still open, oldest first. */
  openChallenges(node: Address, span: BlockSpan): Promise<readonly PossessionChallenge[]>
  /** All challenges about an agreement that were announced in some blocks, open or over, oldest first. */
  announcements(agreement: Hash, span: BlockSpan): Promise<readonly PossessionAnnouncement[]>
  /** How a challenge ended; undefined while it is open, or for one that never was. */
  endOf(number: bigint, span: BlockSpan): Promise<PossessionEnd | undefined>
  /** Puts in the deposit, approved where needed, and asks the revision's node for five leaves. */
  announce(revision: SignedRevision): Promise<TransactionOutcome & { readonly challenge: bigint }>
  draw(challenge: bigint): Promise<TransactionOutcome>
  /** @param proof What `encodePossessionAnswer` of packages/storage makes. */
  answer(challenge: bigint, proof: Uint8Array): Promise<TransactionOutcome>
  /** Makes a challenge one about a later revision; the account must be the node's operator. */
  supersede(challenge: bigint, revision: SignedRevision): Promise<TransactionOutcome>
  /** Punishes a node that has not answered in time. */
  punish(challenge: bigint): Promise<TransactionOutcome>
  /** Takes the account's deposit back from a challenge that came to nothing. */
  reclaim(challenge: bigint): Promise<TransactionOutcome>
}
