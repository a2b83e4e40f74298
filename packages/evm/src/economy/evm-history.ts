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
import type { ChainRpc } from '../chain-rpc.ts'
import { ChainError } from '../errors.ts'
import * as events from './economy-events.ts'
import type { EventReader } from './event-reader.ts'

/** How the chain adapter reads. */
interface HistoryLink {
  readonly rpc: () => ChainRpc
  readonly events: EventReader
}

/** The EconomyHistory port over events; made by `EvmChain.history()`. Throws what the chain adapter throws. */
export class EvmHistory implements EconomyHistory {
  readonly firstBlock: number
  readonly #link: HistoryLink

  constructor(link: HistoryLink, options: { readonly deployedAtBlock: number }) {
    this.#link = link
    this.firstBlock = options.deployedAtBlock
  }

  async head(): Promise<BlockMark> {
    return await this.#link.rpc().blockMark('latest')
  }

  async block(number: number): Promise<BlockMark> {
    return await this.#link.rpc().blockMark(number)
  }

  async claims(span: BlockSpan): Promise<readonly ClaimBatch[]> {
    return (await this.#read(events.claimsEvent, span)).filter((claims) => claims !== undefined)
  }

  sales(span: BlockSpan): Promise<readonly LotSold[]> {
    return this.#read(events.lotBoughtEvent, span)
  }

  bonds(span: BlockSpan): Promise<readonly NodeBonded[]> {
    return this.#read(events.bondedEvent, span)
  }

  programs(span: BlockSpan): Promise<readonly ProgramChanged[]> {
    return this.#read(events.programChangedEvent, span)
  }

  sponsorships(span: BlockSpan): Promise<readonly ProgramSponsored[]> {
    return this.#read(events.sponsoredEvent, span)
  }

  async finalRoots(span: BlockSpan): Promise<readonly FinalRoot[]> {
    const found = await this.#read(events.rootFinalEvent, span)
    return found.map(({ epoch, root, evidence }) => ({ epoch, root, evidence }))
  }

  async #read<Value>(event: events.EconomyEvent<Value>, span: BlockSpan): Promise<readonly Value[]> {
    if (span.toBlock < span.fromBlock) return []
    const { number: head } = await this.head()
    // An endpoint that is behind would answer with fewer events, not with a fault.
    if (head < span.toBlock) {
      throw new ChainError('CHAIN_BAD_ANSWER', `the RPC endpoint has ${head} blocks, need ${span.toBlock}`, {
        details: { needBlock: span.toBlock, haveBlock: head },
      })
    }
    return await this.#link.events.read(event, span)
  }
}
