import type { ErrorDetails } from '@stead/core'
import * as AbiError from 'ox/AbiError'
import type { Hex } from './answer.ts'
import { ChainError } from './errors.ts'
import { equivocationAbi } from './generated/equivocation.ts'
import { escrowAbi } from './generated/escrow.ts'
import { possessionAbi } from './generated/possession.ts'
import { rewardsAbi } from './generated/rewards.ts'
import { stakeAbi } from './generated/stake.ts'
import { steadTokenAbi } from './generated/stead-token.ts'
import { testDollarAbi } from './generated/test-dollar.ts'
import type { RpcRefusalError } from './json-rpc.ts'

const DATA_PATTERN = /^0x(?:[0-9a-fA-F]{2}){4,4096}$/

/** How deep clients wrap the bytes of a revert; an endpoint that nests deeper plays with us. */
const REVERT_NESTING_MAX = 4

/** What a contract refused with. */
export interface Revert {
  /** Name of the contract's error, `Error` for a plain text, `Panic` for a failed check of the compiler. */
  readonly error: string
  /** Its arguments by name. */
  readonly values: ErrorDetails
}

let errorsBySelector: ReadonlyMap<string, AbiError.AbiError> | undefined

/** Every error that our contracts can throw, by selector; made with the first refusal, which most nodes never meet. */
function knownErrors(): ReadonlyMap<string, AbiError.AbiError> {
  errorsBySelector ??= new Map(
    [...escrowAbi, ...stakeAbi, ...rewardsAbi, ...equivocationAbi, ...possessionAbi, ...steadTokenAbi, ...testDollarAbi]
      .filter((item) => item.type === 'error')
      .map((item): [string, AbiError.AbiError] => [AbiError.getSelector(item), AbiError.from(item)])
      .concat([
        [AbiError.solidityErrorSelector, AbiError.solidityError],
        [AbiError.solidityPanicSelector, AbiError.solidityPanic],
      ]),
  )
  return errorsBySelector
}

function printable(value: unknown): string | number | bigint | boolean {
  if (typeof value === 'string') return value.slice(0, 200)
  if (typeof value === 'bigint' || typeof value === 'number' || typeof value === 'boolean') return value
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? inner.toString() : inner)).slice(
    0,
    200,
  )
}

/** Reads the bytes that a contract reverted with; unknown ones keep their selector as the name. */
function decodeRevert(data: Hex): Revert {
  const selector = data.slice(0, 10).toLowerCase()
  const item = knownErrors().get(selector)
  if (item === undefined) return { error: data.length < 10 ? 'no reason' : `unknown error ${selector}`, values: {} }
  try {
    const decoded: unknown = AbiError.decode(item, data, { as: 'Array' })
    const values = item.inputs.length === 1 && !Array.isArray(decoded) ? [decoded] : decoded
    const named = item.inputs.map((input, index) => {
      const value: unknown = Array.isArray(values) ? values[index] : undefined
      return [input.name === undefined || input.name === '' ? `value${index}` : input.name, printable(value)] as const
    })
    return { error: item.name, values: Object.fromEntries(named) }
  } catch {
    // A contract that is not ours may use our selector with other arguments.
    return { error: item.name, values: {} }
  }
}

/** The typed error for a revert. */
export function revertError(revert: Revert, doing: string): ChainError {
  const shown = Object.entries(revert.values).map(([name, value]) => `${name} ${String(value)}`)
  const reason = shown.length === 0 ? revert.error : `${revert.error} (${shown.join(', ')})`
  if (revert.error === 'ERC20InsufficientBalance') {
    const { sender, balance, needed } = revert.values
    const sentence = `the account ${String(sender)} needs ${String(needed)} micro-dollars, has ${String(balance)}`
    return new ChainError('CHAIN_INSUFFICIENT_FUNDS', sentence, {
      details: { account: String(sender), needMicroUsd: needed, haveMicroUsd: balance },
      next: `Send dollars to ${String(sender)}, then run the command again.`,
    })
  }
  if (isPriceLimit(revert)) {
    return new ChainError('CHAIN_PRICE_MOVED', `${doing} was refused: ${reason}`, { details: priceDetails(revert) })
  }
  return new ChainError('CHAIN_REVERTED', `${doing} was refused by the contract: ${reason}`, {
    details: { error: revert.error, ...revert.values },
  })
}

/** The auction's and the exchange's own words for a limit that was missed. */
function isPriceLimit({ error, values }: Revert): boolean {
  if (error === 'LotTooExpensive' || error === 'LotNotForSale') return true
  return error === 'Error' && /UniswapV2Router: (INSUFFICIENT_OUTPUT_AMOUNT|EXPIRED)/.test(String(values.message))
}

function priceDetails({ error, values }: Revert): ErrorDetails {
  const { tokens, tokensMax, ...others } = values
  return error === 'LotTooExpensive'
    ? { error, needTokenUnits: tokens, allowedTokenUnits: tokensMax }
    : { error, ...others }
}

/** The bytes of a revert in an endpoint's refusal; each client puts them somewhere else. */
function revertData(data: unknown, depth = 0): Hex | undefined {
  if (typeof data === 'string' && DATA_PATTERN.test(data)) return data as Hex
  if (typeof data !== 'object' || data === null || depth === REVERT_NESTING_MAX) return undefined
  for (const key of ['data', 'result', 'originalError'] as const) {
    const found = revertData((data as Record<string, unknown>)[key], depth + 1)
    if (found !== undefined) return found
  }
  return undefined
}

/** Makes sense of an endpoint's refusal: a revert of a contract, or its own words. */
export function refusalError(error: RpcRefusalError, endpoint: string): ChainError {
  const { code, message, data } = error.refusal
  const reverted = revertData(data)
  const doing = error.method === 'eth_call' ? 'the read' : 'the transaction'
  if (reverted !== undefined) return revertError(decodeRevert(reverted), doing)
  if (code === 3 || /revert/i.test(message)) return revertError({ error: message, values: {} }, doing)
  return new ChainError('CHAIN_REFUSED', `the RPC endpoint ${endpoint} refused ${error.method}: ${message}`, {
    details: { endpoint, method: error.method, remoteCode: code, remoteMessage: message },
    cause: error,
  })
}
