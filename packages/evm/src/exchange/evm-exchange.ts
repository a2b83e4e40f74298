import {
  type Address,
  type Exchange,
  microUsd,
  type PoolState,
  type SwapDirection,
  type SwapQuote,
  type SwapRequest,
  type TransactionOutcome,
} from '@stead/core'
import * as AbiFunction from 'ox/AbiFunction'
import { addressAnswer } from '../answer.ts'
import type { Receipt } from '../chain-rpc.ts'
import { approveData } from '../contract-calls.ts'
import { allowanceRead, balanceRead, type ContractRead, question } from '../contract-reads.ts'
import { ChainError } from '../errors.ts'
import { insufficientFunds } from '../insufficient-funds.ts'
import { receivedOf } from '../token-transfers.ts'
import type { SendRequest } from '../transaction-sender.ts'
import { costOfSwap, quoteSwap } from './constant-product.ts'

const parsed = AbiFunction.from
const getReserves = parsed('function getReserves() view returns (uint112 first, uint112 second, uint32 at)')
const token0 = parsed('function token0() view returns (address)')
const swapExact = parsed(
  'function swapExactTokensForTokens(uint256 amountIn, uint256 least, address[] path, address to, uint256 deadline) returns (uint256[])',
)

/** The exchange's part of an address book, and the token. */
export interface ExchangeContracts {
  readonly token: Address
  readonly exchangeRouter: Address
  readonly exchangePair: Address
}

/** How the chain adapter reads and sends; the receipt says what a swap really brought. */
export interface ExchangeLink {
  readonly read: <Value>(contract: Address, question: ContractRead<Value>) => Promise<Value>
  readonly send: (
    kind: string,
    request: SendRequest,
  ) => Promise<{ readonly outcome: TransactionOutcome; readonly receipt: Receipt }>
}

interface Places extends ExchangeContracts {
  readonly account: Address
  readonly dollar: Address
}

/** The Exchange port over the Uniswap v2 pair of an address book; made by `EvmChain.exchange()`. */
export class EvmExchange implements Exchange {
  readonly #link: ExchangeLink
  readonly #places: Places

  constructor(link: ExchangeLink, places: Places) {
    this.#link = link
    this.#places = places
  }

  async pool(): Promise<PoolState> {
    const { exchangePair, token } = this.#places
    const [reserves, first] = await Promise.all([
      this.#link.read(exchangePair, reservesRead),
      this.#link.read(exchangePair, firstTokenRead),
    ])
    const [tokenUnits, dollars] = first === token ? reserves : ([reserves[1], reserves[0]] as const)
    return { tokenUnits, dollarMicroUsd: microUsd(dollars) }
  }

  async quote(direction: SwapDirection, amountIn: bigint): Promise<SwapQuote> {
    return quoteSwap(await this.pool(), direction, amountIn)
  }

  async costOf(direction: SwapDirection, amountOut: bigint): Promise<bigint | undefined> {
    return costOfSwap(await this.pool(), direction, amountOut)
  }

  async swap(request: SwapRequest): Promise<TransactionOutcome & { readonly amountOut: bigint }> {
    const { account, exchangePair, exchangeRouter, token, dollar } = this.#places
    const { amountIn, minimumOut, deadline } = request
    const [from, to] = request.direction === 'dollars-to-tokens' ? [dollar, token] : [token, dollar]
    await this.#checkBalance(from, amountIn)
    // Before anything is paid for: the endpoint would only say that the router refused.
    const { amountOut } = await this.quote(request.direction, amountIn)
    if (amountOut < minimumOut) throw priceMoved(minimumOut, amountOut)
    await this.#approve(from, amountIn)
    const args = [amountIn, minimumOut, [from, to], account, BigInt(Math.floor(deadline / 1000))] as const
    const data = AbiFunction.encodeData(swapExact, [...args])
    const { outcome, receipt } = await this.#link.send('swap', { to: exchangeRouter, data, doing: 'the swap' })
    return { ...outcome, amountOut: receivedOf(receipt, { token: to, from: exchangePair, to: account }) }
  }

  async #checkBalance(from: Address, need: bigint): Promise<void> {
    const { account, dollar } = this.#places
    const have = await this.#link.read(from, balanceRead(account))
    if (have >= need) return
    throw insufficientFunds({ account, currency: from === dollar ? 'dollars' : 'tokens', need, have })
  }

  /** Exact amounts: the router may never draw more than this swap. */
  async #approve(from: Address, amount: bigint): Promise<void> {
    const { account, exchangeRouter } = this.#places
    if ((await this.#link.read(from, allowanceRead(account, exchangeRouter))) >= amount) return
    await this.#link.send('approve', { to: from, data: approveData(exchangeRouter, amount), doing: 'the approval' })
  }
}

const reservesRead: ContractRead<readonly [bigint, bigint]> = question(
  'getReserves',
  AbiFunction.encodeData(getReserves),
  (answer) => {
    const [first, second] = AbiFunction.decodeResult(getReserves, answer)
    return [first, second]
  },
)

const firstTokenRead: ContractRead<Address> = question('token0', AbiFunction.encodeData(token0), (answer) =>
  addressAnswer(AbiFunction.decodeResult(token0, answer), 'token0'),
)

function priceMoved(needOut: bigint, haveOut: bigint): ChainError {
  const sentence = `the pool gives ${haveOut} units now, at least ${needOut} were asked for`
  return new ChainError('CHAIN_PRICE_MOVED', sentence, { details: { needOut, haveOut } })
}
