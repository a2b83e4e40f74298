import {
  type Address,
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
import { type ChannelSum, CLAIMANT_EPOCHS, type Claimant, ClaimantTally, sumByChannel } from './claimants.ts'
import { EpochBlocks } from './epoch-blocks.ts'
import { mapBounded, withRetries } from './retry.ts'
import { StandingBlocks } from './standing-blocks.ts'

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
  readonly chain: Pick<Chain, 'identity' | 'voucherSignerOf'>
  readonly economy: Pick<Economy, 'rootTerms' | 'bondedAt' | 'saleOf'>
  readonly history: EconomyHistory
  readonly calendar: EpochCalendar
  /** Waits before a question is asked again. */
  readonly clock: Clock
}

/** Reads at once of one endpoint. */
const READS_AT_ONCE = 16
/** Epochs whose facts are kept; watchers ask for the same ones again and again. */
const FACTS_MAX = 8
/** Epochs whose beginnings are kept: those whose logs are argued about while no root covers them. */
const BEGINS_MAX = 40
/** Epochs of which it is kept where they begin, and what their fees come to: as many as can wait for a final root. */
const PLACES_MAX = 8192
/** Channels whose payer is kept. */
const SIGNERS_MAX = 131_072

/** What was read, and the block that it stands on: while this one is in the chain, it is true. */
interface Standing<Value> {
  readonly on: Hash
  readonly value: Value
}

/**
 * What the chain says about epochs, from events and past stakes: the same for everybody who reads it, be it a node that
 * computes roots or a stranger who audits them. Keeps what it read, because both ask for the same epochs again and again;
 * what another fork has undone is read again, until it is {@link SETTLED_BLOCKS} deep.
 */
export class ChainFactsReader {
  readonly #ports: ChainFactsPorts
  readonly #blocks: EpochBlocks
  readonly #standing: StandingBlocks
  readonly #chronicle: Chronicle
  /** The first block of each epoch or, of one without blocks, the next one. */
  readonly #firsts: Map<number, BlockMark> = new Map()
  readonly #begins: Map<EpochNumber, EpochBegin> = new Map()
  readonly #facts: Map<EpochNumber, Standing<ChainFacts>> = new Map()
  readonly #fees: Map<number, Standing<bigint>> = new Map()
  readonly #claims: Map<number, Standing<readonly ChannelSum[]>> = new Map()
  /** A channel's never changes. */
  readonly #signers: Map<Hash, Address> = new Map()

  constructor(ports: ChainFactsPorts) {
    this.#ports = ports
    this.#blocks = new EpochBlocks(ports)
    this.#standing = new StandingBlocks(ports)
    this.#chronicle = new Chronicle(ports.history)
  }

