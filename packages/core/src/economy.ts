import type { TransactionOutcome } from './chain.ts'
import type { Address, Hash, MicroUsd, UnixMs } from './units.ts'

// Amounts of the network's token are in its smallest unit, 10^-18, and their names end in TokenUnits.

/** How time is cut into epochs; epoch n begins at `genesisAt + n * epochSeconds`. */
export interface EpochTerms {
  readonly genesisAt: UnixMs
  readonly epochSeconds: number
}

/** The fees that are for sale at this moment, and what they cost. */
export interface LotForSale {
  readonly lot: bigint
  readonly feesMicroUsd: MicroUsd
  /** Token units per micro-dollar. */
  readonly priceTokenUnits: bigint
  /** What a buyer burns. */
  readonly costTokenUnits: bigint
}

/** How the price of a lot falls; fixed when deployed. */
export interface SaleTerms {
  /** Seconds in which the price halves, from the beginning of each epoch on. */
  readonly halvingSeconds: number
  /** Least fees that are sold. */
  readonly minimumLotMicroUsd: MicroUsd
}

/** The sale that an epoch's fees were part of. Its part of what was burned is in proportion to its fees. */
export interface LotSale {
  readonly lastEpoch: number
  readonly soldAt: UnixMs
  /** Of all epochs in the lot. */
  readonly feesMicroUsd: MicroUsd
  readonly burnedTokenUnits: bigint
  /** The part of it that may be minted, in ten-thousandths. */
  readonly kappaBps: number
}

/** A node's stake. */
export interface BondState {
  readonly operator: Address | undefined
  readonly bondedTokenUnits: bigint
  readonly unbondings: readonly { readonly tokenUnits: bigint; readonly endsAt: UnixMs }[]
  /** Lost everything for a lie, and can never be bonded again. */
  readonly expelled: boolean
}

/** A reward root and the SHA-256 digest of the evidence document that it was computed from. */
export interface RootResult {
  readonly root: Hash
  readonly evidence: Hash
}

/** A proposed root. */
export interface RootProposal {
  readonly epoch: number
  readonly attempt: number
  /** Last moment to challenge it, or to decide once it was challenged. */
  readonly endsAt: UnixMs
  readonly proposer: Address
  readonly proposed: RootResult
  readonly challenge: { readonly challenger: Address; readonly other: RootResult } | undefined
  /** The slot and the payload of a statement that votes for `proposed`. */
  readonly decisionSlot: Hash
}

/** The root that claims are against. */
export interface FinalRoot extends RootResult {
  readonly epoch: number
}

/** What one operator has to expect of one program. */
export interface RewardState {
  readonly source: 'none' | 'minted' | 'sponsored'
  /** By this program: token units when it mints, micro-dollars when it is sponsored. */
  readonly paid: bigint
  /** Most that could be paid now, whatever the root says; same unit. */
  readonly available: bigint
}

/** One line of the final root with its proof. */
export interface RewardClaim {
  readonly program: Hash
  readonly operator: Address
  readonly cumulative: bigint
  readonly proof: readonly Hash[]
}

/** A 65-byte signature of a statement in one slot. */
export interface SignedPayload {
  readonly payload: Hash
  readonly signature: Uint8Array
}

/** A block's place in the chain. */
export interface BlockMark {
  readonly number: number
  readonly hash: Hash
  readonly at: UnixMs
}

/** Blocks, both ends included. */
export interface BlockSpan {
  readonly fromBlock: number
  readonly toBlock: number
}

/** What one batch of claims brought one node; block and place in it are the event's identity. */
export interface ClaimBatch {
  readonly blockNumber: number
  readonly logIndex: number
  readonly node: Address
  readonly operator: Address
  readonly grossMicroUsd: MicroUsd
  readonly feeMicroUsd: MicroUsd
  /** Which channels brought how much of it, one entry for each claim. */
  readonly parts: readonly ClaimPart[]
}

/** What one claim of a batch brought. */
export interface ClaimPart {
  readonly channel: Hash
  readonly grossMicroUsd: MicroUsd
}

/** A sale of fees; it covers all epochs after the sale before it, up to `lastEpoch`. */
export interface LotSold {
  readonly blockNumber: number
  readonly lastEpoch: number
  readonly feesMicroUsd: MicroUsd
  readonly burnedTokenUnits: bigint
}

/** Somebody added stake to a node. */
export interface NodeBonded {
  readonly blockNumber: number
  readonly node: Address
  readonly operator: Address
}

