import { type BlockMark, type Hash, type LotSold, microUsd, type UnixMs } from '@stead/core'
import {
  type BondedNode,
  type ChainFacts,
  ClaimTally,
  type ClaimTotals,
  type EpochCalendar,
  type EpochNumber,
  epochNumber,
  epochSpan,
  type LotSale,
  type SponsoredProgram,
  tokenUnits,
} from '@stead/rewards'
import type { OpenEconomy } from '../chain/with-economy.ts'
import { CliError } from '../errors.ts'

type Reads = Pick<OpenEconomy, 'chain' | 'economy' | 'history'>

/** Questions to one endpoint at a time. */
const READS_AT_ONCE = 16

/** When epochs are, as the contracts have it. */
export async function epochCalendar({ economy }: Pick<OpenEconomy, 'economy'>): Promise<EpochCalendar> {
  const { genesisAt, epochSeconds } = await economy.epochTerms()
  return { genesisSeconds: genesisAt / 1000, epochSeconds }
}

/**
 * An auditor's own reading of the chain: everything that it says about epochs, from events and past stakes. Whoever
 * reads the same chain reads the same.
 */
export class ChainFactsReading {
  readonly #reads: Reads
  readonly #calendar: EpochCalendar
  readonly #firstBlocks: Map<number, BlockMark> = new Map()
  readonly #totals: Map<number, ClaimTotals> = new Map()

  constructor(reads: Reads, calendar: EpochCalendar) {
    this.#reads = reads
    this.#calendar = calendar
  }

