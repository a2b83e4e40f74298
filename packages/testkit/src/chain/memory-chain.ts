import {
  type Address,
  type Balances,
  type Chain,
  type ChainIdentity,
  type ChannelClaim,
  type ChannelShareOnChain,
  type ClaimedChannel,
  type ClaimOutcome,
  CoreError,
  type FundRequest,
  type Hash,
  type MicroUsd,
  type PurseState,
  type TransactionOutcome,
  type UnixMs,
  type Wei,
} from '@stead/core'
import { purseIdOf } from '@stead/protocol'
import { chainRefusal } from './chain-refusal.ts'
import type { LedgerView } from './ledger-view.ts'
import { MemoryAccountBook } from './memory-account-book.ts'
import { MemoryEconomy, type MemoryEconomyWays } from './memory-economy.ts'
import type { EscrowTerms } from './memory-escrow.ts'
import { MemoryHistory } from './memory-history.ts'
import type { MemoryLedger } from './memory-ledger.ts'
import type { TransactionKind } from './transaction-gas.ts'

/** The Chain port over a {@link MemoryLedger}, bound to one account. */
export class MemoryChain implements Chain {
  readonly identity: ChainIdentity
  readonly account: Address
  readonly #ledger: MemoryLedger
  readonly #view: () => LedgerView
  readonly #unwatch: Set<() => void> = new Set()
  #state: 'new' | 'started' | 'stopped' = 'new'
  #isCutOff = false
  /** Purses that thawed when the adapter started, or that it told of, and until when; one that begins anew ends later. */
  readonly #toldThaws: Map<Hash, UnixMs> = new Map()

  /** @param view What a question is answered from; asked for each. @default the newest state */
  constructor(ledger: MemoryLedger, account: Address, view: () => LedgerView = () => ledger) {
    this.identity = ledger.identity
    this.account = account
    this.#ledger = ledger
    this.#view = view
  }

