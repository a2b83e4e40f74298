import {
  type BlockMark,
  type Chain,
  type Clock,
  type Economy,
  type EconomyHistory,
  type Hash,
  type LotSold,
  microUsd,
  type UnixMs,
} from '@stead/core'
import { type EpochCalendar, epochSpan } from '../epoch-time.ts'
import { RewardsError } from '../errors.ts'
import { type EpochNumber, epochNumber, tokenUnits } from '../units.ts'
import type { BondedNode, ChainFacts, LotSale, SponsoredProgram } from './chain-facts.ts'
import { Chronicle } from './chronicle.ts'
import { ClaimTally, type ClaimTotals } from './claim-tally.ts'
import { EpochBlocks, UNSETTLED_BLOCKS } from './epoch-blocks.ts'
import { mapBounded, withRetries } from './retry.ts'

/** What is fixed as an epoch begins: who is probed, who probes, and by which rules. */
export interface EpochBegin {
  readonly epoch: EpochNumber
  readonly fromBlock: number
  readonly beacon: Hash
  readonly nodes: readonly BondedNode[]
  /** Policy id of program 0. */
  readonly utility: Hash
}

/** What the reader stands on. */
export interface ChainFactsPorts {
  readonly chain: Pick<Chain, 'identity'>
  readonly economy: Pick<Economy, 'rootTerms' | 'bondedAt' | 'saleOf'>
  readonly history: EconomyHistory
  readonly calendar: EpochCalendar
  /** Waits before a question is asked again. */
  readonly clock: Clock
}

/** Reads at once of one endpoint. */
const READS_AT_ONCE = 16
/** Epochs whose facts are kept; watchers ask for the same ones again and again. */
const FACTS_KEPT_MAX = 8
/** Epochs whose beginnings are kept: those whose logs are argued about while no root covers them. */
const BEGINS_KEPT_MAX = 40

/** What was read of an epoch, and the block that it ends with or stands on: it is right as long as that block is. */
interface Read<Value> {
  readonly value: Value
  readonly mark: Pick<BlockMark, 'number' | 'hash'>
  readonly at: UnixMs
  /** No other fork can replace the block any more. */
  readonly isSettled: boolean
}

/**
 * What the chain says about epochs, from events and past stakes: the same for everybody who reads it, be it a node that
 * computes roots or a stranger who audits them. Keeps what it read, because both ask for the same epochs again and again.
 */
export class ChainFactsReader {
  readonly #ports: ChainFactsPorts
  readonly #blocks: EpochBlocks
  readonly #chronicle: Chronicle
  readonly #begins: Map<EpochNumber, Read<EpochBegin>> = new Map()
  readonly #facts: Map<EpochNumber, Read<ChainFacts>> = new Map()
  readonly #fees: Map<number, bigint> = new Map()

  constructor(ports: ChainFactsPorts) {
    this.#ports = ports
    this.#blocks = new EpochBlocks(ports)
    this.#chronicle = new Chronicle(ports.history)
  }

  /**
   * As it was read first: asking for it costs nothing. Undefined until a block of the epoch, or one after it, is there.
   * @throws RewardsError REWARDS_NO_PROGRAM; ChainError
   */
  async begin(epoch: EpochNumber): Promise<EpochBegin | undefined> {
    return this.#begins.get(epoch)?.value ?? (await this.#readBegin(epoch))
  }

