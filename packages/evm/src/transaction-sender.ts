import { type Address, type Clock, CoreError, type Hash, hasCode, type Logger, type Signer } from '@stead/core'
import { bytesToHex, hexToBytes } from '@stead/protocol'
import * as TxEnvelopeEip1559 from 'ox/TxEnvelopeEip1559'
import type { Hex } from './answer.ts'
import type { CallRequest, ChainRpc, Receipt } from './chain-rpc.ts'
import { ChainError } from './errors.ts'
import { Exclusive } from './exclusive.ts'
import { RpcRefusalError } from './json-rpc.ts'
import type { EvmOptions } from './options.ts'
import { refusalError, revertError } from './refusal.ts'

/** Room above the estimate, in percent: state may change between the estimate and the block. */
const GAS_MARGIN_PERCENT = 20n
/**
 * And two storage slots, because time moves on as well: the estimate is made with the newest block's time, in which a
 * checkpoint or the exchange's price may have been written already; the next block writes new ones. Unused gas is free.
 */
const GAS_MARGIN = 50_000n
/** Raise of both fees when nobody takes a transaction, in percent; nodes demand 10 at least. */
const FEE_BUMP_PERCENT = 25n
const FEE_BUMPS_MAX = 6
/** Tries with another nonce when the endpoint says that ours is taken. */
const NONCE_ATTEMPTS_MAX = 4
const PRIORITY_FEE_FALLBACK_WEI = 1_000_000_000n
/** How often a transaction is sent that others of the same account keep replacing. */
const SENDS_MAX = 3

/** What the sender works with. */
export interface SenderComponents {
  readonly rpc: ChainRpc
  readonly clock: Clock
  readonly logger: Logger
  readonly signer: Signer
  /** Aborts everything when the adapter stops. */
  readonly stopped: AbortSignal
}

/** The options that concern sending. */
export type SenderOptions = Pick<
  EvmOptions,
  'receiptTimeoutMs' | 'receiptPollMinMs' | 'receiptPollMaxMs' | 'feeBumpAfterMs' | 'replacedAfterMs' | 'confirmations'
> & { readonly chainId: number }

/** A transaction to send; `doing` says in errors what it was for, as a noun phrase. */
export type SendRequest = Pick<CallRequest, 'to' | 'data'> & { readonly doing: string }

interface Fees {
  readonly maxWei: bigint
  readonly priorityWei: bigint
}

interface Submitted {
  readonly request: SendRequest
  readonly nonce: number
  readonly gas: bigint
  fees: Fees
  /** All versions of this transaction that were offered; one of them may be mined. */
  readonly hashes: Hash[]
  bumps: number
}

function gwei(wei: bigint): string {
  return `${(Number(wei) / 1e9).toFixed(3)} gwei`
}

/** What a node's words for a refused transaction mean to us. */
function meaningOf(message: string): 'known' | 'nonce-used' | 'nonce-waiting' | 'funds' | 'other' {
  if (/already known|already imported|known transaction/i.test(message)) return 'known'
  if (/replacement transaction underpriced|could not replace/i.test(message)) return 'nonce-waiting'
  if (/nonce too low|nonce has already been used|invalid nonce|OldNonce/i.test(message)) return 'nonce-used'
  if (/insufficient funds|insufficient balance/i.test(message)) return 'funds'
  return 'other'
}

/**
 * Sends the transactions of one account. Nonces are given out one at a time and only the handing in is serialised, so
 * that many transactions can wait for a block together. One that nobody takes is offered again for a higher fee.
 */
export class TransactionSender {
  readonly #components: SenderComponents
  readonly #options: SenderOptions
  readonly #turns: Exclusive = new Exclusive()
  #nextNonce = 0
  #inFlight = 0

  constructor(components: SenderComponents, options: SenderOptions) {
    this.#components = components
    this.#options = options
  }

  get account(): Address {
    return this.#components.signer.address
  }

  /**
   * Signs, sends and waits until the transaction is mined and confirmed.
   * @throws ChainError CHAIN_REVERTED, CHAIN_INSUFFICIENT_FUNDS, CHAIN_TIMEOUT, CHAIN_REPLACED and those of every
   *   request; CoreError CORE_STOPPED
   */
  async send(request: SendRequest): Promise<Receipt> {
    for (let attempt = 1; ; attempt++) {
      const submitted = await this.#turns.run(() => this.#submit(request))
      try {
        return await this.#mined(submitted)
      } catch (error) {
        // Its nonce is used by another transaction, so this one can never be mined: sending it again is safe.
        if (!hasCode(error, 'CHAIN_REPLACED') || attempt === SENDS_MAX) throw error
        this.#components.logger.warn('transaction replaced', { doing: request.doing, nonce: submitted.nonce })
      } finally {
        this.#inFlight--
      }
    }
  }

