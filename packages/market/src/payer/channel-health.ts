import type { Clock, Random, SteadError, Timer } from '@stead/core'
import type { MarketPayerOptions } from '../options.ts'
import type { LostReason } from './payer-channel.ts'

/** What health is judged with. */
export interface ChannelHealthParts {
  readonly clock: Clock
  readonly random: Random
}

/** How talking to the provider of one channel goes, and when it is tried again. */
export class ChannelHealth {
  readonly #parts: ChannelHealthParts
  readonly #options: MarketPayerOptions
  #fatal: { readonly reason: LostReason; readonly error: SteadError } | undefined
  #lastError: SteadError | undefined
  #failures = 0
  #failingSinceMs: number | undefined
  #retryTimer: Timer | undefined

  constructor(parts: ChannelHealthParts, options: MarketPayerOptions) {
    this.#parts = parts
    this.#options = options
  }

  /** Nothing helps any more. */
  get isLostForGood(): boolean {
    return this.#fatal !== undefined
  }

  get lostReason(): LostReason | undefined {
    if (this.#fatal !== undefined) return this.#fatal.reason
    if (this.#failingSinceMs === undefined) return undefined
    const failingMs = this.#parts.clock.monotonicMs() - this.#failingSinceMs
    return failingMs >= this.#options.lostAfterMs ? 'unreachable' : undefined
  }

  /** The error that explains the state; undefined while all is well. */
  get error(): SteadError | undefined {
    return this.#fatal?.error ?? this.#lastError
  }

  /** True while a retry is set for later. */
  get isWaiting(): boolean {
    return this.#retryTimer !== undefined
  }

  /** True while the peer does not answer. */
  get isFailing(): boolean {
    return this.#failingSinceMs !== undefined
  }

  succeeded(): void {
    this.#failures = 0
    this.#failingSinceMs = undefined
    this.#lastError = undefined
  }

  failed(error: SteadError): void {
    this.#lastError = error
  }

  lose(reason: LostReason, error: SteadError): void {
    this.#fatal = { reason, error }
  }

  /** Calls back after a pause that doubles each time; `isPeer` when it is the provider that cannot be reached. */
  retryLater(isPeer: boolean, retry: () => void): void {
    const { clock, random } = this.#parts
    if (isPeer) this.#failingSinceMs ??= clock.monotonicMs()
    const { retryFirstMs, retryMaxMs } = this.#options
    const pauseMs = Math.min(retryMaxMs, retryFirstMs * 2 ** Math.min(this.#failures, 20))
    this.#failures += 1
    this.cancelRetry()
    // Half of the pause is random, so that a provider that comes back is not asked by everybody at once.
    this.#retryTimer = clock.setTimer(pauseMs * (0.5 + random.fraction() / 2), () => {
      this.#retryTimer = undefined
      retry()
    })
  }

  cancelRetry(): void {
    this.#retryTimer?.clear()
    this.#retryTimer = undefined
  }
}