  /** @throws CliError CLI_EPOCH_UNKNOWN while the epoch is not over; ChainError */
  async facts(epoch: EpochNumber): Promise<ChainFacts> {
    const { chainId, escrow } = this.#reads.chain.identity
    const [first, after] = [await this.#firstBlock(epoch), await this.#firstBlock(epoch + 1)]
    const { fees, feeTotalMicroUsd } = await this.#claims(epoch)
    // An epoch without a block has the next one as its beacon, and nothing in it.
    const toBlock = Math.max(first.number, after.number - 1)
    return {
      version: 1,
      chainId,
      escrow,
      epoch,
      ...epochSpan(this.#calendar, epoch),
      fromBlock: BigInt(first.number),
      toBlock: BigInt(toBlock),
      beacon: first.hash,
      utility: await this.#utility(first.number),
      nodes: await this.#nodes(epoch, first),
      fees,
      feeTotalMicroUsd,
      sales: await this.#sales(first.number, after.number - 1),
      programs: await this.#programs(toBlock),
    }
  }

  /** The first block whose time lies in an epoch, or after it. */
  async #firstBlock(epoch: number): Promise<BlockMark> {
    const known = this.#firstBlocks.get(epoch)
    if (known !== undefined) return known
    const { history } = this.#reads
    const at = this.#beginsAt(epoch)
    let found = await history.head()
    if (found.at < at) throw new CliError('CLI_EPOCH_UNKNOWN', `epoch ${epoch - 1} is not over on chain`)
    let low = history.firstBlock
    while (low < found.number) {
      const middle = await history.block(Math.floor((low + found.number) / 2))
      if (middle.at < at) low = middle.number + 1
      else found = middle
    }
    this.#firstBlocks.set(epoch, found)
    return found
  }

  #beginsAt(epoch: number): UnixMs {
    return (epochSpan(this.#calendar, epochNumber(epoch)).beginsAtSeconds * 1000) as UnixMs
  }

  async #claims(epoch: number): Promise<ClaimTotals> {
    const known = this.#totals.get(epoch)
    if (known !== undefined) return known
    const [first, after] = [await this.#firstBlock(epoch), await this.#firstBlock(epoch + 1)]
    const tally = new ClaimTally()
    const claims = await this.#reads.history.claims({ fromBlock: first.number, toBlock: after.number - 1 })
    for (const claim of claims) tally.add({ ...claim, blockNumber: BigInt(claim.blockNumber) })
    const totals = tally.totals()
    this.#totals.set(epoch, totals)
    return totals
  }

  /** Bonded with enough in the last second before the epoch. */
  async #nodes(epoch: number, first: BlockMark): Promise<readonly BondedNode[]> {
    const { economy, history } = this.#reads
    const bonds = await history.bonds({ fromBlock: history.firstBlock, toBlock: first.number - 1 })
    const operators = [...new Map(bonds.map(({ node, operator }) => [node, operator]))]
    if (operators.length === 0) return []
    const { minimumStakeTokenUnits } = await economy.rootTerms()
    const at = (this.#beginsAt(epoch) - 1000) as UnixMs
    const nodes: BondedNode[] = []
    for (let from = 0; from < operators.length; from += READS_AT_ONCE) {
      const some = operators.slice(from, from + READS_AT_ONCE)
      const bonded = await Promise.all(some.map(([node]) => economy.bondedAt(node, at)))
      nodes.push(
        ...some.flatMap(([node, operator], index) =>
          (bonded[index] ?? 0n) < minimumStakeTokenUnits ? [] : [{ node, operator }],
        ),
      )
    }
    return nodes
  }

  /** The program that mints as the epoch begins; in the epoch of the genesis the first that there is. */
  async #utility(fromBlock: number): Promise<Hash> {
    const { history } = this.#reads
    const head = await history.head()
    const changes = await history.programs({ fromBlock: history.firstBlock, toBlock: head.number })
    const minting = changes.filter(({ source, isEnabled }) => source === 'minted' && isEnabled)
    const utility = minting.findLast(({ blockNumber }) => blockNumber < fromBlock) ?? minting[0]
    if (utility !== undefined) return utility.program
    throw new CliError('CLI_EPOCH_UNKNOWN', 'no reward program that mints was ever named on this chain')
  }

  async #programs(toBlock: number): Promise<readonly SponsoredProgram[]> {
    const { history } = this.#reads
    const span = { fromBlock: history.firstBlock, toBlock }
    const [changes, deposits] = [await history.programs(span), await history.sponsorships(span)]
    const sponsored = changes.filter(({ source }) => source === 'sponsored')
    const enabled = new Map(sponsored.map(({ program, isEnabled }) => [program, isEnabled]))
    const sums = new Map<Hash, bigint>()
    for (const { program, amountMicroUsd } of deposits) {
      if (enabled.get(program) === true) sums.set(program, (sums.get(program) ?? 0n) + amountMicroUsd)
    }
    return [...sums].map(([program, sum]) => ({ program, depositedMicroUsd: microUsd(sum) }))
  }

  async #sales(fromBlock: number, toBlock: number): Promise<readonly LotSale[]> {
    const { history } = this.#reads
    if (toBlock < fromBlock) return []
    const all = await history.sales({ fromBlock: history.firstBlock, toBlock })
    const sales: LotSale[] = []
    for (const [index, sale] of all.entries()) {
      if (sale.blockNumber >= fromBlock) sales.push(...(await this.#epochsOf(sale, all[index - 1])))
    }
    return sales
  }

  /** One entry for each epoch with fees in a sale. */
  async #epochsOf(sale: LotSold, before: LotSold | undefined): Promise<readonly LotSale[]> {
    const { burnedTokenUnits, feesMicroUsd, lastEpoch } = sale
    const kappaBps = (await this.#reads.economy.saleOf(lastEpoch))?.kappaBps ?? 0
    const entries: LotSale[] = []
    for (let lot = (before?.lastEpoch ?? -1) + 1; lot <= lastEpoch; lot++) {
      if ((await this.#claims(lot)).feeTotalMicroUsd === 0n) continue
      const burned = tokenUnits(burnedTokenUnits)
      entries.push({ lot: epochNumber(lot), burnedTokenUnits: burned, saleFeesMicroUsd: feesMicroUsd, kappaBps })
    }
    return entries
  }
}
