import {
  type Address,
  hasCode,
  isSteadError,
  type MicroUsd,
  messageOf,
  microUsd,
  type TransactionOutcome,
  type UnixMs,
} from '@stead/core'
import { type Claimable, ClaimFinder, EPOCHS_PER_LOOK_MAX } from './claim-finder.ts'
import { type ClaimedReward, ClaimJournal, type ClaimKind } from './claim-journal.ts'
import type { EpochComputer } from './epoch-computer.ts'
import type { EpochPorts } from './ports.ts'

/** Why nothing is claimed now, or that something is. */
export type RewardClaimReason =
  | 'nothing-to-claim'
  | 'no-final-root'
  | 'root-unusable'
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
  /** The last failure, until something succeeds; or what is wrong with the final root. */
  readonly error: string | undefined
  /** The transaction that is on its way, and since when; long ones are stuck behind a low fee or another nonce. */
  readonly sending: { readonly kind: ClaimKind; readonly since: UnixMs } | undefined
}

/** When claiming is worth its gas. */
export interface RewardClaimOptions {
  readonly operator: Address
  readonly minimumMicroUsd: MicroUsd
  readonly nativeCoinMicroUsd: MicroUsd
}

/** Gas of the transactions, from the contracts' gas snapshot rounded up. */
const GAS = { accrueFirst: 95_000n, accrueMore: 45_000n, claim: 160_000n, payout: 70_000n } as const
const WEI_PER_COIN = 10n ** 18n
/** Gas may take a tenth of what it brings. */
const GAS_SHARE_BPS = 1000n
/** Epochs in one transaction. */
const EPOCHS_PER_ACCRUAL_MAX = 32

/** Brings an operator its rewards and its credit in the Escrow: in few transactions, when they are worth the gas. */
export class RewardClaimer {
  readonly #ports: EpochPorts
  readonly #options: RewardClaimOptions
  readonly #finder: ClaimFinder
  readonly #journal: ClaimJournal
  #state: RewardClaimState
  #working: Promise<unknown> = Promise.resolve()

  constructor(ports: EpochPorts, computer: EpochComputer, options: RewardClaimOptions) {
    this.#ports = ports
    this.#options = options
    this.#finder = new ClaimFinder(ports, computer, options.operator)
    this.#journal = new ClaimJournal(ports, options.operator)
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
  claimed(): Promise<readonly ClaimedReward[]> {
    return this.#journal.claimed()
  }

  async #claimNow(isAsked: boolean): Promise<readonly ClaimedReward[]> {
    try {
      await this.#journal.reconcile()
      const found = await this.#finder.find(isAsked ? Number.POSITIVE_INFINITY : EPOCHS_PER_LOOK_MAX)
      const { costMicroUsd, isNeeded } = await this.#gasOf(found)
      const reason = isAsked && isNeeded ? undefined : this.#whyNot(found, costMicroUsd)
      this.#set({
        waitingMicroUsd: found.worthMicroUsd,
        gasMicroUsd: costMicroUsd,
        reason: reason ?? 'claiming',
        error: found.fault,
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

  async #gasOf({ accruable, lines, owedMicroUsd }: Claimable) {
    const accrual = accruable.length === 0 ? 0n : GAS.accrueFirst + GAS.accrueMore * BigInt(accruable.length - 1)
    const gas = accrual + GAS.claim * BigInt(lines.length) + (owedMicroUsd > 0n ? GAS.payout : 0n)
    const costWei = gas === 0n ? 0n : gas * (await this.#ports.chain.gasPrice())
    const cost = (costWei * this.#options.nativeCoinMicroUsd + WEI_PER_COIN - 1n) / WEI_PER_COIN
    return { costMicroUsd: microUsd(cost), isNeeded: gas > 0n }
  }

  #whyNot(found: Claimable, gasMicroUsd: MicroUsd): RewardClaimReason | undefined {
    const { lines, owedMicroUsd, worthMicroUsd, fault, hasRoot } = found
    if (lines.length === 0 && owedMicroUsd === 0n) {
      if (fault !== undefined) return 'root-unusable'
      return hasRoot ? 'nothing-to-claim' : 'no-final-root'
    }
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
    const { clock, logger } = this.#ports
    await this.#journal.begin(kind)
    this.#set({ sending: { kind, since: clock.now() } })
    try {
      const outcome = await send()
      const claimed = await this.#journal.done(kind, outcome)
      logger.info('claimed for the operator', {
        kind,
        transaction: claimed.transaction,
        gasCostWei: claimed.gasCostWei,
      })
      return claimed
    } catch (error) {
      // These changed nothing on chain; after all others the transaction may have been taken.
      if (hasCode(error, 'CHAIN_INSUFFICIENT_FUNDS') || hasCode(error, 'CHAIN_REVERTED')) {
        await this.#journal.refused(kind)
      }
      throw error
    } finally {
      this.#set({ sending: undefined })
    }
  }
}
