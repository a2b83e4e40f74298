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
  CoreError,
  type Counter,
  type FundRequest,
  type Hash,
  hasCode,
  type Logger,
  type Metrics,
  type MicroUsd,
  type PurseState,
  type Signer,
  type TransactionOutcome,
  type UnixMs,
  type Wei,
} from '@stead/core'
import { channelIdOf, purseIdOf } from '@stead/protocol'
import { type Hex, unixMs } from './answer.ts'
import { type ChainLog, ChainRpc, type LogFilter, type Receipt } from './chain-rpc.ts'
import { approveData, claimData, closeData, fundData, payoutData, thawData } from './contract-calls.ts'
import { addressTopic, claimedOf, eventTopics, refundOf, thawOf } from './contract-events.ts'
import {
  allowanceRead,
  balanceRead,
  type ContractRead,
  claimedRead,
  feeBpsRead,
  operatorOfRead,
  owedRead,
  purseRead,
  thawSecondsRead,
  tokenRead,
  voucherSignerRead,
} from './contract-reads.ts'
import type { EventReader } from './economy/event-reader.ts'
import type { EconomyContracts, EvmEconomy } from './economy/evm-economy.ts'
import type { EvmHistory } from './economy/evm-history.ts'
import type { EvmLedger } from './economy/evm-ledger.ts'
import { ChainError } from './errors.ts'
import type { EvmExchange, ExchangeContracts } from './exchange/evm-exchange.ts'
import { Exclusive } from './exclusive.ts'
import { JsonRpc } from './json-rpc.ts'
import { searchLogs } from './log-search.ts'
import { type EvmInput, type EvmOptions, evmOptionsSchema } from './options.ts'
import type { EvmPossession, PossessionContracts } from './possession/evm-possession.ts'
import { ThawWatch } from './thaw-watch.ts'
import type { TokenBook } from './token-book.ts'
import { type SendRequest, TransactionSender } from './transaction-sender.ts'

/** Most claims in one transaction: with the longest branches they stay under half a block of 30 million gas. */
export const CLAIMS_PER_TRANSACTION_MAX: number = 100
const UNLIMITED = (1n << 256n) - 1n

/** What the chain adapter needs from its surroundings. */
export interface EvmComponents {
  readonly logger: Logger
  readonly metrics: Metrics
  readonly clock: Clock
  /** The account that sends transactions and pays for gas. */
  readonly signer: Signer
}

interface EscrowTerms {
  readonly feeBps: number
  readonly thawSeconds: number
}

/**
 * The Chain port over any EVM chain that answers JSON-RPC and knows EIP-1559. The economy's parts are loaded when they are
 * asked for: a node that only pays or is paid has no use for their contracts' interfaces.
 */
export class EvmChain implements Chain {
  readonly identity: ChainIdentity
  readonly account: Address
  readonly #components: EvmComponents
  readonly #options: EvmOptions
  readonly #jsonRpc: JsonRpc
  readonly #rpc: ChainRpc
  readonly #sender: TransactionSender
  readonly #watch: ThawWatch
  readonly #stopped: AbortController = new AbortController()
  readonly #funding: Exclusive = new Exclusive()
  readonly #sent: Counter
  #terms: EscrowTerms | undefined

  /** @throws ZodError for wrong options */
  constructor(components: EvmComponents, input: EvmInput) {
    const options = evmOptionsSchema.parse(input)
    const { clock, logger, signer } = components
    this.#components = components
    this.#options = options
    this.identity = options.identity
    this.account = signer.address
    this.#jsonRpc = new JsonRpc({ clock }, options)
    this.#rpc = new ChainRpc(this.#jsonRpc)
    this.#sender = new TransactionSender(
      { rpc: this.#rpc, clock, logger, signer, stopped: this.#stopped.signal },
      { ...options, chainId: options.identity.chainId },
    )
    this.#watch = new ThawWatch({ rpc: this.#rpc, clock, logger }, { ...options, escrow: options.identity.escrow })
    this.#sent = components.metrics.counter('stead_chain_transactions_total', 'Transactions by what they did', ['kind'])
  }

