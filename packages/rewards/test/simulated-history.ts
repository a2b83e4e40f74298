import {
  type Address,
  type BlockMark,
  type BlockSpan,
  type ChainIdentity,
  type ClaimBatch,
  type Economy,
  type EconomyHistory,
  type FinalRoot,
  type Hash,
  hash,
  type LotSold,
  type NodeBonded,
  type ProgramChanged,
  type ProgramSponsored,
  type UnixMs,
} from '@stead/core'

export const GENESIS_SECONDS = 1_000_000
export const EPOCH_SECONDS = 100

interface Recorded {
  readonly claims: ClaimBatch[]
  readonly sales: LotSold[]
  readonly bonds: NodeBonded[]
  readonly programs: ProgramChanged[]
  readonly sponsorships: ProgramSponsored[]
}

/** Events of a chain that a test makes up; a block has the time and the events that it is given. */
export class SimulatedHistory implements EconomyHistory {
  readonly firstBlock = 0
  readonly blocks: BlockMark[] = []
  readonly recorded: Recorded = { claims: [], sales: [], bonds: [], programs: [], sponsorships: [] }
  /** Questions for events that are answered with this error first. */
  readonly failures: Error[] = []
  /** What every question for blocks is answered with; undefined while the endpoint works. */
  outage: Error | undefined
  #forks = 0

  /** Adds a block so many seconds after the genesis; returns its number. */
  mine(afterSeconds: number): number {
    const number = this.blocks.length
    const at = (1000 * (GENESIS_SECONDS + afterSeconds)) as UnixMs
    const digits = [this.#forks, number + 1].map((part) => part.toString(16).padStart(32, '0'))
    this.blocks.push({ number, at, hash: hash(`0x${digits.join('')}`) })
    return number
  }

  /** Another fork wins: the last blocks and their claims are gone. */
  undo(depth: number): void {
    this.#forks++
    this.blocks.length -= depth
    const claims = this.recorded.claims.filter(({ blockNumber }) => blockNumber < this.blocks.length)
    this.recorded.claims.splice(0, Number.POSITIVE_INFINITY, ...claims)
  }

  async head(): Promise<BlockMark> {
    if (this.outage !== undefined) throw this.outage
    const head = this.blocks.at(-1)
    if (head === undefined) throw new RangeError('no block yet')
    return head
  }

  async block(number: number): Promise<BlockMark> {
    if (this.outage !== undefined) throw this.outage
    const block = this.blocks[number]
    if (block === undefined) throw new RangeError(`no block ${number}`)
    return block
  }

  claims(span: BlockSpan): Promise<readonly ClaimBatch[]> {
    return this.#within(this.recorded.claims, span)
  }
  sales(span: BlockSpan): Promise<readonly LotSold[]> {
    return this.#within(this.recorded.sales, span)
  }
  bonds(span: BlockSpan): Promise<readonly NodeBonded[]> {
    return this.#within(this.recorded.bonds, span)
  }
  programs(span: BlockSpan): Promise<readonly ProgramChanged[]> {
    return this.#within(this.recorded.programs, span)
  }
  sponsorships(span: BlockSpan): Promise<readonly ProgramSponsored[]> {
    return this.#within(this.recorded.sponsorships, span)
  }
  async finalRoots(): Promise<readonly FinalRoot[]> {
    return []
  }

  async #within<Event extends { readonly blockNumber: number }>(events: readonly Event[], span: BlockSpan) {
    const failure = this.failures.shift()
    if (failure !== undefined) throw failure
    return events.filter(({ blockNumber }) => blockNumber >= span.fromBlock && blockNumber <= span.toBlock)
  }
}

/** What the reader asks of contracts: stakes by node, κ of 0.8. */
export function simulatedEconomy(stakes: ReadonlyMap<Address, bigint>): Economy {
  const parts: Partial<Economy> = {
    rootTerms: async () => ({
      challengeSeconds: 10,
      decisionSeconds: 10,
      minimumStakeTokenUnits: 1000n,
      depositTokenUnits: 1n,
    }),
    bondedAt: async (node) => stakes.get(node) ?? 0n,
    saleOf: async () => ({
      lastEpoch: 0,
      soldAt: 0 as UnixMs,
      feesMicroUsd: 0n as never,
      burnedTokenUnits: 0n,
      kappaBps: 8000,
    }),
  }
  return parts as Economy
}

export const identity: ChainIdentity = {
  chainId: 31337,
  escrow: `0x${'e5'.repeat(20)}` as Address,
  stake: `0x${'57'.repeat(20)}` as Address,
  dollar: `0x${'d0'.repeat(20)}` as Address,
}

export const addressOf = (digit: string): Address => `0x${digit.repeat(40)}` as Address
export const programOf = (digit: string): Hash => hash(`0x${digit.repeat(64)}`)
