import type { Address, BlockMark, Hash } from '@stead/core'
import {
  addressAnswer,
  dataAnswer,
  type Hex,
  hashAnswer,
  listAnswer,
  numberAnswer,
  quantityAnswer,
  recordAnswer,
  unixMs,
} from './answer.ts'
import { ChainError } from './errors.ts'
import { type JsonRpc, RpcRefusalError } from './json-rpc.ts'
import { refusalError } from './refusal.ts'

/** The head of the chain. */
export interface Block {
  readonly number: number
  readonly timestampSeconds: number
  /** Undefined on a chain without EIP-1559. */
  readonly baseFeeWei: bigint | undefined
}

/** An event as the chain recorded it. */
export interface ChainLog {
  readonly contract: Address
  readonly topics: readonly Hex[]
  readonly data: Hex
  readonly transaction: Hash
  readonly blockNumber: number
  /** Place among all events of its block. */
  readonly logIndex: number
}

/** What became of a mined transaction. */
export interface Receipt {
  readonly transaction: Hash
  readonly blockNumber: number
  readonly isSuccess: boolean
  readonly gasUsed: bigint
  readonly gasPriceWei: bigint
  /** Set when the transaction created a contract. */
  readonly created: Address | undefined
  readonly logs: readonly ChainLog[]
}

/** What a call runs. */
export interface CallRequest {
  readonly from?: Address
  /** Missing for the creation of a contract. */
  readonly to?: Address
  readonly data: Hex
  readonly valueWei?: bigint
}

/** Which events to look for. */
export interface LogFilter {
  readonly contract: Address
  /** By place: one topic, any of some, or anything. */
  readonly topics: readonly (Hex | readonly Hex[] | null)[]
  readonly fromBlock: number
  readonly toBlock: number
}

const toQuantity = (value: bigint | number): Hex => `0x${value.toString(16)}`

function callParameters(call: CallRequest): Record<string, string> {
  return {
    ...(call.from === undefined ? {} : { from: call.from }),
    ...(call.to === undefined ? {} : { to: call.to }),
    ...(call.valueWei === undefined ? {} : { value: toQuantity(call.valueWei) }),
    data: call.data,
  }
}

function logOf(value: unknown): ChainLog {
  const log = recordAnswer(value, 'log')
  return {
    contract: addressAnswer(log.address, 'log.address'),
    topics: listAnswer(log.topics, 'log.topics').map((topic) => hashAnswer(topic, 'log.topics')),
    data: dataAnswer(log.data, 'log.data'),
    transaction: hashAnswer(log.transactionHash, 'log.transactionHash'),
    blockNumber: numberAnswer(log.blockNumber, 'log.blockNumber'),
    logIndex: numberAnswer(log.logIndex, 'log.logIndex'),
  }
}

/** The chain's questions and answers, typed and checked: nothing of an endpoint is believed to have the right shape. */
export class ChainRpc {
  readonly #rpc: JsonRpc

  constructor(rpc: JsonRpc) {
    this.#rpc = rpc
  }

  get endpoint(): string {
    return this.#rpc.endpoint
  }

