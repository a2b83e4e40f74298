import {
  type Address,
  type Balances,
  type Chain,
  type ChainIdentity,
  type ChannelClaim,
  type ChannelShareOnChain,
  type ClaimedChannel,
  type ClaimOutcome,
  type Clock,
  type FundRequest,
  type Hash,
  isSteadError,
  type MicroUsd,
  type PurseState,
  type TransactionOutcome,
  type UnixMs,
  type Wei,
} from '@stead/core'
import { channelIdOf, purseIdOf } from '@stead/protocol'
import { chainRefusal, type MemoryChain, type SeededRandom } from '@stead/testkit'

/** What can be wrong between a node and the chain. */
export interface ChainFaults {
  /** Most that a question takes. */
  readonly answerMsMax: number
  /** Most that a transaction waits for its block. */
  readonly blockMsMax: number
  /** Share of calls that end without an answer; a transaction may have been taken all the same. */
  readonly lostShare: number
  /** The endpoint does not answer at all. */
  readonly isDown: boolean
  /** What it shows may be some blocks old. */
  readonly isBehind: boolean
}

/** The way to the chain and back, for ports of it that lie behind the same endpoint. */
export interface ChainEndpoint {
  ask<Value>(ask: () => Promise<Value>): Promise<Value>
  /** @param what the transaction in a few words */
  transact<Value extends TransactionOutcome>(what: string, send: () => Promise<Value>): Promise<Value>
}

/** One node's endpoint of the chain: slow, and away at times. The chain behind it is the same for all. */
export class SimChain implements Chain {
  readonly identity: ChainIdentity
  readonly account: Address
  readonly #inner: MemoryChain
  readonly #clock: Clock
  readonly #worldClock: Clock
  readonly #random: SeededRandom
  readonly #tell: (what: string) => void
  readonly #faults: () => ChainFaults

  constructor(
    components: {
      readonly inner: MemoryChain
      /** Of the node: it ends with its life. */
      readonly clock: Clock
      /** Of the chain, which goes on without the node. */
      readonly worldClock: Clock
      readonly random: SeededRandom
      /** Told of each transaction and what became of it. */
      readonly tell: (what: string) => void
    },
    faults: () => ChainFaults,
  ) {
    this.identity = components.inner.identity
    this.account = components.inner.account
    this.#inner = components.inner
    this.#clock = components.clock
    this.#worldClock = components.worldClock
    this.#random = components.random
    this.#tell = components.tell
    this.#faults = faults
  }

  /** What the economy's ports go through. */
  get endpoint(): ChainEndpoint {
    return { ask: (ask) => this.#ask(ask), transact: (what, send) => this.#transact(what, send) }
  }

  start(): Promise<void> {
    return this.#inner.start()
  }

  stop(): Promise<void> {
    return this.#inner.stop()
  }

  blockTime(): Promise<UnixMs> {
    return this.#ask(() => this.#inner.blockTime())
  }

  balances(account: Address): Promise<Balances> {
    return this.#ask(() => this.#inner.balances(account))
  }

  gasPrice(): Promise<Wei> {
    return this.#ask(() => this.#inner.gasPrice())
  }

  escrowTerms(): ReturnType<Chain['escrowTerms']> {
    return this.#inner.escrowTerms()
  }

  purse(id: Hash): Promise<PurseState | undefined> {
    return this.#ask(() => this.#inner.purse(id))
  }

  voucherSignerOf(channel: Hash): Promise<Address | undefined> {
    return this.#ask(() => this.#inner.voucherSignerOf(channel))
  }

  claimedMicroUsd(channel: Hash): Promise<MicroUsd> {
    return this.#ask(() => this.#inner.claimedMicroUsd(channel))
  }

  claimsOf(
    channels: readonly ChannelShareOnChain[],
  ): Promise<readonly (ClaimedChannel & { readonly transaction: Hash })[]> {
    return this.#ask(() => this.#inner.claimsOf(channels))
  }

  transaction(id: Hash): Promise<TransactionOutcome | undefined> {
    return this.#ask(() => this.#inner.transaction(id))
  }

  owedMicroUsd(operator: Address): Promise<MicroUsd> {
    return this.#ask(() => this.#inner.owedMicroUsd(operator))
  }

  operatorOf(node: Address): Promise<Address | undefined> {
    return this.#ask(() => this.#inner.operatorOf(node))
  }

  fund(request: FundRequest): Promise<TransactionOutcome & { readonly purse: Hash }> {
    return this.#transact(`locks ${request.totalMicroUsd} micro-dollars in ${this.#purseOf(request)}`, () =>
      this.#inner.fund(request),
    )
  }

