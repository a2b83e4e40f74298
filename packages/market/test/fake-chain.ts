import {
  type Address,
  address,
  type Balances,
  type Chain,
  type ChainIdentity,
  type ChannelClaim,
  type ClaimedChannel,
  type ClaimOutcome,
  CoreError,
  type FundRequest,
  type Hash,
  type MicroUsd,
  microUsd,
  type PurseState,
  type Random,
  type TransactionOutcome,
  type UnixMs,
  type Wei,
} from '@stead/core'
import {
  channelIdOf,
  checkPurseBranch,
  escrowSeparator,
  hashFromBytes,
  purseIdOf,
  type Secp256k1,
  voucherSigner,
} from '@stead/protocol'

/** The part of a chain that all accounts see: a small model of the Escrow. */
export class EscrowModel {
  readonly identity: ChainIdentity = {
    chainId: 31_337,
    escrow: address(`0x${'e5'.repeat(20)}`),
    stake: address(`0x${'57'.repeat(20)}`),
    dollar: address(`0x${'d0'.repeat(20)}`),
  }
  readonly purses: Map<Hash, PurseState> = new Map()
  readonly claimed: Map<Hash, bigint> = new Map()
  readonly claims: (ClaimedChannel & { readonly transaction: Hash })[] = []
  readonly owed: Map<Address, bigint> = new Map()
  readonly dollars: Map<Address, bigint> = new Map()
  readonly watchers: Set<(purse: Hash, endsAt: UnixMs) => void> = new Set()
  readonly feeBps = 500
  readonly thawMs = 86_400_000
  feesHeld = 0n
  gasPrice = 1_000_000_000n
  /** Calls fail as long as this is set. */
  outage = false
  /** Calls that end in a crash of the node: after the transaction, before anybody hears of it. */
  failAfter = false
  readonly random: Random
  readonly secp256k1: Secp256k1
  readonly now: () => UnixMs

  constructor(parts: { readonly random: Random; readonly secp256k1: Secp256k1; readonly now: () => UnixMs }) {
    this.random = parts.random
    this.secp256k1 = parts.secp256k1
    this.now = parts.now
  }
}

/** One account's view of the model. */
export class FakeChain implements Chain {
  readonly identity: ChainIdentity
  readonly account: Address
  readonly #model: EscrowModel

  constructor(model: EscrowModel, account: Address) {
    this.#model = model
    this.identity = model.identity
    this.account = account
  }

  async start(): Promise<void> {
    await this.#turn()
  }

  async stop(): Promise<void> {
    await Promise.resolve()
  }

  async blockTime(): Promise<UnixMs> {
    await this.#turn()
    return this.#model.now()
  }