  async #submit(request: SendRequest): Promise<Submitted> {
    const { rpc } = this.#components
    const call = { ...(request.to === undefined ? {} : { to: request.to }), from: this.account, data: request.data }
    const [estimate, fees, balanceWei] = await Promise.all([
      rpc.estimateGas(call).catch((error: unknown) => this.#explain(error, request)),
      this.#fees(),
      rpc.balanceWei(this.account),
    ])
    const gas = (estimate * (100n + GAS_MARGIN_PERCENT)) / 100n + GAS_MARGIN
    if (balanceWei < gas * fees.maxWei) throw this.#noGas(gas * fees.maxWei, balanceWei)
    // The chain knows best, unless it has not yet heard of what we sent a moment ago.
    let lowest = this.#inFlight === 0 ? 0 : this.#nextNonce
    for (let attempt = 1; ; attempt++) {
      const nonce = Math.max(lowest, await rpc.transactionCount(this.account, 'pending'))
      const submitted: Submitted = { request, nonce, gas, fees, hashes: [], bumps: 0 }
      const meaning = await this.#offer(submitted, balanceWei)
      if (meaning === undefined) {
        this.#nextNonce = nonce + 1
        this.#inFlight++
        return submitted
      }
      if (attempt === NONCE_ATTEMPTS_MAX)
        throw new ChainError('CHAIN_REPLACED', `another program sends from ${this.account}: nonce ${nonce} is taken`, {
          details: { account: this.account, nonce },
        })
      // Skipping ahead only where a transaction waits at this nonce; a gap would hold up all that come after.
      lowest = meaning === 'nonce-waiting' ? nonce + 1 : 0
    }
  }

