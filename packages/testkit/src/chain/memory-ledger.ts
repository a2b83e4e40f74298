import {
  type Address,
  address,
  type Balances,
  type ChainIdentity,
  type Clock,
  type Hash,
  hash,
  isSteadError,
  type TransactionOutcome,
  type UnixMs,
  type Wei,
} from '@stead/core'
import { nobleSecp256k1, type Secp256k1 } from '@stead/protocol'
import { chainRefusal } from './chain-refusal.ts'
import { ClaimReader } from './claim-reader.ts'
import type { MemoryContracts, MemoryEconomyOptions } from './economy/memory-contracts.ts'
import type { ProgramSource } from './economy/memory-rewards.ts'
import { LedgerState, type MemoryGift, type StartedThaw } from './ledger-state.ts'
import type { LedgerView, TransactionDraft } from './ledger-view.ts'
import { MemoryBlocks } from './memory-blocks.ts'
import type { EscrowTerms, MemoryEscrow } from './memory-escrow.ts'
import { GAS } from './transaction-gas.ts'

/** What a unit of gas costs there until somebody sets another price. */
const GAS_PRICE_WEI: Wei = 1_000_000_000n as Wei
const NO_TRANSACTION: Hash = hash(`0x${'0'.repeat(64)}`)
const addressOf = (digits: string): Address => address(`0x${digits.repeat(20)}`)

/**
 * How a simulated chain is out of order: `unreachable` takes nothing; `answers-lost` takes transactions, but whoever
 * sent them never learns of it.
 */
export type ChainOutage = 'none' | 'unreachable' | 'answers-lost'

/** What makes a simulated chain. */
export interface MemoryLedgerComponents {
  readonly clock: Clock
  /** Checks vouchers, votes and consents. @default noble, which is slow but everywhere the same */
  readonly secp256k1?: Secp256k1
}

/** Constants of a simulated chain. */
export interface MemoryLedgerOptions {
  readonly feeBps?: number
  readonly thawSeconds?: number
  readonly chainId?: number
  readonly economy?: MemoryEconomyOptions
}

/** A transaction that was in a block of a fork that lost: its sender may not know, and a block may take it again. */
export interface UndoneTransaction {
  readonly id: Hash
  /** Undefined for what governance decided. */
  readonly account: Address | undefined
}

interface Transaction extends UndoneTransaction {
  readonly gasUsed: bigint
  readonly gasPriceWei: bigint
  /** Reads the chain's state and time when it is called, so that it can run again on another fork. */
  readonly run: (outcome: TransactionOutcome) => unknown
}

/** What happened, in its order; played again from the beginning when the end of it is undone. */
type Happening =
  | { readonly kind: 'mined'; readonly number: number; readonly at: UnixMs; readonly transaction: Transaction }
  | { readonly kind: 'gift'; readonly account: Address; readonly gift: MemoryGift }
  | { readonly kind: 'gas-burned'; readonly account: Address; readonly wei: bigint }

/** The chain as it was at a moment, and how far that is in what happened. */
export interface LedgerCopy extends Pick<LedgerView, 'state' | 'blocks' | 'gasPriceWei'> {
  readonly at: UnixMs
  readonly happenings: number
  readonly forks: number
}

/**
 * A chain in memory that all accounts of a test share; each has its own MemoryChain on it. After each transaction and
 * each reorganisation all value must be where the books say.
 */
export class MemoryLedger implements LedgerView {
  readonly identity: ChainIdentity
  readonly terms: EscrowTerms
  readonly blocks: MemoryBlocks
  readonly #clock: Clock
  readonly #newState: () => LedgerState
  readonly #watchers: Set<() => void> = new Set()
  readonly #undone: Map<Hash, Transaction> = new Map()
  readonly #pursesOfForks: Set<Hash> = new Set()
  #state: LedgerState
  #happened: Happening[] = []
  #sent = 0
  #forks = 0
  #gasPriceWei: Wei = GAS_PRICE_WEI
  #outage: ChainOutage = 'none'
  /** The list of thaws that watchers were told of last, and how long it was; another fork has another list. */
  #announced: { readonly thaws: readonly StartedThaw[]; readonly count: number } = { thaws: [], count: 0 }
  #skippedMs = 0
  /** The time of the block that is played again; undefined for one that is made now. */
  #playedAt: UnixMs | undefined

