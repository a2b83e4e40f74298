import {
  type Address,
  isSteadError,
  type MicroUsd,
  messageOf,
  microUsd,
  type TransactionOutcome,
  type UnixMs,
  type Wei,
} from '@stead/core'
import { type AccruableEpoch, type ClaimableLine, epochNumber, openResult, planRewardClaim } from '@stead/rewards'
import type { EpochComputer } from './epoch-computer.ts'
import { bytesText, EPOCH_TABLES, epochKey, put, textBytes } from './epoch-tables.ts'
import type { EpochPorts } from './ports.ts'

/** Why nothing is claimed now, or that something is. */
export type RewardClaimReason =
  | 'nothing-to-claim'
  | 'no-final-root'
  | 'below-minimum'
  | 'gas-too-dear'
  | 'claiming'
  | 'claimed'
  | 'chain-unreachable'
  | 'chain-refused'

/** What the claimer did or waits for. */
export interface RewardClaimState {
  readonly reason: RewardClaimReason
  /** What could be claimed and paid out now, dollars and the worth of tokens. */
  readonly waitingMicroUsd: MicroUsd
  readonly gasMicroUsd: MicroUsd
  /** The last failure, until something succeeds. */
  readonly error: string | undefined
  /** The transaction that is on its way, and since when; long ones are stuck behind a low fee or another nonce. */
  readonly sending: { readonly kind: ClaimKind; readonly since: UnixMs } | undefined
}

/** What a transaction was for. */
export type ClaimKind = 'accrue' | 'claim-reward' | 'payout'

/** A transaction that was sent for the operator. */
export interface ClaimedReward {
  readonly kind: ClaimKind
  readonly transaction: string
  readonly at: UnixMs
  /** The epoch in whose time it was sent. */
  readonly epoch: number
  readonly gasCostWei: Wei
}

/** When claiming is worth its gas. */
export interface RewardClaimOptions {
  readonly operator: Address
  readonly minimumMicroUsd: MicroUsd
  readonly nativeCoinMicroUsd: MicroUsd
}

interface Claimable {
  readonly accruable: readonly AccruableEpoch[]
  /** Those that pay something. */
  readonly lines: readonly ClaimableLine[]
  /** The final root's result is known. */
  readonly hasResult: boolean
  readonly owedMicroUsd: MicroUsd
  readonly worthMicroUsd: MicroUsd
}

/** Gas of the transactions, from the contracts' gas snapshot rounded up. */
const GAS = { accrueFirst: 95_000n, accrueMore: 45_000n, claim: 160_000n, payout: 70_000n } as const
const WEI_PER_COIN = 10n ** 18n
/** Gas may take a tenth of what it brings. */
const GAS_SHARE_BPS = 1000n
/** Later epochs are looked at next time; whoever asks gets all of them. */
const EPOCHS_PER_LOOK_MAX = 32
const EPOCHS_PER_ACCRUAL_MAX = 32
/** A lot that is unsold for so long is not looked for any more; claiming asks for it again after a start. */
const CURSOR_MARK = 'accrued-before'

/** Brings an operator its rewards and its credit in the Escrow: in few transactions, when they are worth the gas. */
export class RewardClaimer {
  readonly #ports: EpochPorts
  readonly #computer: EpochComputer
  readonly #options: RewardClaimOptions
  #state: RewardClaimState
  #working: Promise<unknown> = Promise.resolve()