  /** A revert found before sending is the same as one after it; the sentence names what was tried. */
  #explain(error: unknown, request: SendRequest): never {
    if (error instanceof ChainError && error.code === 'CHAIN_REVERTED') {
      const { error: name, ...values } = error.details
      throw revertError({ error: String(name), values }, request.doing)
    }
    throw error
  }

  #noGas(needWei: bigint, haveWei: bigint): ChainError {
    const account = this.account
    return new ChainError(
      'CHAIN_INSUFFICIENT_FUNDS',
      `gas needs ${needWei} wei, the account ${account} has ${haveWei}`,
      {
        details: { account, needWei, haveWei },
        next: `Send at least ${needWei - haveWei} wei of the chain's coin to ${account}, then run the command again.`,
      },
    )
  }

  async #fees(): Promise<Fees> {
    const { rpc } = this.#components
    const [block, priority] = await Promise.all([rpc.latestBlock(), rpc.priorityFeeWei()])
    if (block.baseFeeWei === undefined)
      throw new ChainError('CHAIN_BAD_ANSWER', `the chain at ${rpc.endpoint} has no EIP-1559 fees`, {
        details: { endpoint: rpc.endpoint },
      })
    const priorityWei = priority ?? PRIORITY_FEE_FALLBACK_WEI
    // Twice the base fee stays enough for six full blocks in a row.
    return { maxWei: block.baseFeeWei * 2n + priorityWei, priorityWei }
  }

  #sign(submitted: Submitted): { readonly raw: Hex; readonly hash: Hash } {
    const { request, nonce, gas, fees } = submitted
    const envelope = TxEnvelopeEip1559.from({
      chainId: this.#options.chainId,
      nonce: BigInt(nonce),
      gas,
      maxFeePerGas: fees.maxWei,
      maxPriorityFeePerGas: fees.priorityWei,
      data: request.data,
      ...(request.to === undefined ? {} : { to: request.to }),
    })
    const signature = this.#components.signer.sign(hexToBytes(TxEnvelopeEip1559.getSignPayload(envelope)))
    const signed = TxEnvelopeEip1559.from(envelope, {
      signature: {
        r: BigInt(bytesToHex(signature.subarray(0, 32))),
        s: BigInt(bytesToHex(signature.subarray(32, 64))),
        yParity: (signature[64] ?? 0) === 28 ? 1 : 0,
      },
    })
    return { raw: TxEnvelopeEip1559.serialize(signed), hash: TxEnvelopeEip1559.hash(signed) as Hash }
  }

  /** Hands in one version; undefined when it was taken, else what to do about the nonce. */
  async #offer(submitted: Submitted, balanceWei: bigint): Promise<'nonce-used' | 'nonce-waiting' | undefined> {
    const { rpc, logger } = this.#components
    const { raw, hash } = this.#sign(submitted)
    // Known before it is sent: an answer that is lost on the way must not lose the transaction.
    submitted.hashes.push(hash)
    try {
      await rpc.sendRaw(raw)
    } catch (error) {
      if (!(error instanceof RpcRefusalError)) {
        if (await this.#arrived(hash)) return undefined
        throw error
      }
      const meaning = meaningOf(error.refusal.message)
      if (meaning === 'nonce-used' || meaning === 'nonce-waiting') {
        submitted.hashes.pop()
        return meaning
      }
      if (meaning === 'funds') throw this.#noGas(submitted.gas * submitted.fees.maxWei, balanceWei)
      if (meaning === 'other') throw refusalError(error, rpc.endpoint)
    }
    logger.debug('transaction sent', {
      transaction: hash,
      nonce: submitted.nonce,
      doing: submitted.request.doing,
      fee: gwei(submitted.fees.maxWei),
    })
    return undefined
  }

  /** Whether a transaction arrived although the answer to it did not. */
  async #arrived(transaction: Hash): Promise<boolean> {
    try {
      const found = await this.#components.rpc.development('eth_getTransactionByHash', [transaction])
      return found !== null
    } catch {
      // Still out of reach: the caller learns of the first failure.
      return false
    }
  }

  async #mined(submitted: Submitted): Promise<Receipt> {
    const { clock, stopped } = this.#components
    const startedMs = clock.monotonicMs()
    let bumpAtMs = startedMs + this.#options.feeBumpAfterMs
    let pauseMs = this.#options.receiptPollMinMs
    let missingSinceMs: number | undefined
    while (clock.monotonicMs() - startedMs < this.#options.receiptTimeoutMs) {
      const look = await this.#look(submitted)
      if (look.receipt !== undefined) return this.#checked(look.receipt, submitted)
      const nowMs = clock.monotonicMs()
      missingSinceMs = look.isNonceUsed ? (missingSinceMs ?? nowMs) : undefined
      // Not at once: behind one endpoint are many machines, and the one that has the receipt may be another.
      if (missingSinceMs !== undefined && nowMs - missingSinceMs >= this.#options.replacedAfterMs)
        throw this.#replaced(submitted)
      if (clock.monotonicMs() >= bumpAtMs && submitted.bumps < FEE_BUMPS_MAX && !look.isNonceUsed) {
        await this.#bump(submitted)
        bumpAtMs = clock.monotonicMs() + this.#options.feeBumpAfterMs
      }
      await this.#pause(pauseMs, stopped)
      pauseMs = Math.min(pauseMs * 1.5, this.#options.receiptPollMaxMs)
    }
    throw new ChainError(
      'CHAIN_TIMEOUT',
      `${submitted.request.doing} was not mined in ${this.#options.receiptTimeoutMs} ms`,
      {
        details: {
          transaction: submitted.hashes.at(-1),
          nonce: submitted.nonce,
          timeoutMs: this.#options.receiptTimeoutMs,
        },
      },
    )
  }

  async #pause(pauseMs: number, stopped: AbortSignal): Promise<void> {
    try {
      await this.#components.clock.sleep(pauseMs, stopped)
    } catch (cause) {
      throw new CoreError('CORE_STOPPED', 'the chain adapter was stopped while a transaction waited for a block', {
        cause,
      })
    }
  }

  /** One look for the receipt. An outage meanwhile is not the transaction's fault: it is waited out. */
  async #look(submitted: Submitted): Promise<{ readonly receipt?: Receipt; readonly isNonceUsed: boolean }> {
    const { rpc, logger, stopped } = this.#components
    try {
      const head = await rpc.blockNumber()
      for (const hash of submitted.hashes) {
        const receipt = await rpc.receipt(hash)
        if (receipt === undefined) continue
        return head >= receipt.blockNumber + this.#options.confirmations - 1
          ? { receipt, isNonceUsed: false }
          : { isNonceUsed: false }
      }
      const count = await rpc.transactionCount(this.account, 'latest')
      return { isNonceUsed: count > submitted.nonce }
    } catch (error) {
      if (!(error instanceof ChainError) || !error.retryable || stopped.aborted) throw error
      logger.warn('receipt not read', { code: error.code, error: error.message })
      return { isNonceUsed: false }
    }
  }

  /** Offers the same transaction for more; whichever version is mined counts. */
  async #bump(submitted: Submitted): Promise<void> {
    const { logger, rpc } = this.#components
    submitted.bumps++
    submitted.fees = {
      maxWei: (submitted.fees.maxWei * (100n + FEE_BUMP_PERCENT)) / 100n + 1n,
      priorityWei: (submitted.fees.priorityWei * (100n + FEE_BUMP_PERCENT)) / 100n + 1n,
    }
    try {
      await this.#offer(submitted, await rpc.balanceWei(this.account))
    } catch (error) {
      if (!(error instanceof ChainError)) throw error
      logger.warn('transaction not offered again', { code: error.code, error: error.message })
    }
  }

  async #checked(receipt: Receipt, submitted: Submitted): Promise<Receipt> {
    if (receipt.isSuccess) return receipt
    const { to, data, doing } = submitted.request
    const call = { ...(to === undefined ? {} : { to }), from: this.account, data }
    // Running it again on top of its own block usually shows the reason.
    await this.#components.rpc
      .call(call, receipt.blockNumber)
      .catch((error: unknown) => this.#explain(error, submitted.request))
    throw revertError({ error: 'no reason', values: { transaction: receipt.transaction } }, doing)
  }

  #replaced(submitted: Submitted): ChainError {
    return new ChainError(
      'CHAIN_REPLACED',
      `another transaction of ${this.account} took nonce ${submitted.nonce} before ${submitted.request.doing}`,
      { details: { account: this.account, nonce: submitted.nonce, transaction: submitted.hashes.at(-1) } },
    )
  }
}