  /**
   * Undefined until a block of the epoch, or one after it, is there. Another one when another fork has won.
   * @throws RewardsError REWARDS_NO_PROGRAM, REWARDS_CONFLICT; ChainError
   */
  async begin(epoch: EpochNumber): Promise<EpochBegin | undefined> {
    const first = await this.#firstOf(epoch)
    if (first === undefined) return undefined
    const known = this.#begins.get(epoch)
    if (known?.beacon === first.hash) return known
    const head = await this.#ports.history.head()
    const nodes = await this.#nodesBefore(epoch, first, head)
    const utility = await this.#utilityOf(first.number, head)
    const begin = { epoch, fromBlock: first.number, beacon: first.hash, nodes, utility }
    keep(this.#begins, { key: epoch, value: begin, max: BEGINS_MAX })
    return begin
  }

  /**
   * The hash of the first block after an epoch. All facts of the epoch follow from it: another one says that another fork
   * has won, and that they are to be read again.
   * @throws RewardsError REWARDS_NOT_OVER, REWARDS_CONFLICT; ChainError
   */
  async anchor(epoch: EpochNumber): Promise<Hash> {
    return (await withRetries(this.#ports.clock, () => this.#after(epoch))).hash
  }

  /**
   * All facts of an epoch that is over, claimants included, see {@link factsUnder}. An epoch in which no block was made
   * has the next block as its beacon and no events.
   * @throws RewardsError REWARDS_NOT_OVER, REWARDS_NO_PROGRAM, REWARDS_CONFLICT; ChainError
   */
  async facts(epoch: EpochNumber): Promise<ChainFacts> {
    const on = await this.anchor(epoch)
    const known = this.#facts.get(epoch)
    if (known?.on === on) return known.value
    const read = await withRetries(this.#ports.clock, () => this.#read(epoch))
    keep(this.#facts, { key: epoch, value: read, max: FACTS_MAX })
    return read.value
  }

  /**
   * Who brought the nodes that are bonded as an epoch begins their claims of the epochs before, by node, then payer: known
   * as soon as the epoch has begun. @throws RewardsError REWARDS_NOT_OVER, REWARDS_CONFLICT; ChainError
   */
  async claimants(epoch: EpochNumber): Promise<readonly Claimant[]> {
    return await withRetries(this.#ports.clock, () => this.#claimants(epoch))
  }

  async #claimants(epoch: EpochNumber): Promise<readonly Claimant[]> {
    const begin = await this.begin(epoch)
    if (begin === undefined) throw notOver(epoch)
    const bonded = new Set(begin.nodes.map(({ node }) => node))
    const tally = new ClaimantTally(bonded)
    for (let before = Math.max(0, epoch - CLAIMANT_EPOCHS); before < epoch; before++) {
      const sums = (await this.#claimsOf(before)).filter(({ node }) => bonded.has(node))
      await mapBounded(sums, READS_AT_ONCE, async ({ node, channel, grossMicroUsd }) => {
        tally.add({ node, payer: await this.#signerOf(channel), grossMicroUsd })
      })
    }
    return tally.claimants()
  }

  /** What each channel brought in an epoch that is over; nothing where no block was made in it. */
  async #claimsOf(epoch: number): Promise<readonly ChannelSum[]> {
    const [first, after] = [await this.#firstOf(epoch), await this.#firstOf(epoch + 1)]
    if (first === undefined || after === undefined) return []
    const known = this.#claims.get(epoch)
    if (known?.on === after.hash) return known.value
    const claims = await this.#ports.history.claims({ fromBlock: first.number, toBlock: after.number - 1 })
    const sums = sumByChannel(claims)
    keep(this.#claims, { key: epoch, value: { on: after.hash, value: sums }, max: 2 * CLAIMANT_EPOCHS })
    return sums
  }

  async #signerOf(channel: Hash): Promise<Address> {
    const known = this.#signers.get(channel)
    if (known !== undefined) return known
    const signer = await this.#ports.chain.voucherSignerOf(channel)
    // The endpoint is behind, or another fork has undone the claim.
    if (signer === undefined) {
      const message = `the chain does not know the channel ${channel} that was claimed`
      throw new RewardsError('REWARDS_CONFLICT', message, { details: { channel } })
    }
    keep(this.#signers, { key: channel, value: signer, max: SIGNERS_MAX })
    return signer
  }

  async #read(epoch: EpochNumber): Promise<Standing<ChainFacts>> {
    const after = await this.#after(epoch)
    const begin = await this.#stillBegin(epoch)
    if (begin === undefined) throw notOver(epoch)
    const head = await this.#ports.history.head()
    const [fromBlock, toBlock] = [begin.fromBlock, after.number - 1]
    const { fees, feeTotalMicroUsd } = await this.#totals(fromBlock, toBlock)
    const { chainId, escrow } = this.#ports.chain.identity
    const facts: ChainFacts = {
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
      audits: { claimants: await this.#claimants(epoch) },
    }
    await this.#checkSameFork(epoch, after)
    return { on: after.hash, value: facts }
  }

  /** The begin as it was read, unless the chain was reorganised since. */
  async #stillBegin(epoch: EpochNumber): Promise<EpochBegin | undefined> {
    const begin = await this.begin(epoch)
    if (begin === undefined) return undefined
    const { hash } = await this.#ports.history.block(begin.fromBlock)
    if (hash === begin.beacon) return begin
    this.#firsts.delete(epoch)
    return await this.begin(epoch)
  }

  /** What was read while forks took turns is of none of them. */
  async #checkSameFork(epoch: EpochNumber, after: BlockMark): Promise<void> {
    const { hash } = await this.#ports.history.block(after.number)
    if (hash === after.hash) return
    this.#firsts.delete(epoch + 1)
    throw new RewardsError('REWARDS_CONFLICT', `block ${after.number} was replaced while epoch ${epoch} was read`, {
      details: { epoch, block: after.number },
    })
  }

  async #after(epoch: EpochNumber): Promise<BlockMark> {
    const after = await this.#firstOf(epoch + 1)
    if (after === undefined) throw notOver(epoch)
    return after
  }

  async #firstOf(epoch: number): Promise<BlockMark | undefined> {
    const known = this.#firsts.get(epoch)
    if (known !== undefined && (await this.#standing.isStanding(known))) return known
    const first = await this.#blocks.firstAt(this.#beginsAt(epoch), await this.#ports.history.head())
    if (first !== undefined) keep(this.#firsts, { key: epoch, value: first, max: PLACES_MAX })
    return first
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
      sales.push(...(await this.#epochsOf(sale, (all[index - 1]?.lastEpoch ?? -1) + 1)))
    }
    return sales
  }

  /** One entry for each epoch with fees in a sale. */
  async #epochsOf(sale: LotSold, firstEpoch: number): Promise<readonly LotSale[]> {
    const { burnedTokenUnits, feesMicroUsd, lastEpoch } = sale
    const kappaBps = (await this.#ports.economy.saleOf(lastEpoch))?.kappaBps ?? 0
    const entries: LotSale[] = []
    for (let lot = firstEpoch; lot <= lastEpoch; lot++) {
      if ((await this.#feesOf(lot)) === 0n) continue
      const burned = tokenUnits(burnedTokenUnits)
      entries.push({ lot: epochNumber(lot), burnedTokenUnits: burned, saleFeesMicroUsd: feesMicroUsd, kappaBps })
    }
    return entries
  }

  async #feesOf(epoch: number): Promise<bigint> {
    const [first, after] = [await this.#firstOf(epoch), await this.#firstOf(epoch + 1)]
    if (first === undefined || after === undefined) return 0n
    const known = this.#fees.get(epoch)
    if (known?.on === after.hash) return known.value
    const { feeTotalMicroUsd } = await this.#totals(first.number, after.number - 1)
    keep(this.#fees, { key: epoch, value: { on: after.hash, value: feeTotalMicroUsd }, max: PLACES_MAX })
    return feeTotalMicroUsd
  }
}

function notOver(epoch: EpochNumber): RewardsError {
  return new RewardsError('REWARDS_NOT_OVER', `epoch ${epoch} is not over on chain`, { details: { epoch } })
}

function keep<Key, Value>(
  map: Map<Key, Value>,
  { key, value, max }: { readonly key: Key; readonly value: Value; readonly max: number },
): void {
  map.set(key, value)
  const [oldest] = map.keys()
  if (map.size > max && oldest !== undefined) map.delete(oldest)
}