  /**
   * Checks that the endpoint serves the right chain and that our contracts are there.
   * @throws ChainError CHAIN_UNREACHABLE, CHAIN_WRONG_ID, CHAIN_WRONG_CONTRACT and those of every request
   */
  async start(): Promise<void> {
    const { chainId, escrow, stake, dollar } = this.identity
    const haveChainId = await this.#rpc.chainId()
    if (haveChainId !== chainId)
      throw new ChainError('CHAIN_WRONG_ID', `the chain at ${this.#rpc.endpoint} is ${haveChainId}, need ${chainId}`, {
        details: { needChainId: chainId, haveChainId, endpoint: this.#rpc.endpoint },
      })
    for (const [name, contract] of Object.entries({ escrow, stake, dollar })) {
      if (await this.#rpc.hasCode(contract)) continue
      throw new ChainError('CHAIN_WRONG_CONTRACT', `no contract is at ${contract} on chain ${chainId}, need ${name}`, {
        details: { contract, name, chainId },
      })
    }
    const [token, feeBps, thawSeconds, head] = await Promise.all([
      this.#read(escrow, tokenRead()),
      this.#read(escrow, feeBpsRead()),
      this.#read(escrow, thawSecondsRead()),
      this.#rpc.blockNumber(),
    ])
    if (token !== dollar)
      throw new ChainError('CHAIN_WRONG_CONTRACT', `the escrow ${escrow} settles in ${token}, not in ${dollar}`, {
        details: { contract: escrow, haveDollar: token, needDollar: dollar },
      })
    this.#terms = { feeBps, thawSeconds }
    this.#watch.start(head)
    this.#components.logger.info('chain connected', { chainId, endpoint: this.#rpc.endpoint, block: head })
  }

  async stop(): Promise<void> {
    this.#watch.stop()
    this.#stopped.abort()
    this.#jsonRpc.stop()
  }

  async blockTime(): Promise<UnixMs> {
    return unixMs((await this.#started().latestBlock()).timestampSeconds)
  }

  async balances(account: Address): Promise<Balances> {
    const [dollarMicroUsd, gasWei] = await Promise.all([
      this.#read(this.identity.dollar, balanceRead(account)),
      this.#started().balanceWei(account),
    ])
    return { dollarMicroUsd, gasWei: gasWei as Wei }
  }

  async gasPrice(): Promise<Wei> {
    return (await this.#started().gasPriceWei()) as Wei
  }

  async escrowTerms(): Promise<EscrowTerms> {
    this.#started()
    if (this.#terms === undefined) throw new CoreError('CORE_STOPPED', 'the chain adapter was not started')
    return this.#terms
  }

  /**
   * As it was when the newest block that has enough confirmations was made: who works for a purse must not lose it to
   * another fork.
   */
  async purse(id: Hash): Promise<PurseState | undefined> {
    const { confirmations, deployedAtBlock } = this.#options
    if (confirmations === 1) return this.#purseNow(id)
    const head = await this.#started().blockNumber()
    return this.#read(this.identity.escrow, purseRead(id), Math.max(deployedAtBlock, head + 1 - confirmations))
  }

  claimedMicroUsd(channel: Hash): Promise<MicroUsd> {
    return this.#read(this.identity.escrow, claimedRead(channel))
  }

  voucherSignerOf(channel: Hash): Promise<Address | undefined> {
    return this.#read(this.identity.escrow, voucherSignerRead(channel))
  }

  owedMicroUsd(operator: Address): Promise<MicroUsd> {
    return this.#read(this.identity.escrow, owedRead(operator))
  }

  operatorOf(node: Address): Promise<Address | undefined> {
    return this.#read(this.identity.stake, operatorOfRead(node))
  }

  /** The Escrow names nodes and operators in its events, not purses: searched by them, then sifted. */
  async claimsOf(
    channels: readonly ChannelShareOnChain[],
  ): Promise<readonly (ClaimedChannel & { readonly transaction: Hash })[]> {
    if (channels.length === 0) return []
    const distinct = (addresses: readonly Address[]): Hex[] => [...new Set(addresses)].map(addressTopic)
    const [nodes, operators] = [channels.map(({ node }) => node), channels.map(({ operator }) => operator)]
    const logs = await this.#search([eventTopics.claimed, distinct(nodes), distinct(operators)])
    const purses = pursesByChannel(channels)
    return logs.flatMap((log) =>
      claimedIn(log, purses).map((channel) => ({ ...channel, transaction: log.transaction })),
    )
  }

  async transaction(id: Hash): Promise<TransactionOutcome | undefined> {
    const receipt = await this.#started().receipt(id)
    return receipt === undefined ? undefined : outcomeOf(receipt)
  }

  /**
   * Asking twice with the same request funds once: the purse's id is its content, and a purse that is already there is
   * answered with the transaction that funded it. So a payer that was killed in between just asks again.
   */
  async fund(request: FundRequest): Promise<TransactionOutcome & { readonly purse: Hash }> {
    const seed = { ...request, payer: this.account }
    const purse = purseIdOf(this.identity, seed)
    return this.#funding.run(async () => {
      const funded = await this.#fundedBefore(purse)
      if (funded !== undefined) return { ...outcomeOf(funded), purse }
      await this.#approve(request.totalMicroUsd)
      const receipt = await this.#fundOnce(request, purse)
      return { ...outcomeOf(receipt), purse }
    })
  }

  /** @throws RangeError for no claims or more than {@link CLAIMS_PER_TRANSACTION_MAX}; else as every transaction */
  async claim(claims: readonly ChannelClaim[]): Promise<ClaimOutcome> {
    if (claims.length === 0 || claims.length > CLAIMS_PER_TRANSACTION_MAX)
      throw new RangeError(`one transaction takes 1 .. ${CLAIMS_PER_TRANSACTION_MAX} claims, not ${claims.length}`)
    const receipt = await this.#send('claim', {
      to: this.identity.escrow,
      data: claimData(claims),
      doing: claims.length === 1 ? 'a claim' : `a batch of ${claims.length} claims`,
    })
    const purses = pursesByChannel(claims)
    const channels = this.#events(receipt, 'claimed').flatMap((log) => claimedIn(log, purses))
    return { ...outcomeOf(receipt), channels }
  }

  async payout(operator: Address): Promise<TransactionOutcome> {
    const request = { to: this.identity.escrow, data: payoutData(operator), doing: `the payout to ${operator}` }
    return outcomeOf(await this.#send('payout', request))
  }

  async thaw(purse: Hash): Promise<TransactionOutcome & { readonly endsAt: UnixMs }> {
    const request = { to: this.identity.escrow, data: thawData(purse), doing: `the thaw of purse ${purse}` }
    const receipt = await this.#send('thaw', request)
    return { ...outcomeOf(receipt), endsAt: thawOf(this.#event(receipt, 'thawing')).endsAt }
  }

  async close(purse: Hash): Promise<TransactionOutcome & { readonly refundMicroUsd: MicroUsd }> {
    const request = { to: this.identity.escrow, data: closeData(purse), doing: `the closing of purse ${purse}` }
    const receipt = await this.#send('close', request)
    return { ...outcomeOf(receipt), refundMicroUsd: refundOf(this.#event(receipt, 'closed')) }
  }

  /** Tells of purses that started to thaw since `start()`; what is thawing already shows in `purse()`. */
  watchThaws(callback: (purse: Hash, endsAt: UnixMs) => void): () => void {
    this.#started()
    return this.#watch.add(callback)
  }

  /** The economy's account book, through the same endpoint. */
  async ledger(contracts: Pick<EconomyContracts, 'rewards'>): Promise<EvmLedger> {
    const { EvmLedger } = await import('./economy/evm-ledger.ts')
    return new EvmLedger(await this.#eventReader(contracts))
  }

  /** The books of any ERC-20, through the same endpoint. */
  async tokenBook(token: Address): Promise<TokenBook> {
    const { TokenBook } = await import('./token-book.ts')
    return new TokenBook(
      {
        read: (contract, question) => this.#read(contract, question),
        search: (filter) => searchLogs(this.#started(), filter, this.#options.logBlocksMax),
      },
      token,
    )
  }

  /** The exchange of token and dollar, through the same endpoint and account. */
  async exchange(contracts: ExchangeContracts): Promise<EvmExchange> {
    const { EvmExchange } = await import('./exchange/evm-exchange.ts')
    return new EvmExchange(
      {
        read: (contract, question) => this.#read(contract, question),
        send: async (kind, request) => {
          const receipt = await this.#send(kind, request)
          return { outcome: outcomeOf(receipt), receipt }
        },
      },
      { account: this.account, dollar: this.identity.dollar, ...contracts },
    )
  }

  /** The economy's contracts, through the same endpoint and account. */
  async economy(contracts: EconomyContracts): Promise<EvmEconomy> {
    const { EvmEconomy } = await import('./economy/evm-economy.ts')
    return new EvmEconomy(
      {
        read: (contract, question) => this.#read(contract, question),
        send: async (kind, request) => outcomeOf(await this.#send(kind, request)),
      },
      { account: this.account, ...this.identity, ...contracts },
    )
  }

  /** The adjudicator of storage proofs, through the same endpoint and account. */
  async possession(contracts: PossessionContracts): Promise<EvmPossession> {
    const { EvmPossession } = await import('./possession/evm-possession.ts')
    return new EvmPossession(
      {
        read: (contract, question) => this.#read(contract, question),
        send: async (kind, request) => {
          const receipt = await this.#send(kind, request)
          return { outcome: outcomeOf(receipt), receipt }
        },
        head: () => this.#started().blockNumber(),
        search: (filter) => searchLogs(this.#started(), filter, this.#options.logBlocksMax),
      },
      { account: this.account, ...contracts },
    )
  }

  /** What the economy's contracts recorded, through the same endpoint. */
  async history(contracts: Pick<EconomyContracts, 'rewards'>): Promise<EvmHistory> {
    const { EvmHistory } = await import('./economy/evm-history.ts')
    const link = { rpc: () => this.#started(), events: await this.#eventReader(contracts) }
    return new EvmHistory(link, this.#options)
  }

  async #eventReader({ rewards }: Pick<EconomyContracts, 'rewards'>): Promise<EventReader> {
    const { EventReader } = await import('./economy/event-reader.ts')
    const { escrow, stake } = this.identity
    const search = (filter: LogFilter) => searchLogs(this.#started(), filter, this.#options.logBlocksMax)
    return new EventReader(search, { escrow, stake, rewards })
  }

  #started(): ChainRpc {
    if (this.#stopped.signal.aborted) throw new CoreError('CORE_STOPPED', 'the chain adapter was stopped')
    return this.#rpc
  }

  #purseNow(id: Hash): Promise<PurseState | undefined> {
    return this.#read(this.identity.escrow, purseRead(id))
  }

  async #read<Value>(
    contract: Address,
    { data, read }: ContractRead<Value>,
    block: 'latest' | number = 'latest',
  ): Promise<Value> {
    try {
      return read(await this.#started().call({ to: contract, data }, block))
    } catch (error) {
      // None of our contracts' questions can revert.
      if (!hasCode(error, 'CHAIN_REVERTED')) throw error
      throw new ChainError('CHAIN_WRONG_CONTRACT', `the contract at ${contract} is not the one that it should be`, {
        details: { contract, chainId: this.identity.chainId },
        cause: error,
      })
    }
  }

  async #send(kind: string, request: SendRequest): Promise<Receipt> {
    this.#started()
    const receipt = await this.#sender.send(request)
    this.#sent.add(1, { kind })
    return receipt
  }

  async #search(topics: LogFilter['topics']): Promise<readonly ChainLog[]> {
    const rpc = this.#started()
    const span = { fromBlock: this.#options.deployedAtBlock, toBlock: await rpc.blockNumber() }
    return searchLogs(rpc, { contract: this.identity.escrow, topics, ...span }, this.#options.logBlocksMax)
  }

  async #fundOnce(request: FundRequest, purse: Hash): Promise<Receipt> {
    const data = fundData(request)
    try {
      return await this.#send('fund', { to: this.identity.escrow, data, doing: 'the funding of a purse' })
    } catch (error) {
      const isThere = hasCode(error, 'CHAIN_REVERTED') && error.details.error === 'PurseExists'
      if (!isThere) throw error
      // An earlier attempt that had timed out is mined, or some endpoints already see it waiting for its block.
      const funded = await this.#awaitFunded(purse)
      if (funded === undefined) throw error
      return funded
    }
  }

  async #awaitFunded(purse: Hash): Promise<Receipt | undefined> {
    const { clock } = this.#components
    const startedMs = clock.monotonicMs()
    let pauseMs = this.#options.receiptPollMinMs
    do {
      const funded = await this.#fundedBefore(purse)
      if (funded !== undefined) return funded
      await clock.sleep(pauseMs, this.#stopped.signal)
      pauseMs = Math.min(pauseMs * 1.5, this.#options.receiptPollMaxMs)
    } while (clock.monotonicMs() - startedMs < this.#options.receiptTimeoutMs)
    return undefined
  }

  async #fundedBefore(purse: Hash): Promise<Receipt | undefined> {
    if ((await this.#purseNow(purse)) === undefined) return undefined
    const [log] = await this.#search([eventTopics.funded, purse])
    return log === undefined ? undefined : this.#rpc.receipt(log.transaction)
  }

  /** Lets the Escrow draw what a funding needs. @throws ChainError CHAIN_INSUFFICIENT_FUNDS */
  async #approve(needMicroUsd: MicroUsd): Promise<void> {
    const { dollar, escrow } = this.identity
    const [haveMicroUsd, allowed] = await Promise.all([
      this.#read(dollar, balanceRead(this.account)),
      this.#read(dollar, allowanceRead(this.account, escrow)),
    ])
    if (haveMicroUsd < needMicroUsd) throw this.#noDollars(needMicroUsd, haveMicroUsd)
    if (allowed >= needMicroUsd) return
    const amount = this.#options.approval === 'exact' ? needMicroUsd : UNLIMITED
    await this.#send('approve', { to: dollar, data: approveData(escrow, amount), doing: 'the approval of dollars' })
  }

  #noDollars(needMicroUsd: MicroUsd, haveMicroUsd: MicroUsd): ChainError {
    const missing = needMicroUsd - haveMicroUsd
    const sentence = `the account ${this.account} needs ${needMicroUsd} micro-dollars, has ${haveMicroUsd}`
    return new ChainError('CHAIN_INSUFFICIENT_FUNDS', sentence, {
      details: { account: this.account, needMicroUsd, haveMicroUsd },
      next: `Send at least ${missing} micro-dollars of the token ${this.identity.dollar} to ${this.account}.`,
    })
  }

  #events(receipt: Receipt, name: keyof typeof eventTopics): readonly ChainLog[] {
    const { escrow } = this.identity
    return receipt.logs.filter((log) => log.contract === escrow && log.topics[0] === eventTopics[name])
  }

  #event(receipt: Receipt, name: keyof typeof eventTopics): ChainLog {
    const [log] = this.#events(receipt, name)
    if (log !== undefined) return log
    throw new ChainError('CHAIN_BAD_ANSWER', `the receipt of ${receipt.transaction} lacks its event`, {
      details: { transaction: receipt.transaction, event: name },
    })
  }
}

function pursesByChannel(channels: readonly ChannelShareOnChain[]): ReadonlyMap<Hash, Hash> {
  return new Map(channels.map((channel) => [channelIdOf(channel), channel.purse]))
}

/** The claims of an event on channels that are known; others share its batch. */
function claimedIn(log: ChainLog, purses: ReadonlyMap<Hash, Hash>): readonly ClaimedChannel[] {
  return claimedOf(log).flatMap((entry) => {
    const purse = purses.get(entry.channel)
    return purse === undefined ? [] : [{ ...entry, purse }]
  })
}

function outcomeOf(receipt: Receipt): TransactionOutcome {
  return {
    transaction: receipt.transaction,
    blockNumber: BigInt(receipt.blockNumber),
    gasUsed: receipt.gasUsed,
    gasCostWei: (receipt.gasUsed * receipt.gasPriceWei) as Wei,
  }
}
