import type { Address, BlockSpan, EventPlace } from '@stead/core'
import * as AbiEvent from 'ox/AbiEvent'
import * as AbiFunction from 'ox/AbiFunction'
import { addressAnswer } from './answer.ts'
import type { ChainLog, LogFilter } from './chain-rpc.ts'
import { fromLog } from './contract-events.ts'
import { balanceRead, type ContractRead, question } from './contract-reads.ts'
import { steadTokenAbi } from './generated/stead-token.ts'

const transfer = AbiEvent.fromAbi(steadTokenAbi, 'Transfer')
const TRANSFER_TOPIC = AbiEvent.getSelector(transfer)
const totalSupply = AbiFunction.fromAbi(steadTokenAbi, 'totalSupply')

/** Where tokens come from when they are made, and go to when they are burned. */
export const NOBODY = '0x0000000000000000000000000000000000000000' as Address

/** Units of a token that went from one account to another; from or to {@link NOBODY} they were made or burned. */
export interface TokenTransfer extends EventPlace {
  readonly from: Address
  readonly to: Address
  readonly units: bigint
}

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
    return logs.map((log) =>
      fromLog(log, (parts) => {
        const { from, to, value } = AbiEvent.decode(transfer, parts)
        const { blockNumber, logIndex, transaction } = log
        return {
          ...{ blockNumber, logIndex, transaction },
          from: addressAnswer(from, 'Transfer.from'),
          to: addressAnswer(to, 'Transfer.to'),
          units: value,
        }
      }),
    )
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
