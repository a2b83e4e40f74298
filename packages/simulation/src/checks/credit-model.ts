import type { StoredReceipt } from '@stead/market'
import type { CreditTerms } from '@stead/protocol'

/**
 * How much unpaid work a provider may have out with one payer, worked out from the receipts and the quote alone and not
 * by the code that keeps the credit: nothing before the prepayment, the start after it, 4/3 as much with each window that
 * was paid, up to the cap. Write-offs make the window smaller, so this is the most that it can be.
 * @param receipts all of this payer with this provider, over all channels
 */
export function largestWindowMicroUsd(receipts: readonly StoredReceipt[], terms: CreditTerms): bigint {
  // By place of the bill and not by time, because wall clocks jump; but for the first payment the order does not matter.
  const payments = receipts.toSorted((left, right) => left.increment.index - right.increment.index)
  const signed = new Map<string, bigint>()
  const start = lesser(terms.startMicroUsd, terms.capMicroUsd)
  let paid = 0n
  let grown = 0n
  let window = terms.prepayMicroUsd === 0n ? start : 0n
  for (const { increment, evidence } of payments) {
    const payment = increment.cumulativeMicroUsd - (signed.get(evidence.channel) ?? 0n)
    signed.set(evidence.channel, increment.cumulativeMicroUsd)
    paid += payment
    if (window > 0n) grown += payment
    else if (paid >= terms.prepayMicroUsd) window = start
    while (window > 0n && window < terms.capMicroUsd && grown >= window) {
      grown -= window
      window = lesser((window * 4n + 2n) / 3n, terms.capMicroUsd)
    }
  }
  return window
}

function lesser(left: bigint, right: bigint): bigint {
  return left < right ? left : right
}