  async start(): Promise<void> {
    this.#ledger.checkReachable()
    for (const { purse, endsAt } of this.#ledger.thaws) this.#toldThaws.set(purse, endsAt)
    this.#state = 'started'
  }

  async stop(): Promise<void> {
    for (const unwatch of this.#unwatch) unwatch()
    this.#unwatch.clear()
    this.#state = 'stopped'
  }

  async blockTime(): Promise<UnixMs> {
    return (await this.#read()).now()
  }

  async balances(account: Address): Promise<Balances> {
    return (await this.#read()).state.balances(account)
  }

  async gasPrice(): Promise<Wei> {
    return (await this.#read()).gasPriceWei
  }

  /** Constants are known since the start, so an outage does not matter. */
  async escrowTerms(): Promise<EscrowTerms> {
    this.#checkStarted()
    return this.#ledger.terms
  }

  async purse(id: Hash): Promise<PurseState | undefined> {
    return (await this.#read()).state.escrow.purse(id)
  }

  async voucherSignerOf(channel: Hash): Promise<Address | undefined> {
    return (await this.#read()).state.escrow.voucherSignerOf(channel)
  }

  async claimedMicroUsd(channel: Hash): Promise<MicroUsd> {
    return (await this.#read()).state.escrow.claimedMicroUsd(channel)
  }

  async claimsOf(
    channels: readonly ChannelShareOnChain[],
  ): Promise<readonly (ClaimedChannel & { readonly transaction: Hash })[]> {
    return (await this.#read()).state.claimsOf(channels)
  }

  async transaction(id: Hash): Promise<TransactionOutcome | undefined> {
    return (await this.#read()).state.transactions.get(id)
  }

  async owedMicroUsd(operator: Address): Promise<MicroUsd> {
    return (await this.#read()).state.escrow.owedMicroUsd(operator)
  }

  async operatorOf(node: Address): Promise<Address | undefined> {
    return (await this.#read()).state.contracts.stake.operatorOf(node)
  }

  /** As the real adapter: the same request twice funds once. */
  async fund(request: FundRequest): Promise<TransactionOutcome & { readonly purse: Hash }> {
    const ledger = await this.#reach()
    const purse = purseIdOf(this.identity, { ...request, payer: this.account })
    const earlier = ledger.fundingOf(purse)
    if (earlier !== undefined) return { ...earlier, purse }
    const { value, ...outcome } = await this.#transact('fund', ({ state }, transaction) =>
      state.fund(this.account, request, transaction),
    )
    return { ...outcome, purse: value }
  }

  async claim(claims: readonly ChannelClaim[]): Promise<ClaimOutcome> {
    if (claims.length === 0) throw new RangeError('one transaction takes at least one claim')
    // As they were sent: they are played on other copies and forks later.
    const sent = claims.map((claim) => ({ ...claim, signature: new Uint8Array(claim.signature) }))
    const { value, ...outcome } = await this.#transact('claim', (ledger, transaction) =>
      ledger.state.claim(sent, transaction, ledger.now()),
    )
    return { ...outcome, channels: value }
  }

  async payout(operator: Address): Promise<TransactionOutcome> {
    const { value: _, ...outcome } = await this.#transact('payout', ({ state }) => state.payout(operator))
    return outcome
  }

  async thaw(purse: Hash): Promise<TransactionOutcome & { readonly endsAt: UnixMs }> {
    const { value, ...outcome } = await this.#transact('thaw', (ledger) =>
      ledger.state.thaw(this.account, purse, ledger.now()),
    )
    return { ...outcome, endsAt: value }
  }

  async close(purse: Hash): Promise<TransactionOutcome & { readonly refundMicroUsd: MicroUsd }> {
    const { value, ...outcome } = await this.#transact('close', (ledger) => ledger.state.close(purse, ledger.now()))
    return { ...outcome, refundMicroUsd: value }
  }

  watchThaws(callback: (purse: Hash, endsAt: UnixMs) => void): () => void {
    this.#checkStarted()
    const told = new Map(this.#toldThaws)
    // Each transaction makes each watcher look: only at what came since. Another fork has another list.
    let [known, seen] = [this.#ledger.thaws, 0]
    const look = (): void => {
      const { outage, thaws } = this.#ledger
      if (outage !== 'none') return
      const from = thaws === known ? seen : 0
      if (from === thaws.length) return
      ;[known, seen] = [thaws, thaws.length]
      for (const { purse, endsAt } of thaws.slice(from)) {
        if (told.get(purse) === endsAt) continue
        told.set(purse, endsAt)
        this.#toldThaws.set(purse, endsAt)
        callback(purse, endsAt)
      }
    }
    const unwatch = this.#ledger.watch(look)
    this.#unwatch.add(unwatch)
    // As with a real chain, what happened before is told later, not inside this call.
    void Promise.resolve().then(() => {
      if (this.#unwatch.has(unwatch)) look()
    })
    return () => {
      unwatch()
      this.#unwatch.delete(unwatch)
    }
  }

  /** The economy's contracts, through this adapter and account. */
  economy(): MemoryEconomy {
    const send: MemoryEconomyWays['send'] = async (kind, run) => {
      const { value: _, ...outcome } = await this.#transact(kind, (ledger) => run(ledger, ledger.nowSeconds()))
      return outcome
    }
    return new MemoryEconomy({ read: () => this.#read(), send }, this.account)
  }

  /** What the economy's contracts recorded. */
  history(): MemoryHistory {
    return new MemoryHistory(() => this.#read())
  }

  /** The economy's account book. */
  ledger(): MemoryAccountBook {
    return new MemoryAccountBook(() => this.#read())
  }

  /** Cuts this adapter off from a chain that goes on for all others, as an endpoint does that is down. */
  setCutOff(isCutOff: boolean): void {
    this.#isCutOff = isCutOff
  }

  #checkStarted(): void {
    if (this.#state !== 'started') throw new CoreError('CORE_STOPPED', `the simulated chain is ${this.#state}`)
  }

  /** An endpoint tries a transaction on what it shows before it takes it. */
  async #transact<Value>(
    kind: TransactionKind,
    run: (ledger: MemoryLedger, transaction: TransactionOutcome) => Value,
  ): Promise<TransactionOutcome & { readonly value: Value }> {
    const view = this.#view()
    const ledger = await this.#reach()
    const draft = { account: this.account, kind, run: (transaction: TransactionOutcome) => run(ledger, transaction) }
    view.estimate(draft)
    return ledger.transact(draft)
  }

  async #read(): Promise<LedgerView> {
    const view = this.#view()
    await this.#reach()
    return view
  }

  /** Every call takes a turn, so that callers cannot rely on an answer at once. */
  async #reach(): Promise<MemoryLedger> {
    this.#checkStarted()
    await Promise.resolve()
    if (this.#isCutOff) throw chainRefusal('CHAIN_UNREACHABLE', 'this adapter is cut off from the simulated chain')
    this.#ledger.checkReachable()
    return this.#ledger
  }
}