  constructor(ports: EpochPorts, computer: EpochComputer, options: RewardClaimOptions) {
    this.#ports = ports
    this.#computer = computer
    this.#options = options
    const none = microUsd(0n)
    this.#state = {
      reason: 'nothing-to-claim',
      waitingMicroUsd: none,
      gasMicroUsd: none,
      error: undefined,
      sending: undefined,
    }
  }

  get state(): RewardClaimState {
    return this.#state
  }

  /** Claims when it is worth it; `isAsked` claims whatever it costs. Faults are in {@link state} and thrown. */
  claim(isAsked: boolean): Promise<readonly ClaimedReward[]> {
    const result = this.#working.then(() => this.#claimNow(isAsked))
    this.#working = result.catch(() => undefined)
    return result
  }

  /** All transactions so far. @throws CoreError of the store */
  async claimed(): Promise<readonly ClaimedReward[]> {
    const rows = await this.#ports.store.scan(EPOCH_TABLES.claims)
    return rows.map(({ value }) => {
      const row = JSON.parse(bytesText(value)) as Omit<ClaimedReward, 'gasCostWei'> & { readonly gasCostWei: string }
      return { ...row, gasCostWei: BigInt(row.gasCostWei) as Wei }
    })
  }

  async #claimNow(isAsked: boolean): Promise<readonly ClaimedReward[]> {
    try {
      const found = await this.#find(isAsked ? Number.POSITIVE_INFINITY : EPOCHS_PER_LOOK_MAX)
      const { costMicroUsd, isNeeded } = await this.#gasOf(found)
      const reason = isAsked && isNeeded ? undefined : this.#whyNot(found, costMicroUsd)
      this.#set({
        waitingMicroUsd: found.worthMicroUsd,
        gasMicroUsd: costMicroUsd,
        reason: reason ?? 'claiming',
        error: undefined,
      })
      if (reason !== undefined) return []
      const sent = await this.#send(found)
      this.#set({ reason: 'claimed', waitingMicroUsd: microUsd(0n) })
      return sent
    } catch (error) {
      const isRefused = isSteadError(error) && !error.retryable
      this.#set({ reason: isRefused ? 'chain-refused' : 'chain-unreachable', error: messageOf(error) })
      throw error
    }
  }

  #set(change: Partial<RewardClaimState>): void {
    this.#state = { ...this.#state, ...change }
  }

  async #find(epochsMax: number): Promise<Claimable> {
    const { economy, chain } = this.#ports
    const { operator } = this.#options
    const [final, owedMicroUsd] = await Promise.all([economy.finalRoot(), chain.owedMicroUsd(operator)])
    if (final === undefined) {
      return { accruable: [], lines: [], hasResult: false, owedMicroUsd, worthMicroUsd: owedMicroUsd }
    }
    const known = await this.#computer.resultOf(epochNumber(final.epoch), final.evidence)
    const bytes = await this.#computer.components(final.epoch).load(known.result)
    const result = bytes === undefined || known.root !== final.root ? undefined : openResult(bytes)
    const caps = await this.#accruable(final.epoch, epochsMax)
    const { accruable, lines } =
      result === undefined
        ? { accruable: [], lines: [] }
        : await planRewardClaim(economy, { operator, result, accruable: caps.accruable })
    const paying = lines.filter(({ payableUnits }) => payableUnits > 0n)
    const worth = paying.reduce(
      (sum, { isMinting, payableUnits }) => sum + (isMinting ? caps.worthOf(payableUnits) : payableUnits),
      owedMicroUsd as bigint,
    )
    return { accruable, lines: paying, hasResult: result !== undefined, owedMicroUsd, worthMicroUsd: microUsd(worth) }
  }

  /** Epochs of which the cap can rise, and what a token was worth in the last sale among them. */
  async #accruable(finalEpoch: number, epochsMax: number) {
    const { economy } = this.#ports
    const { operator } = this.#options
    const accruable: AccruableEpoch[] = []
    let sale: { readonly fees: bigint; readonly burned: bigint } | undefined
    let cursor = await this.#cursor()
    let isSettled = true
    for (let epoch = cursor; epoch <= finalEpoch && epoch < cursor + epochsMax; epoch++) {
      const sold = await economy.saleOf(epoch)
      const fees = await economy.feesOf(epoch, operator)
      const amount = fees === 0n ? 0n : await economy.accruable(operator, epoch)
      if (sold !== undefined) sale = { fees: sold.feesMicroUsd, burned: sold.burnedTokenUnits }
      if (amount > 0n) accruable.push({ epoch, tokenUnits: amount })
      isSettled &&= fees === 0n || (sold !== undefined && amount === 0n)
      if (isSettled) cursor = epoch + 1
    }
    await this.#ports.store.write([put(EPOCH_TABLES.marks, CURSOR_MARK, textBytes(String(cursor)))], 'process')
    const worthOf = (units: bigint): bigint =>
      sale === undefined || sale.burned === 0n ? 0n : (units * sale.fees) / sale.burned
    return { accruable, worthOf }
  }

  async #cursor(): Promise<number> {
    const row = await this.#ports.store.get(EPOCH_TABLES.marks, CURSOR_MARK)
    return row === undefined ? 0 : Number(bytesText(row))
  }

  async #gasOf({ accruable, lines, owedMicroUsd }: Claimable) {
    const accrual = accruable.length === 0 ? 0n : GAS.accrueFirst + GAS.accrueMore * BigInt(accruable.length - 1)
    const gas = accrual + GAS.claim * BigInt(lines.length) + (owedMicroUsd > 0n ? GAS.payout : 0n)
    const costWei = gas === 0n ? 0n : gas * (await this.#ports.chain.gasPrice())
    const cost = (costWei * this.#options.nativeCoinMicroUsd + WEI_PER_COIN - 1n) / WEI_PER_COIN
    return { costMicroUsd: microUsd(cost), isNeeded: gas > 0n }
  }

  #whyNot(
    { lines, owedMicroUsd, worthMicroUsd, hasResult }: Claimable,
    gasMicroUsd: MicroUsd,
  ): RewardClaimReason | undefined {
    if (lines.length === 0 && owedMicroUsd === 0n) return hasResult ? 'nothing-to-claim' : 'no-final-root'
    if (gasMicroUsd * 10_000n > worthMicroUsd * GAS_SHARE_BPS) return 'gas-too-dear'
    return worthMicroUsd - gasMicroUsd < this.#options.minimumMicroUsd ? 'below-minimum' : undefined
  }

  async #send({ accruable, lines, owedMicroUsd }: Claimable): Promise<ClaimedReward[]> {
    const { economy, chain } = this.#ports
    const { operator } = this.#options
    const sent: ClaimedReward[] = []
    // What is certain first: a reward that is refused does not keep it back.
    if (owedMicroUsd > 0n) sent.push(await this.#transact('payout', () => chain.payout(operator)))
    for (let from = 0; from < accruable.length; from += EPOCHS_PER_ACCRUAL_MAX) {
      const epochs = accruable.slice(from, from + EPOCHS_PER_ACCRUAL_MAX).map(({ epoch }) => epoch)
      sent.push(await this.#transact('accrue', () => economy.accrue(operator, epochs)))
    }
    for (const { claim } of lines) sent.push(await this.#transact('claim-reward', () => economy.claimReward(claim)))
    return sent
  }

  async #transact(kind: ClaimKind, send: () => Promise<TransactionOutcome>): Promise<ClaimedReward> {
    const { clock, time, store, logger } = this.#ports
    this.#set({ sending: { kind, since: clock.now() } })
    try {
      const { transaction, gasCostWei } = await send()
      const claimed: ClaimedReward = { kind, transaction, at: clock.now(), epoch: time.epoch(), gasCostWei }
      const row = textBytes(JSON.stringify({ ...claimed, gasCostWei: gasCostWei.toString() }))
      await store.write([put(EPOCH_TABLES.claims, `${epochKey(claimed.epoch)}/${transaction}`, row)], 'process')
      logger.info('claimed for the operator', { kind, transaction, gasCostWei })
      return claimed
    } finally {
      this.#set({ sending: undefined })
    }
  }
}
