import { formatMicroUsd, formatTokenUnits, type PoolState, type SwapQuote, TOKEN_UNITS } from '@stead/core'
import { formatPpm } from '../chain/amounts.ts'
import type { LotOffer } from './lot-offer.ts'

const MICRO_USD_PER_DOLLAR = 1_000_000n

/** The auction in lines for a person. */
export function describeLot(offer: LotOffer): string {
  const { lot, feesMicroUsd, priceTokenUnits, costTokenUnits, minimumLotMicroUsd } = offer
  if (feesMicroUsd === 0n) return 'lot: no fees are for sale; they are when an epoch with fees has ended'
  const head = `lot ${lot}: ${formatMicroUsd(feesMicroUsd)} of fees for ${formatTokenUnits(costTokenUnits)} to burn`
  if (feesMicroUsd < minimumLotMicroUsd) {
    return `${head}\n  not for sale yet: need ${formatMicroUsd(minimumLotMicroUsd)}, have ${formatMicroUsd(feesMicroUsd)}`
  }
  const end = new Date(offer.epochEndsAt).toISOString()
  return [
    head,
    `  price ${pricePerDollar(priceTokenUnits)}, halves every ${offer.halvingSeconds} s; ${pricePerDollar(offer.priceAtEndTokenUnits)} at ${end}, when the epoch ends`,
    `  ${worth(offer)}`,
  ].join('\n')
}

function pricePerDollar(priceTokenUnits: bigint): string {
  return `${formatTokenUnits(priceTokenUnits * MICRO_USD_PER_DOLLAR)} a dollar`
}

function worth({ costMicroUsd, gainMicroUsd, worthItAt }: LotOffer): string {
  if (costMicroUsd === undefined || gainMicroUsd === undefined) {
    return `not worth it: the exchange does not have so many tokens${whenWorth(worthItAt)}`
  }
  const sum = `the tokens cost ${formatMicroUsd(costMicroUsd)} on the exchange`
  if (gainMicroUsd > 0n) return `worth it: ${sum}, you gain ${formatMicroUsd(gainMicroUsd)} less gas: stead buy-lot`
  return `not worth it: ${sum}, you lose ${formatMicroUsd(-gainMicroUsd)}${whenWorth(worthItAt)}`
}

function whenWorth(worthItAt: number | undefined): string {
  return worthItAt === undefined
    ? '; it is not in this epoch at the price of now'
    : `; it is from ${new Date(worthItAt).toISOString()} on at the price of now`
}

/** The pool in a line for a person. */
export function describePool({ dollarMicroUsd, tokenUnits }: PoolState): string {
  if (tokenUnits === 0n || dollarMicroUsd === 0n) return 'exchange: the pool is empty'
  const price = (dollarMicroUsd * TOKEN_UNITS) / tokenUnits
  return `exchange: 1 STEAD = ${formatMicroUsd(price)}; the pool holds ${formatTokenUnits(tokenUnits)} and ${formatMicroUsd(dollarMicroUsd)}`
}

/** A quote in a line for a person. */
export function describeQuote({ direction, amountIn, amountOut, impactPpm, feePpm }: SwapQuote): string {
  const [given, got] =
    direction === 'dollars-to-tokens'
      ? [formatMicroUsd(amountIn), formatTokenUnits(amountOut)]
      : [formatTokenUnits(amountIn), formatMicroUsd(amountOut)]
  return `${given} gives ${got}; price impact ${formatPpm(impactPpm)}, fee of the exchange ${formatPpm(feePpm)}`
}