  constructor(components: MemoryLedgerComponents, options: MemoryLedgerOptions = {}) {
    this.#clock = components.clock
    const secp256k1 = components.secp256k1 ?? nobleSecp256k1
    const identity = {
      chainId: options.chainId ?? 31337,
      escrow: addressOf('e5'),
      stake: addressOf('57'),
      dollar: addressOf('d0'),
    }
    this.identity = identity
    const terms = { feeBps: options.feeBps ?? 500, thawSeconds: options.thawSeconds ?? 86_400 }
    this.terms = terms
    this.blocks = new MemoryBlocks(this.#clockTime())
    const genesisSeconds = this.blocks.head.at / 1000
    const economy = options.economy ?? {}
    const reader = new ClaimReader(identity, secp256k1)
    this.#newState = () => new LedgerState({ identity, secp256k1, genesisSeconds, reader }, { terms, economy })
    this.#state = this.#newState()
  }

  get contracts(): MemoryContracts {
    return this.#state.contracts
  }

  get escrow(): MemoryEscrow {
    return this.#state.escrow
  }

  /** Purses that thaw, in the order in which they began to. */
  get thaws(): readonly StartedThaw[] {
    return this.#state.thaws
  }

  /** What transactions change; ask for it again after every wait. */
  get state(): LedgerState {
    return this.#state
  }

  get gasPriceWei(): Wei {
    return this.#gasPriceWei
  }

  /** What a unit of gas costs from now on; transactions that are mined keep their price. */
  setGasPriceWei(wei: bigint): void {
    this.#gasPriceWei = wei as Wei
  }

  give(account: Address, gift: MemoryGift): void {
    this.#happens({ kind: 'gift', account, gift })
  }

  /** Somebody spends an account's gas elsewhere, as far as there is any. */
  burnGas(account: Address, wei: bigint): void {
    this.#happens({ kind: 'gas-burned', account, wei })
  }

  /** Switches the chain off and on; what thawed meanwhile is told when it is on again. */
  setOutage(outage: ChainOutage): void {
    this.#outage = outage
    if (outage === 'none') this.#announce()
  }

  /** Moves the chain's time ahead of the clock and makes a block. */
  passSeconds(seconds: number): void {
    this.#skippedMs += seconds * 1000
    this.mine()
  }

  /** Makes an empty block. */
  mine(): void {
    this.blocks.mine(this.now())
  }

  get outage(): ChainOutage {
    return this.#outage
  }

  /** The time that a block would have that is made now; it never goes back. While one is played again, its own. */
  now(): UnixMs {
    return this.#playedAt ?? (Math.max(this.#clockTime(), this.blocks.head.at) as UnixMs)
  }

  nowSeconds(): number {
    return this.now() / 1000
  }

  /** @throws SteadError CHAIN_UNREACHABLE */
  checkReachable(): void {
    if (this.#outage === 'unreachable') throw chainRefusal('CHAIN_UNREACHABLE', 'the simulated chain is switched off')
  }

  balances(account: Address): Balances {
    return this.#state.balances(account)
  }

  fundingOf(purse: Hash): TransactionOutcome | undefined {
    return this.#state.fundings.get(purse)
  }

  /** True for a purse that some fork has or had, for tests that ask who could have known. */
  hadPurse(purse: Hash): boolean {
    return this.#state.fundings.has(purse) || this.#pursesOfForks.has(purse)
  }

  /**
   * Runs a transaction: gas is paid whole or nothing happens. `run` may be called again, after a reorganisation: it must
   * read all that it needs from this ledger.
   * @throws SteadError CHAIN_UNREACHABLE, CHAIN_INSUFFICIENT_FUNDS, CHAIN_REVERTED; TypeError when value was lost or made
   */
  transact<Value>({ account, kind, run }: TransactionDraft<Value>): TransactionOutcome & { readonly value: Value } {
    this.checkReachable()
    this.estimate({ account, kind, run })
    const outcome = this.#send(account, GAS[kind], run)
    if (this.#outage === 'answers-lost')
      throw chainRefusal('CHAIN_UNREACHABLE', 'the simulated chain took the transaction and lost the answer')
    this.#announce()
    return outcome
  }

  /**
   * A copy of the chain as it is now, which stays so.
   * @param earlier a copy that is not used any more: unless another fork has won since, only what came after it is played
   */
  copy(earlier?: LedgerCopy): LedgerCopy {
    const isOfThisFork = earlier?.forks === this.#forks
    const state = isOfThisFork ? earlier.state : this.#newState()
    this.#playOn(state, this.#happened.slice(isOfThisFork ? earlier.happenings : 0))
    return {
      state,
      blocks: this.blocks.copy(),
      gasPriceWei: this.#gasPriceWei,
      at: this.now(),
      happenings: this.#happened.length,
      forks: this.#forks,
    }
  }

  /** Gas alone: on the newest state the transaction itself says what comes of it. */
  estimate({ account, kind }: TransactionDraft): void {
    this.#requireGas(this.#state, account, GAS[kind] * this.#gasPriceWei)
  }

  /**
   * Tries a transaction on an older state. Of a fork that has lost only the gas is known any more.
   * @throws SteadError CHAIN_INSUFFICIENT_FUNDS, CHAIN_REVERTED
   */
  estimateOn(copy: LedgerCopy, { account, kind, run }: TransactionDraft): void {
    this.#requireGas(copy.state, account, GAS[kind] * copy.gasPriceWei)
    if (copy.forks !== this.#forks) return
    const transaction = { id: NO_TRANSACTION, account, gasUsed: GAS[kind], gasPriceWei: copy.gasPriceWei, run }
    const draft = { kind: 'mined', number: copy.blocks.head.number + 1, at: copy.at, transaction } as const
    this.#playOn(this.#newState(), [...this.#happened.slice(0, copy.happenings), draft])
  }

  /**
   * Another fork wins: the last `depth` blocks are undone, and as many and one more take their place, which hold nothing
   * of ours. Nobody is told: outcomes that senders have may not be true any more, as with a real endpoint that did not
   * wait for confirmations.
   * @returns transactions that were undone, oldest first; {@link mineAgain} takes them, or nobody ever does
   */
  reorganise(depth: number): readonly UndoneTransaction[] {
    const last = Math.max(0, this.blocks.head.number - depth)
    const isUndone = (happening: Happening): boolean => happening.kind === 'mined' && happening.number > last
    const undone = this.#happened.flatMap((happening) =>
      happening.kind === 'mined' && isUndone(happening) ? [happening.transaction] : [],
    )
    const kept = this.#happened.filter((happening) => !isUndone(happening))
    for (const purse of this.#state.fundings.keys()) this.#pursesOfForks.add(purse)
    this.#forks++
    this.blocks.undo(depth)
    this.#happened = []
    this.#state = this.#newState()
    for (const happening of kept) this.#happens(happening)
    this.#state.check()
    for (let made = 0; made <= depth; made++) this.mine()
    for (const transaction of undone) this.#undone.set(transaction.id, transaction)
    return undone.map(({ id, account }) => ({ id, account }))
  }

  /**
   * A block takes a transaction that was undone.
   * @returns false when its contract refuses it now; the gas is gone all the same
   */
  mineAgain({ id }: UndoneTransaction): boolean {
    const transaction = this.#undone.get(id)
    if (transaction === undefined) throw new TypeError(`no transaction ${id} was undone`)
    this.#undone.delete(id)
    try {
      this.#mine(transaction)
    } catch (error) {
      if (!isSteadError(error)) throw error
      const { account, gasUsed, gasPriceWei } = transaction
      if (account !== undefined) this.burnGas(account, gasUsed * gasPriceWei)
      this.mine()
      return false
    }
    this.#announce()
    return true
  }

  /** What governance decided: the κ of lots that are sold later. @throws SteadError CHAIN_REVERTED */
  setKappaBps(kappaBps: number): void {
    this.#send(undefined, 0n, () => this.contracts.rewards.setKappaBps(kappaBps, this.nowSeconds()))
  }

  /** What governance decided: a program that is named, or in use or not. @throws SteadError CHAIN_REVERTED */
  setProgram(program: Hash, source: ProgramSource, isEnabled: boolean): void {
    this.#send(undefined, 0n, () => this.contracts.setProgram(program, source, isEnabled))
  }

  /** Calls `look` when there are other thaws than before, while the chain is reachable. */
  watch(look: () => void): () => void {
    this.#watchers.add(look)
    return () => {
      this.#watchers.delete(look)
    }
  }

  #send<Value>(
    account: Address | undefined,
    gasUsed: bigint,
    run: (outcome: TransactionOutcome) => Value,
  ): TransactionOutcome & { readonly value: Value } {
    // Named by its place among all that were sent, not by its block: it keeps its name when another block takes it.
    const id = hash(`0x${(++this.#sent).toString(16).padStart(64, '0')}`)
    let answer: { readonly value: Value } | undefined
    const transaction: Transaction = {
      id,
      account,
      gasUsed,
      gasPriceWei: this.#gasPriceWei,
      run: (outcome) => {
        answer = { value: run(outcome) }
      },
    }
    const outcome = this.#mine(transaction)
    if (answer === undefined) throw new TypeError('a transaction that was mined has run')
    return { ...outcome, ...answer }
  }

  /** Makes a block of one transaction. @throws what the transaction does; then there is no block */
  #mine(transaction: Transaction): TransactionOutcome {
    const at = this.now()
    const outcome = this.#happens({ kind: 'mined', number: this.blocks.head.number + 1, at, transaction })
    this.blocks.mine(at, transaction.id)
    this.#state.check()
    if (outcome === undefined) throw new TypeError('a transaction that was mined has an outcome')
    return outcome
  }

  #requireGas(state: LedgerState, account: Address, needWei: bigint): void {
    const haveWei = state.gasOf(account)
    if (haveWei >= needWei) return
    const sentence = `gas needs ${needWei} wei, the account ${account} has ${haveWei}`
    throw chainRefusal('CHAIN_INSUFFICIENT_FUNDS', sentence, { account, needWei, haveWei })
  }

  /** Plays what happened on another state than the chain's own. @throws what a transaction does */
  #playOn(state: LedgerState, happenings: readonly Happening[]): void {
    const own = this.#state
    this.#state = state
    try {
      for (const happening of happenings) this.#play(happening)
    } finally {
      this.#state = own
    }
  }