  claim(claims: readonly ChannelClaim[]): Promise<ClaimOutcome> {
    return this.#transact(claims.map(claimText).join(', '), () => this.#inner.claim(claims))
  }

  payout(operator: Address): Promise<TransactionOutcome> {
    return this.#transact(`pays out ${operator}`, () => this.#inner.payout(operator))
  }

  thaw(purse: Hash): Promise<TransactionOutcome & { readonly endsAt: UnixMs }> {
    return this.#transact(`thaws ${purse}`, () => this.#inner.thaw(purse))
  }

  close(purse: Hash): Promise<TransactionOutcome & { readonly refundMicroUsd: MicroUsd }> {
    return this.#transact(`closes ${purse}`, () => this.#inner.close(purse))
  }

  /** What happens while the endpoint is away or behind is told when it is back, as the real adapter does. */
  watchThaws(callback: (purse: Hash, endsAt: UnixMs) => void): () => void {
    let isOver = false
    const tell = async (purse: Hash, endsAt: UnixMs): Promise<void> => {
      while (!isOver && (await this.#isHidden(purse))) await this.#clock.sleep(RETRY_MS)
      if (!isOver) callback(purse, endsAt)
    }
    const unwatch = this.#inner.watchThaws((purse, endsAt) => {
      const { isDown, isBehind } = this.#faults()
      if (isDown || isBehind) void tell(purse, endsAt)
      else callback(purse, endsAt)
    })
    return () => {
      isOver = true
      unwatch()
    }
  }

  /** The thaw of a purse cannot be seen now. */
  async #isHidden(purse: Hash): Promise<boolean> {
    const { isDown, isBehind } = this.#faults()
    return isDown || (isBehind && (await this.#inner.purse(purse))?.thawEndsAt === undefined)
  }

  async #ask<Value>(ask: () => Promise<Value>): Promise<Value> {
    await this.#travel()
    this.#checkReachable('the endpoint does not answer')
    return await ask()
  }

  async #transact<Value extends TransactionOutcome>(what: string, send: () => Promise<Value>): Promise<Value> {
    try {
      const outcome = await this.#sent(send)
      this.#tell(`chain: ${what} => block ${outcome.blockNumber}`)
      return outcome
    } catch (error) {
      this.#tell(`chain: ${what} => ${isSteadError(error) ? error.code : 'a fault of its own'}`)
      throw error
    }
  }

  /**
   * The chain takes it after a while, also when its sender has died by then; the answer takes its own way back, and may
   * be lost on it.
   */
  async #sent<Value extends TransactionOutcome>(send: () => Promise<Value>): Promise<Value> {
    await this.#travel()
    this.#checkReachable('the endpoint does not take the transaction')
    await this.#worldClock.sleep(this.#faults().blockMsMax * this.#random.fraction())
    const outcome = await send()
    await this.#travel()
    await this.#seen(outcome)
    this.#checkReachable('the transaction was taken, and the answer lost')
    return outcome
  }

  #purseOf(request: FundRequest): Hash {
    return purseIdOf(this.identity, { ...request, payer: this.account })
  }

  /** Who sends waits until its endpoint shows the transaction; another fork may undo it meanwhile. */
  async #seen({ transaction }: TransactionOutcome): Promise<void> {
    for (let waitedMs = 0; this.#faults().isBehind && waitedMs < RECEIPT_MS_MAX; waitedMs += RETRY_MS) {
      if ((await this.#inner.transaction(transaction)) !== undefined) return
      await this.#clock.sleep(RETRY_MS)
    }
  }

  async #travel(): Promise<void> {
    // Always on the clock of the node: for one that died meanwhile it never ends, as a dead process learns nothing.
    await this.#clock.sleep(this.#faults().answerMsMax * this.#random.fraction())
  }

  #checkReachable(what: string): void {
    const { isDown, lostShare } = this.#faults()
    if (isDown || (lostShare > 0 && this.#random.fraction() < lostShare)) throw chainRefusal('CHAIN_UNREACHABLE', what)
  }
}

function claimText(claim: ChannelClaim): string {
  return `claims up to ${claim.cumulativeMicroUsd} micro-dollars on ${channelIdOf(claim)}`
}

const RETRY_MS = 1000
const RECEIPT_MS_MAX = 60_000