  /** As {@link begin}, read again when another fork of the chain has won since. @throws as {@link begin} */
  async checkedBegin(epoch: EpochNumber): Promise<EpochBegin | undefined> {
    return (await this.#stillRight(this.#begins, epoch))?.value ?? (await this.#readBegin(epoch))
  }

  /**
   * All facts of an epoch that is over, read again when another fork of the chain has won since. An epoch in which no block
   * was made has the next block as its beacon and no events.
   * @throws RewardsError REWARDS_NOT_OVER, REWARDS_NO_PROGRAM, REWARDS_CONFLICT; ChainError
   */
  async facts(epoch: EpochNumber): Promise<ChainFacts> {
    return await withRetries(this.#ports.clock, async () => {
      const known = await this.#stillRight(this.#facts, epoch)
      return known?.value ?? (await this.#read(epoch))
    })
  }

  /** What was read, as long as its block is in the chain. */
  async #stillRight<Value>(known: Map<EpochNumber, Read<Value>>, epoch: EpochNumber): Promise<Read<Value> | undefined> {
    const read = known.get(epoch)
    if (read === undefined || read.isSettled) return read
    const head = await this.#ports.history.head()
    if (await this.#blocks.isFirstAt(read.mark, read.at, head)) {
      const isSettled = read.mark.number <= head.number - UNSETTLED_BLOCKS
      if (isSettled && known.get(epoch) === read) known.set(epoch, { ...read, isSettled })
      return read
    }
    known.delete(epoch)
    return undefined
  }

  async #readBegin(epoch: EpochNumber): Promise<EpochBegin | undefined> {
    const head = await this.#ports.history.head()
    const at = this.#beginsAt(epoch)
    const first = await this.#blocks.firstAt(at, head)
    if (first === undefined) return undefined
    const nodes = await this.#nodesBefore(epoch, first, head)
    const utility = await this.#utilityOf(first.number, head)
    const value = { epoch, fromBlock: first.number, beacon: first.hash, nodes, utility }
    keep(this.#begins, epoch, { read: { value, mark: first, at, isSettled: false }, max: BEGINS_KEPT_MAX })
    return value
  }

  async #read(epoch: EpochNumber): Promise<ChainFacts> {
    const head = await this.#ports.history.head()
    const at = this.#beginsAt(epoch + 1)
    const after = await this.#blocks.firstAt(at, head)
    const begin = await this.checkedBegin(epoch)
    if (after === undefined || begin === undefined) {
      throw new RewardsError('REWARDS_NOT_OVER', `epoch ${epoch} is not over on chain`, { details: { epoch } })
    }
    const [fromBlock, toBlock] = [begin.fromBlock, after.number - 1]
    const { fees, feeTotalMicroUsd } = await this.#totals(fromBlock, toBlock)
    const { chainId, escrow } = this.#ports.chain.identity
    const value: ChainFacts = {
      version: 1,
      chainId,
      escrow,
      epoch,
      ...epochSpan(this.#ports.calendar, epoch),
      fromBlock: BigInt(fromBlock),
      toBlock: BigInt(Math.max(fromBlock, toBlock)),
      beacon: begin.beacon,
      utility: begin.utility,
      nodes: begin.nodes,
      fees,
      feeTotalMicroUsd,
      sales: await this.#sales(fromBlock, toBlock, head),
      programs: await this.#programs(Math.max(fromBlock, toBlock), head),
    }
    keep(this.#facts, epoch, { read: { value, mark: after, at, isSettled: false }, max: FACTS_KEPT_MAX })
    return value
  }

  #beginsAt(epoch: number): UnixMs {
    return (epochSpan(this.#ports.calendar, epochNumber(epoch)).beginsAtSeconds * 1000) as UnixMs
  }

  async #totals(fromBlock: number, toBlock: number): Promise<ClaimTotals> {
    const tally = new ClaimTally()
    const claims = await this.#ports.history.claims({ fromBlock, toBlock })
    for (const claim of claims) tally.add({ ...claim, blockNumber: BigInt(claim.blockNumber) })
    return tally.totals()
  }

  /** Whoever bonded a node last is its operator; what was bonded is asked for the last second before the epoch. */
  async #nodesBefore(epoch: EpochNumber, first: BlockMark, head: BlockMark): Promise<readonly BondedNode[]> {
    const { economy } = this.#ports
    const bonds = await this.#chronicle.bonds.until(first.number - 1, head.number)
    const operators = new Map(bonds.map(({ node, operator }) => [node, operator]))
    if (operators.size === 0) return []
    const { minimumStakeTokenUnits } = await economy.rootTerms()
    const lastSecond = (this.#beginsAt(epoch) - 1000) as UnixMs
    const nodes = await mapBounded([...operators], READS_AT_ONCE, async ([node, operator]) => {
      const bonded = await economy.bondedAt(node, lastSecond)
      return bonded < minimumStakeTokenUnits ? [] : [{ node, operator }]
    })
    return nodes.flat()
  }

  /** The program that mints as the epoch begins; in the epoch of the genesis the first that there is. */
  async #utilityOf(fromBlock: number, head: BlockMark): Promise<Hash> {
    const changes = await this.#chronicle.programs.until(head.number, head.number)
    const minted = changes.filter(({ source }) => source === 'minted')
    const utility =
      minted.findLast(({ blockNumber, isEnabled }) => blockNumber < fromBlock && isEnabled) ??
      minted.find(({ isEnabled }) => isEnabled)
    if (utility !== undefined) return utility.program
    throw new RewardsError('REWARDS_NO_PROGRAM', 'no reward program that mints was ever enabled on this chain')
  }

