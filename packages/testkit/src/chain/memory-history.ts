import type {
  BlockMark,
  BlockSpan,
  ClaimBatch,
  EconomyHistory,
  FinalRoot,
  LotSold,
  NodeBonded,
  ProgramChanged,
  ProgramSponsored,
} from '@stead/core'
import { chainRefusal } from './chain-refusal.ts'
import type { EventBook } from './economy/event-book.ts'
import type { LedgerView } from './ledger-view.ts'

/** The EconomyHistory port over a {@link MemoryLedger}; made by `MemoryChain.history()`. */
export class MemoryHistory implements EconomyHistory {
  readonly firstBlock = 0
  readonly #read: () => Promise<LedgerView>

  /** @param read Gives what the endpoint shows, or throws why it cannot be had. */
  constructor(read: () => Promise<LedgerView>) {
    this.#read = read
  }

  async head(): Promise<BlockMark> {
    return (await this.#read()).blocks.head
  }

  async block(number: number): Promise<BlockMark> {
    return (await this.#read()).blocks.block(number)
  }

  async claims(span: BlockSpan): Promise<readonly ClaimBatch[]> {
    const claims = (await this.#events(span)).of('claims', span)
    return claims.map(({ transaction: _, ...claim }) => claim)
  }

  async sales(span: BlockSpan): Promise<readonly LotSold[]> {
    const lots = (await this.#events(span)).of('lots', span)
    return lots.map(({ blockNumber, lastEpoch, feesMicroUsd, burnedTokenUnits }) => {
      return { blockNumber, lastEpoch, feesMicroUsd, burnedTokenUnits }
    })
  }

  async bonds(span: BlockSpan): Promise<readonly NodeBonded[]> {
    const bonds = (await this.#events(span)).of('bonds', span)
    return bonds.map(({ blockNumber, node, operator }) => ({ blockNumber, node, operator }))
  }

  async programs(span: BlockSpan): Promise<readonly ProgramChanged[]> {
    const changes = (await this.#events(span)).of('programs', span)
    return changes.map(({ blockNumber, program, source, isEnabled }) => ({ blockNumber, program, source, isEnabled }))
  }

  async sponsorships(span: BlockSpan): Promise<readonly ProgramSponsored[]> {
    const given = (await this.#events(span)).of('sponsorships', span)
    return given.map(({ blockNumber, program, amountMicroUsd }) => ({ blockNumber, program, amountMicroUsd }))
  }

  async finalRoots(span: BlockSpan): Promise<readonly FinalRoot[]> {
    const roots = (await this.#events(span)).of('final', span)
    return roots.map(({ epoch, root, evidence }) => ({ epoch, root, evidence }))
  }

  /** As the real adapter: blocks that are not there are no blocks without events. */
  async #events(span: BlockSpan): Promise<EventBook> {
    const { blocks, state } = await this.#read()
    const { number: haveBlock } = blocks.head
    if (span.toBlock >= span.fromBlock && haveBlock < span.toBlock) {
      throw chainRefusal('CHAIN_BAD_ANSWER', `the simulated chain has ${haveBlock} blocks, need ${span.toBlock}`, {
        needBlock: span.toBlock,
        haveBlock,
      })
    }
    return state.contracts.events
  }
}
