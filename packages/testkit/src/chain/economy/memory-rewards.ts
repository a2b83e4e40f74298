import type { Address, Hash, RewardClaim, RewardState } from '@stead/core'
import { revert } from '../revert.ts'
import { Checkpoints } from './checkpoints.ts'
import type { MemoryBalances } from './memory-balances.ts'
import type { MemoryFeeLots } from './memory-fee-lots.ts'
import type { MemoryRoots } from './memory-roots.ts'
import { rootOfClaim } from './reward-hashes.ts'

const KAPPA_BPS_MAX = 9000

/** Where a program's money comes from. */
export type ProgramSource = Exclude<RewardState['source'], 'none'>

interface Program {
  readonly source: ProgramSource
  isEnabled: boolean
  sponsored: bigint
  spent: bigint
  readonly paid: Map<Address, bigint>
}

/** What the simulated Rewards stands on. */
export interface RewardsComponents {
  /** The account of the Rewards contract, where sponsors' dollars lie. */
  readonly rewards: Address
  readonly lots: MemoryFeeLots
  readonly roots: MemoryRoots
  readonly tokens: MemoryBalances
  readonly dollars: MemoryBalances
}

/** The rules of Rewards.sol: caps by what was burned, programs, claims, governance's two levers. */
export class MemoryRewards {
  readonly #components: RewardsComponents
  readonly #programs: Map<Hash, Program> = new Map()
  readonly #caps: Map<Address, bigint> = new Map()
  readonly #minted: Map<Address, bigint> = new Map()
  readonly #accrued: Set<string> = new Set()
  readonly #kappaBps: Checkpoints = new Checkpoints()

  constructor(components: RewardsComponents, kappaBps: number, nowSeconds: number) {
    this.#components = components
    this.#kappaBps.push(nowSeconds, BigInt(kappaBps))
  }

  kappaBpsAt(seconds: number): number {
    return Number(this.#kappaBps.at(seconds))
  }

  /** For lots that are sold after this second. */
  setKappaBps(kappaBps: number, nowSeconds: number): void {
    if (kappaBps > KAPPA_BPS_MAX) revert('KappaTooHigh', { kappaBps: BigInt(kappaBps), maximum: BigInt(KAPPA_BPS_MAX) })
    this.#kappaBps.push(nowSeconds + 1, BigInt(kappaBps))
  }

  setProgram(id: Hash, source: ProgramSource, isEnabled: boolean): void {
    const before = this.#programs.get(id)
    if (before === undefined) {
      this.#programs.set(id, { source, isEnabled, sponsored: 0n, spent: 0n, paid: new Map() })
      return
    }
    if (before.source !== source) revert('SourceInvalid', { program: id, source: source === 'minted' ? 1 : 2 })
    before.isEnabled = isEnabled
  }

  stateOf(id: Hash, operator: Address): RewardState {
    const program = this.#programs.get(id)
    if (program === undefined) return { source: 'none', paid: 0n, available: 0n }
    const paid = program.paid.get(operator) ?? 0n
    return { source: program.source, paid, available: this.#availableOf(program, operator) }
  }

  /** What an operator's cap would rise by; 0 when it has risen already or nothing is sold. */
  accruable(operator: Address, epoch: number): bigint {
    return this.#accrued.has(keyOf(operator, epoch)) ? 0n : (this.#partOf(operator, epoch) ?? 0n)
  }

  /** What each epoch raised the cap by. */
  accrue(operator: Address, epochs: readonly number[]): readonly bigint[] {
    const parts = epochs.map((epoch, index) => {
      const isDone = this.#accrued.has(keyOf(operator, epoch)) || epochs.indexOf(epoch) < index
      if (isDone) revert('AlreadyAccrued', { operator, epoch: BigInt(epoch) })
      return this.#partOf(operator, epoch) ?? revert('EpochNotSold', { epoch: BigInt(epoch) })
    })
    for (const epoch of epochs) this.#accrued.add(keyOf(operator, epoch))
    this.#caps.set(
      operator,
      parts.reduce((sum, part) => sum + part, this.#capOf(operator)),
    )
    return parts
  }

  /** What was paid. */
  claim(claim: RewardClaim): bigint {
    const { operator, cumulative } = claim
    const { roots, rewards, tokens, dollars } = this.#components
    const root = roots.final?.root ?? (`0x${'0'.repeat(64)}` as Hash)
    if (rootOfClaim(claim) !== root) revert('ProofInvalid', { root })
    const program = this.#programs.get(claim.program)
    if (program === undefined) return revert('ProgramUnknown', { program: claim.program })
    const paid = program.paid.get(operator) ?? 0n
    const available = this.#availableOf(program, operator)
    const due = cumulative > paid ? cumulative - paid : 0n
    const amount = due > available ? available : due
    if (amount === 0n) revert('NothingToClaim', { cumulative, paid, available })
    program.paid.set(operator, paid + amount)
    if (program.source === 'minted') {
      this.#minted.set(operator, this.#mintedOf(operator) + amount)
      tokens.mint(operator, amount)
    } else {
      program.spent += amount
      dollars.move(rewards, operator, amount)
    }
    return amount
  }

  sponsor(sponsor: Address, id: Hash, amountMicroUsd: bigint): void {
    const program = this.#programs.get(id)
    if (program?.source !== 'sponsored' || !program.isEnabled) revert('ProgramNotSponsored', { program: id })
    const { dollars, rewards } = this.#components
    dollars.move(sponsor, rewards, amountMicroUsd)
    program.sponsored += amountMicroUsd
  }

  /** @throws TypeError when more was minted than burning allows, or sponsors' dollars are not all there */
  check(): void {
    const { dollars, rewards, lots } = this.#components
    let [held, capped] = [0n, 0n]
    for (const { sponsored, spent } of this.#programs.values()) held += sponsored - spent
    if (held !== dollars.of(rewards)) throw new TypeError(`sponsors have ${held} left, not ${dollars.of(rewards)}`)
    for (const [operator, minted] of this.#minted) {
      if (minted > this.#capOf(operator)) throw new TypeError(`${operator} was minted more than its cap`)
    }
    for (const cap of this.#caps.values()) capped += cap
    const most = lots.sold.reduce((sum, { burnedTokenUnits, soldAtSeconds }) => {
      return sum + (burnedTokenUnits * BigInt(this.kappaBpsAt(soldAtSeconds))) / 10_000n
    }, 0n)
    if (capped > most) throw new TypeError(`caps of ${capped} token units, at most ${most} for what was burned`)
  }

  #capOf(operator: Address): bigint {
    return this.#caps.get(operator) ?? 0n
  }

  #mintedOf(operator: Address): bigint {
    return this.#minted.get(operator) ?? 0n
  }

  #availableOf(program: Program, operator: Address): bigint {
    if (program.source === 'sponsored') return program.sponsored - program.spent
    return this.#capOf(operator) - this.#mintedOf(operator)
  }

  /** ⌊κ·B·f/F⌋; undefined while the epoch's fees are not sold. */
  #partOf(operator: Address, epoch: number): bigint | undefined {
    const { lots } = this.#components
    const lot = lots.saleOf(epoch)
    if (lot === undefined) return undefined
    const kappa = BigInt(this.kappaBpsAt(lot.soldAtSeconds))
    return (lot.burnedTokenUnits * kappa * lots.feesOf(epoch, operator)) / (lot.feesMicroUsd * 10_000n)
  }
}

const keyOf = (operator: Address, epoch: number): string => `${operator} ${epoch}`