  async #programs(toBlock: number, head: BlockMark): Promise<readonly SponsoredProgram[]> {
    const changes = await this.#chronicle.programs.until(toBlock, head.number)
    const enabled = new Map(
      changes.flatMap(({ program, source, isEnabled }) => (source === 'sponsored' ? [[program, isEnabled]] : [])),
    )
    const deposits = new Map<Hash, bigint>()
    for (const { program, amountMicroUsd } of await this.#chronicle.sponsorships.until(toBlock, head.number)) {
      if (enabled.get(program) !== true) continue
      deposits.set(program, (deposits.get(program) ?? 0n) + amountMicroUsd)
    }
    return [...deposits].map(([program, deposited]) => ({ program, depositedMicroUsd: microUsd(deposited) }))
  }

  async #sales(fromBlock: number, toBlock: number, head: BlockMark): Promise<readonly LotSale[]> {
    if (toBlock < fromBlock) return []
    const all = await this.#chronicle.sales.until(toBlock, head.number)
    const sales: LotSale[] = []
    for (const [index, sale] of all.entries()) {
      if (sale.blockNumber < fromBlock) continue
      sales.push(...(await this.#epochsOf(sale, (all[index - 1]?.lastEpoch ?? -1) + 1, head)))
    }
    return sales
  }

  /** One entry for each epoch with fees in a sale. */
  async #epochsOf(sale: LotSold, firstEpoch: number, head: BlockMark): Promise<readonly LotSale[]> {
    const { burnedTokenUnits, feesMicroUsd, lastEpoch } = sale
    const kappaBps = (await this.#ports.economy.saleOf(lastEpoch))?.kappaBps ?? 0
    const entries: LotSale[] = []
    for (let lot = firstEpoch; lot <= lastEpoch; lot++) {
      if ((await this.#feesOf(lot, head)) === 0n) continue
      const burned = tokenUnits(burnedTokenUnits)
      entries.push({ lot: epochNumber(lot), burnedTokenUnits: burned, saleFeesMicroUsd: feesMicroUsd, kappaBps })
    }
    return entries
  }

  async #feesOf(epoch: number, head: BlockMark): Promise<bigint> {
    const known = this.#fees.get(epoch)
    if (known !== undefined) return known
    const first = await this.#blocks.firstAt(this.#beginsAt(epoch), head)
    const after = await this.#blocks.firstAt(this.#beginsAt(epoch + 1), head)
    if (first === undefined || after === undefined) return 0n
    const { feeTotalMicroUsd } = await this.#totals(first.number, after.number - 1)
    this.#fees.set(epoch, feeTotalMicroUsd)
    return feeTotalMicroUsd
  }
}

function keep<Value>(
  map: Map<EpochNumber, Read<Value>>,
  epoch: EpochNumber,
  { read, max }: { readonly read: Read<Value>; readonly max: number },
): void {
  map.set(epoch, read)
  const [oldest] = map.keys()
  if (map.size > max && oldest !== undefined) map.delete(oldest)
}
