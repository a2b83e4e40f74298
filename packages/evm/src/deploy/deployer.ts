import type { Address, Logger } from '@stead/core'
import * as ContractAddress from 'ox/ContractAddress'
import { addressAnswer, type Hex } from '../answer.ts'
import type { ChainRpc } from '../chain-rpc.ts'
import { ChainError } from '../errors.ts'
import type { TransactionSender } from '../transaction-sender.ts'

/** Creates contracts one after the other, and knows beforehand where each will be. */
export class Deployer {
  readonly account: Address
  readonly #components: { readonly rpc: ChainRpc; readonly sender: TransactionSender; readonly logger: Logger }

  constructor(
    components: { readonly rpc: ChainRpc; readonly sender: TransactionSender; readonly logger: Logger },
    account: Address,
  ) {
    this.#components = components
    this.account = account
  }

  /** Where the account's next `count` creations will be, when nothing else is sent meanwhile. */
  async addressesOfNext(count: number): Promise<readonly Address[]> {
    const nonce = await this.#components.rpc.transactionCount(this.account, 'latest')
    return Array.from({ length: count }, (_, index) =>
      addressAnswer(ContractAddress.fromCreate({ from: this.account, nonce: BigInt(nonce + index) }), 'create'),
    )
  }

  /** @param expected Where it must be, because other contracts were told so. @throws ChainError CHAIN_BAD_ANSWER */
  async create(name: string, data: Hex, expected?: Address): Promise<Address> {
    const { sender, logger } = this.#components
    const receipt = await sender.send({ data, doing: `the deployment of ${name}` })
    if (receipt.created === undefined)
      throw new ChainError('CHAIN_BAD_ANSWER', `the receipt of ${receipt.transaction} names no contract`)
    if (expected !== undefined && receipt.created !== expected)
      throw new ChainError('CHAIN_BAD_ANSWER', `${name} is at ${receipt.created}, not at ${expected}`, {
        details: { name, have: receipt.created, need: expected },
        next: 'Use an account that sends nothing else while it deploys, and deploy again.',
      })
    logger.info('contract deployed', { name, contract: receipt.created, gasUsed: receipt.gasUsed })
    return receipt.created
  }

  /** Calls a contract. @throws ChainError as every transaction */
  async call(to: Address, data: Hex, doing: string): Promise<void> {
    await this.#components.sender.send({ to, data, doing })
  }
}