/** A reward program was named, or taken in or out of use. */
export interface ProgramChanged {
  readonly blockNumber: number
  readonly program: Hash
  readonly source: RewardState['source']
  readonly isEnabled: boolean
}

/** A sponsor added to a program. */
export interface ProgramSponsored {
  readonly blockNumber: number
  readonly program: Hash
  readonly amountMicroUsd: MicroUsd
}

/** What the economy's contracts recorded, oldest first; any span of blocks, searched in pages. */
export interface EconomyHistory {
  /** No event of the contracts is in an earlier block. */
  readonly firstBlock: number
  head(): Promise<BlockMark>
  /** @throws the adapter's typed error when the chain does not have it */
  block(number: number): Promise<BlockMark>
  claims(span: BlockSpan): Promise<readonly ClaimBatch[]>
  sales(span: BlockSpan): Promise<readonly LotSold[]>
  bonds(span: BlockSpan): Promise<readonly NodeBonded[]>
  programs(span: BlockSpan): Promise<readonly ProgramChanged[]>
  sponsorships(span: BlockSpan): Promise<readonly ProgramSponsored[]>
  finalRoots(span: BlockSpan): Promise<readonly FinalRoot[]>
}

/** Terms of proposals, which never change. */
export interface RootTerms {
  readonly challengeSeconds: number
  readonly decisionSeconds: number
  /** Stake of a node that counts in epochs, and whose operator proposes or challenges. */
  readonly minimumStakeTokenUnits: bigint
  readonly depositTokenUnits: bigint
}

/** Fees, stake and rewards on the settlement chain, for the account that the chain adapter is bound to. */
export interface Economy {
  epochTerms(): Promise<EpochTerms>
  rootTerms(): Promise<RootTerms>
  lotForSale(): Promise<LotForSale>
  saleTerms(): Promise<SaleTerms>
  /** Fees on what an operator was paid in an epoch. */
  feesOf(epoch: number, operator: Address): Promise<MicroUsd>
  /** The sale of an epoch's fees; undefined while they are not sold. */
  saleOf(epoch: number): Promise<LotSale | undefined>
  tokenBalance(account: Address): Promise<bigint>
  bondOf(node: Address): Promise<BondState>
  /** Stake in a past second: what votes on an epoch when it is the epoch's end. */
  bondedAt(node: Address, at: UnixMs): Promise<bigint>
  totalBondedAt(at: UnixMs): Promise<bigint>
  proposal(): Promise<RootProposal | undefined>
  finalRoot(): Promise<FinalRoot | undefined>
  rewardOf(program: Hash, operator: Address): Promise<RewardState>
  /** What an operator's cap would rise by on account of an epoch; 0 when it has risen already or nothing is sold. */
  accruable(operator: Address, epoch: number): Promise<bigint>

  /** Approves where needed and burns at most `maximumTokenUnits` for a lot. */
  buyLot(lot: bigint, maximumTokenUnits: bigint): Promise<TransactionOutcome>
  /** @param consent The node key's signature of NodeConsent; empty once the node is the account's. */
  bond(node: Address, tokenUnits: bigint, consent: Uint8Array): Promise<TransactionOutcome>
  unbond(node: Address, tokenUnits: bigint): Promise<TransactionOutcome>
  withdraw(node: Address): Promise<TransactionOutcome>
  /** Reports a node that signed two payloads for one slot; the account receives the reporter's part. */
  reportEquivocation(slot: Hash, first: SignedPayload, second: SignedPayload): Promise<TransactionOutcome>
  propose(epoch: number, result: RootResult, node: Address): Promise<TransactionOutcome>
  challenge(attempt: number, result: RootResult, node: Address): Promise<TransactionOutcome>
  /** @param votes Each node's signature for `result`, in any order; one per node. */
  decide(
    attempt: number,
    result: RootResult,
    votes: readonly { readonly node: Address; readonly signature: Uint8Array }[],
  ): Promise<TransactionOutcome>
  finalize(attempt: number): Promise<TransactionOutcome>
  drop(attempt: number): Promise<TransactionOutcome>
  accrue(operator: Address, epochs: readonly number[]): Promise<TransactionOutcome>
  claimReward(claim: RewardClaim): Promise<TransactionOutcome>
  /** Approves where needed and puts dollars into a sponsored program, for good. */
  sponsor(program: Hash, amountMicroUsd: MicroUsd): Promise<TransactionOutcome>
}