  async chainId(): Promise<number> {
    return numberAnswer(await this.#ask('eth_chainId', []), 'eth_chainId')
  }

  async blockNumber(): Promise<number> {
    return numberAnswer(await this.#ask('eth_blockNumber', []), 'eth_blockNumber')
  }

  async latestBlock(): Promise<Block> {
    const block = recordAnswer(await this.#ask('eth_getBlockByNumber', ['latest', false]), 'block')
    return {
      number: numberAnswer(block.number, 'block.number'),
      timestampSeconds: numberAnswer(block.timestamp, 'block.timestamp'),
      baseFeeWei:
        block.baseFeePerGas === undefined ? undefined : quantityAnswer(block.baseFeePerGas, 'block.baseFeePerGas'),
    }
  }

  /** A block's place. @throws ChainError CHAIN_BAD_ANSWER for a block that the endpoint does not have */
  async blockMark(number: 'latest' | number): Promise<BlockMark> {
    const tag = number === 'latest' ? number : toQuantity(number)
    const block = recordAnswer(await this.#ask('eth_getBlockByNumber', [tag, false]), 'block')
    return {
      number: numberAnswer(block.number, 'block.number'),
      hash: hashAnswer(block.hash, 'block.hash'),
      at: unixMs(quantityAnswer(block.timestamp, 'block.timestamp')),
    }
  }

  async gasPriceWei(): Promise<bigint> {
    return quantityAnswer(await this.#ask('eth_gasPrice', []), 'eth_gasPrice')
  }

  /** What to offer the block's maker per gas; undefined where the endpoint has no opinion. */
  async priorityFeeWei(): Promise<bigint | undefined> {
    try {
      return quantityAnswer(await this.#rpc.call('eth_maxPriorityFeePerGas', []), 'eth_maxPriorityFeePerGas')
    } catch (error) {
      if (error instanceof RpcRefusalError) return undefined
      throw error
    }
  }

  async balanceWei(account: Address): Promise<bigint> {
    return quantityAnswer(await this.#ask('eth_getBalance', [account, 'latest']), 'eth_getBalance')
  }

  /** Transactions of an account that blocks have taken, or with `pending` also those that wait. */
  async transactionCount(account: Address, tag: 'latest' | 'pending'): Promise<number> {
    return numberAnswer(await this.#ask('eth_getTransactionCount', [account, tag]), 'eth_getTransactionCount')
  }

  async hasCode(contract: Address): Promise<boolean> {
    return dataAnswer(await this.#ask('eth_getCode', [contract, 'latest']), 'eth_getCode').length > 2
  }

  /** Runs a call without a transaction. @throws ChainError CHAIN_REVERTED and those of every request */
  async call(call: CallRequest, block: 'latest' | number = 'latest'): Promise<Hex> {
    const tag = block === 'latest' ? block : toQuantity(block)
    return dataAnswer(await this.#ask('eth_call', [callParameters(call), tag]), 'eth_call')
  }

  /** Gas that a transaction would take now. @throws ChainError CHAIN_REVERTED and those of every request */
  async estimateGas(call: CallRequest): Promise<bigint> {
    return quantityAnswer(await this.#ask('eth_estimateGas', [callParameters(call)]), 'eth_estimateGas')
  }

  /** Hands in a signed transaction. @throws RpcRefusalError when the endpoint does not take it */
  async sendRaw(transaction: Hex): Promise<Hash> {
    return hashAnswer(await this.#rpc.call('eth_sendRawTransaction', [transaction]), 'eth_sendRawTransaction')
  }

  /** Undefined until a block has taken the transaction. */
  async receipt(transaction: Hash): Promise<Receipt | undefined> {
    const value = await this.#ask('eth_getTransactionReceipt', [transaction])
    if (value === null) return undefined
    const receipt = recordAnswer(value, 'receipt')
    return {
      transaction: hashAnswer(receipt.transactionHash, 'receipt.transactionHash'),
      blockNumber: numberAnswer(receipt.blockNumber, 'receipt.blockNumber'),
      isSuccess: quantityAnswer(receipt.status, 'receipt.status') === 1n,
      gasUsed: quantityAnswer(receipt.gasUsed, 'receipt.gasUsed'),
      gasPriceWei: quantityAnswer(receipt.effectiveGasPrice, 'receipt.effectiveGasPrice'),
      created:
        typeof receipt.contractAddress === 'string'
          ? addressAnswer(receipt.contractAddress, 'receipt.contractAddress')
          : undefined,
      logs: listAnswer(receipt.logs, 'receipt.logs').map(logOf),
    }
  }

  /** Events of one span of blocks, oldest first. An endpoint that sends others than were asked for is refused. */
  async logs(filter: LogFilter): Promise<readonly ChainLog[]> {
    const parameters = {
      address: filter.contract,
      topics: filter.topics,
      fromBlock: toQuantity(filter.fromBlock),
      toBlock: toQuantity(filter.toBlock),
    }
    const logs = listAnswer(await this.#ask('eth_getLogs', [parameters]), 'eth_getLogs').map(logOf)
    const isAsked = (log: ChainLog): boolean =>
      log.contract === filter.contract &&
      log.blockNumber >= filter.fromBlock &&
      log.blockNumber <= filter.toBlock &&
      filter.topics.every((topic, index) => topic === null || [topic].flat().includes(log.topics[index] ?? '0x'))
    if (!logs.every(isAsked))
      throw new ChainError(
        'CHAIN_BAD_ANSWER',
        `the RPC endpoint ${this.endpoint} sent events that were not asked for`,
        {
          details: { endpoint: this.endpoint },
        },
      )
    return logs
  }

  /** A method that only development chains have. @throws ChainError as every request */
  development(method: string, parameters: readonly unknown[]): Promise<unknown> {
    return this.#ask(method, parameters)
  }

  async #ask(method: string, parameters: readonly unknown[]): Promise<unknown> {
    try {
      return await this.#rpc.call(method, parameters)
    } catch (error) {
      if (error instanceof RpcRefusalError) throw refusalError(error, this.#rpc.endpoint)
      throw error
    }
  }
}