  /** Changes the state and notes how. @throws what a transaction does; then nothing is noted */
  #happens(happening: Happening): TransactionOutcome | undefined {
    const outcome = this.#play(happening)
    this.#happened.push(happening)
    return outcome
  }

  #play(happening: Happening): TransactionOutcome | undefined {
    if (happening.kind === 'gift') this.#state.give(happening.account, happening.gift)
    if (happening.kind === 'gas-burned') this.#state.burnGas(happening.account, happening.wei)
    if (happening.kind !== 'mined') return undefined
    const { number, at, transaction } = happening
    const { id, account, gasUsed, gasPriceWei, run } = transaction
    const gasCostWei = (gasUsed * gasPriceWei) as Wei
    const outcome = { transaction: id, blockNumber: BigInt(number), gasUsed, gasCostWei }
    this.contracts.events.begin(number, id)
    this.#playedAt = at
    try {
      run(outcome)
    } finally {
      this.#playedAt = undefined
    }
    if (account !== undefined) this.#state.burnGas(account, gasCostWei)
    this.#state.transactions.set(id, outcome)
    return outcome
  }

  #clockTime(): UnixMs {
    return (Math.floor((this.#clock.now() + this.#skippedMs) / 1000) * 1000) as UnixMs
  }

  #announce(): void {
    const { thaws } = this.#state
    // Hundreds of nodes watch, and most transactions are claims.
    const isNew = thaws !== this.#announced.thaws || thaws.length !== this.#announced.count
    if (this.#outage !== 'none' || !isNew) return
    this.#announced = { thaws, count: thaws.length }
    for (const look of this.#watchers) look()
  }
}
