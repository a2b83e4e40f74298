import type { Address, BlockSpan } from '@stead/core'
import * as AbiFunction from 'ox/AbiFunction'
import type { ChainLog, LogFilter } from './chain-rpc.ts'
import { balanceRead, type ContractRead, question } from './contract-reads.ts'
import { steadTokenAbi } from './generated/stead-token.ts'
import { type TokenTransfer, TRANSFER_TOPIC, transferOf } from './token-transfers.ts'

const totalSupply = AbiFunction.fromAbi(steadTokenAbi, 'totalSupply')

/** How the adapter reads and searches. */
export interface TokenLink {
  readonly read: <Value>(contract: Address, question: ContractRead<Value>) => Promise<Value>
  readonly search: (filter: LogFilter) => Promise<readonly ChainLog[]>
}

/** All that an ERC-20 says of itself: what an auditor needs to see that nothing came from nowhere. */
export class TokenBook {
  readonly #link: TokenLink
  readonly #token: Address

  constructor(link: TokenLink, token: Address) {
    this.#link = link
    this.#token = token
  }

  /** All transfers in some blocks, oldest first. */
  async transfers(span: BlockSpan): Promise<readonly TokenTransfer[]> {
    const logs = await this.#link.search({ contract: this.#token, topics: [TRANSFER_TOPIC], ...span })
    return logs.map(transferOf)
  }

  balanceOf(account: Address): Promise<bigint> {
    return this.#link.read(this.#token, balanceRead(account))
  }

  supply(): Promise<bigint> {
    const read = question('totalSupply', AbiFunction.encodeData(totalSupply), (answer) =>
      AbiFunction.decodeResult(totalSupply, answer),
    )
    return this.#link.read(this.#token, read)
  }
}
