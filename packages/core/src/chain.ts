import type { Address, Hash, MicroUsd, UnixMs, Wei } from './units.ts'

/** Which contracts on which chain; part of what vouchers sign. */
export interface ChainIdentity {
  readonly chainId: number
  readonly escrow: Address
  readonly stake: Address
  /** The settlement dollar, 6 decimals. */
  readonly dollar: Address
}

/** A purse as the chain has it. */
export interface PurseState {
  readonly purse: Hash
  readonly payer: Address
  /** The key whose vouchers count: the payer, or the key that the payer named. */
  readonly voucherSigner: Address
  readonly root: Hash
  readonly totalMicroUsd: MicroUsd
  readonly claimedMicroUsd: MicroUsd
  /** The protocol fee of its claims in ten-thousandths: the Escrow's when it was funded. */
  readonly feeBps: number
  /** When claims end; undefined while the purse is not thawing. */
  readonly thawEndsAt: UnixMs | undefined
  readonly closed: boolean
}

/** What a payer locks for a set of providers. */
export interface FundRequest {
  readonly root: Hash
  readonly totalMicroUsd: MicroUsd
  readonly voucherSigner: Address
  readonly salt: Hash
}

/** One step of a Merkle-sum branch, from the leaf up. */
export interface BranchStep {
  readonly sibling: Hash
  readonly siblingMicroUsd: MicroUsd
}

/** One provider's share of a purse; all of it together names a channel. */
export interface ChannelShareOnChain {
  readonly purse: Hash
  readonly node: Address
  readonly operator: Address
  readonly allocationMicroUsd: MicroUsd
}

/** Everything that the Escrow needs to credit one channel; anyone may submit it. */
export interface ChannelClaim extends ChannelShareOnChain {
  readonly cumulativeMicroUsd: MicroUsd
  /** The voucher's signature, 65 bytes; its second half is in the lower half of the curve's order. */
  readonly signature: Uint8Array
  /** Position of the leaf: bit i says whether the node at level i is a right child. */
  readonly index: bigint
  readonly branch: readonly BranchStep[]
}

/**
 * A transaction that the chain accepted: as many blocks hold it as the adapter was told to wait for. Where other forks may
 * still win, it can be undone later: then {@link Chain.transaction} does not know it any more, or has it in another block.
 */
export interface TransactionOutcome {
  readonly transaction: Hash
  readonly blockNumber: bigint
  readonly gasUsed: bigint
  readonly gasCostWei: Wei
}

/** What one claimed channel brought. `net = gross - fee`. */
export interface ClaimedChannel {
  readonly channel: Hash
  readonly purse: Hash
  readonly node: Address
  readonly operator: Address
  readonly cumulativeMicroUsd: MicroUsd
  readonly grossMicroUsd: MicroUsd
  readonly feeMicroUsd: MicroUsd
}

/** A claim transaction and what it credited; stale claims are missing from `channels`. */
export interface ClaimOutcome extends TransactionOutcome {
  readonly channels: readonly ClaimedChannel[]
}

/** What an account holds. */
export interface Balances {
  readonly dollarMicroUsd: MicroUsd
  readonly gasWei: Wei
}

/**
 * The settlement chain, bound to one account that pays for gas. Every call has its own time-out and throws the typed
 * errors of the adapter (`CHAIN_…` codes); reads are of the latest block.
 */
export interface Chain {
  readonly identity: ChainIdentity
  /** The account that sends transactions. */
  readonly account: Address
  start(): Promise<void>
  stop(): Promise<void>
  /** Latest block's time. */
  blockTime(): Promise<UnixMs>
  balances(account: Address): Promise<Balances>
  /** Gas price now, in wei per gas. */
  gasPrice(): Promise<Wei>
  /** The protocol fee of purses that are funded now, in ten-thousandths, and the thaw period, which never changes. */
  escrowTerms(): Promise<{ readonly feeBps: number; readonly thawSeconds: number }>

  /** Undefined until as many blocks hold its funding as the adapter waits for, and again when another fork undid it. */
  purse(id: Hash): Promise<PurseState | undefined>
  /** Claimed so far on a channel; 0 when it was never claimed. */
  claimedMicroUsd(channel: Hash): Promise<MicroUsd>
  /**
   * Who signs the vouchers of a channel: its payer, or the key that the payer named for the purse. Undefined before the
   * first claim, and never another one afterwards.
   */
  voucherSignerOf(channel: Hash): Promise<Address | undefined>
  /** All claims ever credited on some channels, oldest first; the auditor's evidence. */
  claimsOf(
    channels: readonly ChannelShareOnChain[],
  ): Promise<readonly (ClaimedChannel & { readonly transaction: Hash })[]>
  /** A mined transaction, whoever sent it; undefined when the chain does not have it (any more). */
  transaction(id: Hash): Promise<TransactionOutcome | undefined>
  /** Credited to an operator and not paid out. */
  owedMicroUsd(operator: Address): Promise<MicroUsd>
  /** The operator that bonded this node, if any. */
  operatorOf(node: Address): Promise<Address | undefined>

  /** Approves (where needed) and locks funds. @throws when the account cannot pay: details needMicroUsd, haveMicroUsd */
  fund(request: FundRequest): Promise<TransactionOutcome & { readonly purse: Hash }>
  claim(claims: readonly ChannelClaim[]): Promise<ClaimOutcome>
  payout(operator: Address): Promise<TransactionOutcome>
  thaw(purse: Hash): Promise<TransactionOutcome & { readonly endsAt: UnixMs }>
  close(purse: Hash): Promise<TransactionOutcome & { readonly refundMicroUsd: MicroUsd }>
  /**
   * Calls back for each purse that starts to thaw, until the returned function is called. Misses none after an outage; a
   * thaw that another fork undid is not taken back, and told again only when it was long ago.
   */
  watchThaws(callback: (purse: Hash, endsAt: UnixMs) => void): () => void
}