  async balances(account: Address): Promise<Balances> {
    await this.#turn()
    return { dollarMicroUsd: microUsd(this.#model.dollars.get(account) ?? 0n), gasWei: 10n ** 18n as Wei }
  }

  async gasPrice(): Promise<Wei> {
    await this.#turn()
    return this.#model.gasPrice as Wei
  }

  async escrowTerms(): Promise<{ readonly feeBps: number; readonly thawSeconds: number }> {
    await this.#turn()
    return { feeBps: this.#model.feeBps, thawSeconds: this.#model.thawMs / 1000 }
  }

  async purse(id: Hash): Promise<PurseState | undefined> {
    await this.#turn()
    return this.#model.purses.get(id)
  }

  async claimedMicroUsd(channel: Hash): Promise<MicroUsd> {
    await this.#turn()
    return microUsd(this.#model.claimed.get(channel) ?? 0n)
  }

  async claimsOf(purse: Hash): Promise<readonly (ClaimedChannel & { readonly transaction: Hash })[]> {
    await this.#turn()
    return this.#model.claims.filter((claim) => claim.purse === purse)
  }

  async owedMicroUsd(operator: Address): Promise<MicroUsd> {
    await this.#turn()
    return microUsd(this.#model.owed.get(operator) ?? 0n)
  }

  async operatorOf(): Promise<Address | undefined> {
    await this.#turn()
    return undefined
  }

  async fund(request: FundRequest): Promise<TransactionOutcome & { readonly purse: Hash }> {
    await this.#turn()
    const { dollars, purses } = this.#model
    const have = dollars.get(this.account) ?? 0n
    if (have < request.totalMicroUsd) throw refused('not enough dollars')
    const purse = purseIdOf(this.identity, { payer: this.account, ...request })
    if (purses.has(purse)) throw refused('PurseExists')
    dollars.set(this.account, have - request.totalMicroUsd)
    purses.set(purse, {
      purse,
      payer: this.account,
      voucherSigner: request.voucherSigner,
      root: request.root,
      totalMicroUsd: request.totalMicroUsd,
      claimedMicroUsd: microUsd(0n),
      thawEndsAt: undefined,
      closed: false,
    })
    return this.#mined({ purse })
  }

  async claim(claims: readonly ChannelClaim[]): Promise<ClaimOutcome> {
    await this.#turn()
    const transaction = hashFromBytes(this.#model.random.bytes(32))
    const channels = claims.flatMap((claim) => this.#settle(claim) ?? [])
    for (const channel of channels) this.#model.claims.push({ ...channel, transaction })
    return { ...(await this.#mined({})), transaction, channels }
  }

  async payout(operator: Address): Promise<TransactionOutcome> {
    await this.#turn()
    const { owed, dollars } = this.#model
    dollars.set(operator, (dollars.get(operator) ?? 0n) + (owed.get(operator) ?? 0n))
    owed.set(operator, 0n)
    return this.#mined({})
  }

  async thaw(id: Hash): Promise<TransactionOutcome & { readonly endsAt: UnixMs }> {
    await this.#turn()
    const state = this.#model.purses.get(id)
    if (state === undefined || state.payer !== this.account || state.thawEndsAt !== undefined) throw refused('thaw')
    const endsAt = (this.#model.now() + this.#model.thawMs) as UnixMs
    this.#model.purses.set(id, { ...state, thawEndsAt: endsAt })
    for (const watcher of this.#model.watchers) watcher(id, endsAt)
    return this.#mined({ endsAt })
  }

  async close(id: Hash): Promise<TransactionOutcome & { readonly refundMicroUsd: MicroUsd }> {
    await this.#turn()
    const state = this.#model.purses.get(id)
    const isOver = state?.thawEndsAt !== undefined && state.thawEndsAt < this.#model.now()
    if (state === undefined || state.closed || !isOver) throw refused('PurseNotThawed')
    const refundMicroUsd = microUsd(state.totalMicroUsd - state.claimedMicroUsd)
    const { dollars, purses } = this.#model
    purses.set(id, { ...state, closed: true })
    dollars.set(state.payer, (dollars.get(state.payer) ?? 0n) + refundMicroUsd)
    return this.#mined({ refundMicroUsd })
  }

  watchThaws(callback: (purse: Hash, endsAt: UnixMs) => void): () => void {
    this.#model.watchers.add(callback)
    return () => this.#model.watchers.delete(callback)
  }

  #settle(claim: ChannelClaim): ClaimedChannel | undefined {
    const { purse, node, operator, cumulativeMicroUsd } = claim
    const model = this.#model
    const channel = channelIdOf(claim)
    const before = model.claimed.get(channel) ?? 0n
    if (cumulativeMicroUsd <= before) return undefined
    const state = model.purses.get(purse)
    if (state === undefined || state.closed) throw refused('ClaimPurseClosed')
    if (cumulativeMicroUsd > claim.allocationMicroUsd) throw refused('ClaimAboveAllocation')
    if (before === 0n) checkPurseBranch(state, claim, { index: claim.index, steps: claim.branch })
    const { signature } = claim
    const signer = voucherSigner(model.secp256k1, escrowSeparator(this.identity), { terms: claim, cumulativeMicroUsd, signature })
    if (signer !== state.voucherSigner) throw refused('ClaimSignerMismatch')
    const feeOf = (amount: bigint): bigint => (amount * BigInt(model.feeBps)) / 10_000n
    const gross = cumulativeMicroUsd - before
    const fee = feeOf(cumulativeMicroUsd) - feeOf(before)
    model.claimed.set(channel, cumulativeMicroUsd)
    model.purses.set(purse, { ...state, claimedMicroUsd: microUsd(state.claimedMicroUsd + gross) })
    model.owed.set(operator, (model.owed.get(operator) ?? 0n) + gross - fee)
    model.feesHeld += fee
    return { channel, purse, node, operator, cumulativeMicroUsd, grossMicroUsd: microUsd(gross), feeMicroUsd: microUsd(fee) }
  }

  async #turn(): Promise<void> {
    await Promise.resolve()
    if (this.#model.outage) {
      throw new CoreError('NETWORK_UNREACHABLE', 'the chain does not answer')
    }
  }

  async #mined<Extra>(extra: Extra): Promise<TransactionOutcome & Extra> {
    if (this.#model.failAfter) {
      throw new CoreError('NETWORK_TIMEOUT', 'the chain did not say whether the transaction was mined')
    }
    const transaction = hashFromBytes(this.#model.random.bytes(32))
    return { transaction, blockNumber: 1n, gasUsed: 100_000n, gasCostWei: (100_000n * this.#model.gasPrice) as Wei, ...extra }
  }
}

function refused(what: string): CoreError {
  return new CoreError('NETWORK_REMOTE', `the contract refused: ${what}`)
}
