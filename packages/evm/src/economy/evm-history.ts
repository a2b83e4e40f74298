import {
  type Address,
  type BlockMark,
  type BlockSpan,
  type ClaimBatch,
  type EconomyHistory,
  type FinalRoot,
  hash,
  type LotSold,
  microUsd,
  type NodeBonded,
  type ProgramChanged,
  type ProgramSponsored,
} from '@stead/core'
import * as AbiEvent from 'ox/AbiEvent'
import { addressAnswer, type Hex } from '../answer.ts'
import type { ChainLog, ChainRpc, LogFilter } from '../chain-rpc.ts'
import { claimedOf, eventTopics, fromLog } from '../contract-events.ts'
import { ChainError } from '../errors.ts'
import { escrowAbi } from '../generated/escrow.ts'
import { rewardsAbi } from '../generated/rewards.ts'
import { stakeAbi } from '../generated/stake.ts'

const lotSold = AbiEvent.fromAbi(escrowAbi, 'LotSold')
const bonded = AbiEvent.fromAbi(stakeAbi, 'Bonded')
const programChanged = AbiEvent.fromAbi(rewardsAbi, 'ProgramChanged')
const sponsored = AbiEvent.fromAbi(rewardsAbi, 'Sponsored')
const rootFinal = AbiEvent.fromAbi(rewardsAbi, 'RootFinal')
const SOURCES = ['none', 'minted', 'sponsored'] as const

/** How the chain adapter reads. */
interface HistoryLink {
  readonly rpc: () => ChainRpc
  readonly search: (filter: LogFilter) => Promise<readonly ChainLog[]>
}

interface HistoryPlaces {
  readonly escrow: Address
  readonly stake: Address
  readonly rewards: Address
  readonly deployedAtBlock: number
}

/** The EconomyHistory port over events; made by `EvmChain.history()`. Throws what the chain adapter throws. */
export class EvmHistory implements EconomyHistory {
  readonly #link: HistoryLink
  readonly #places: HistoryPlaces

  constructor(link: HistoryLink, places: HistoryPlaces) {
    this.#link = link
    this.#places = places
  }

  get firstBlock(): number {
    return this.#places.deployedAtBlock
  }

  async head(): Promise<BlockMark> {
    return await this.#link.rpc().blockMark('latest')
  }

  async block(number: number): Promise<BlockMark> {
    return await this.#link.rpc().blockMark(number)
  }

  async claims(span: BlockSpan): Promise<readonly ClaimBatch[]> {
    const logs = await this.#events('escrow', eventTopics.claimed, span)
    return logs.flatMap((log) => {
      const entries = claimedOf(log)
      const [first] = entries
      if (first === undefined) return []
      const { node, operator } = first
      const gross = entries.reduce((sum, entry) => sum + entry.grossMicroUsd, 0n)
      const fee = entries.reduce((sum, entry) => sum + entry.feeMicroUsd, 0n)
      const { blockNumber, logIndex } = log
      return [{ blockNumber, logIndex, node, operator, grossMicroUsd: microUsd(gross), feeMicroUsd: microUsd(fee) }]
    })
  }

  async sales(span: BlockSpan): Promise<readonly LotSold[]> {
    const logs = await this.#events('escrow', AbiEvent.getSelector(lotSold), span)
    return logs.map((log) => {
      const { lastEpoch, fees, burned } = fromLog(log, (parts) => AbiEvent.decode(lotSold, parts))
      const { blockNumber } = log
      return {
        blockNumber,
        lastEpoch: Number(lastEpoch),
        feesMicroUsd: microUsd(fees),
        burnedTokenUnits: burned,
      }
    })
  }

  async bonds(span: BlockSpan): Promise<readonly NodeBonded[]> {
    const logs = await this.#events('stake', AbiEvent.getSelector(bonded), span)
    return logs.map((log) => {
      const event = fromLog(log, (parts) => AbiEvent.decode(bonded, parts))
      return {
        blockNumber: log.blockNumber,
        node: addressAnswer(event.node, 'Bonded.node'),
        operator: addressAnswer(event.operator, 'Bonded.operator'),
      }
    })
  }

  async programs(span: BlockSpan): Promise<readonly ProgramChanged[]> {
    const logs = await this.#events('rewards', AbiEvent.getSelector(programChanged), span)
    return logs.map((log) => {
      const { program, source, enabled } = fromLog(log, (parts) => AbiEvent.decode(programChanged, parts))
      const { blockNumber } = log
      return { blockNumber, program: hash(program), source: SOURCES[source] ?? 'none', isEnabled: enabled }
    })
  }

  async sponsorships(span: BlockSpan): Promise<readonly ProgramSponsored[]> {
    const logs = await this.#events('rewards', AbiEvent.getSelector(sponsored), span)
    return logs.map((log) => {
      const { program, amount } = fromLog(log, (parts) => AbiEvent.decode(sponsored, parts))
      return { blockNumber: log.blockNumber, program: hash(program), amountMicroUsd: microUsd(amount) }
    })
  }

  async finalRoots(span: BlockSpan): Promise<readonly FinalRoot[]> {
    const logs = await this.#events('rewards', AbiEvent.getSelector(rootFinal), span)
    return logs.map((log) => {
      const { epoch, root, evidence } = fromLog(log, (parts) => AbiEvent.decode(rootFinal, parts))
      return { epoch: Number(epoch), root: hash(root), evidence: hash(evidence) }
    })
  }

  /** Oldest first, whatever order the endpoint has. */
  async #events(of: 'escrow' | 'stake' | 'rewards', topic: Hex, span: BlockSpan): Promise<readonly ChainLog[]> {
    if (span.toBlock < span.fromBlock) return []
    const { number: head } = await this.head()
    // An endpoint that is behind would answer with fewer events, not with a fault.
    if (head < span.toBlock) {
      throw new ChainError('CHAIN_BAD_ANSWER', `the RPC endpoint has ${head} blocks, need ${span.toBlock}`, {
        details: { needBlock: span.toBlock, haveBlock: head },
      })
    }
    const logs = await this.#link.search({ contract: this.#places[of], topics: [topic], ...span })
    return logs.toSorted((left, right) => left.blockNumber - right.blockNumber || left.logIndex - right.logIndex)
  }
}
