import { type MicroUsd, microUsd } from '@stead/core'
import type { CreditTerms } from '@stead/protocol'
import { lesser } from './amounts.ts'

/** What a provider has learned of one payer, as far as credit goes. */
export interface CreditState {
  /** Unpaid work that the payer may have open over all its channels; 0 before its first payment. */
  readonly windowMicroUsd: MicroUsd
  /** Paid since the window last grew. */
  readonly growthMicroUsd: MicroUsd
  /** Paid in all. */
  readonly paidMicroUsd: MicroUsd
  /** Delivered, rejected by the payer, never paid. */
  readonly writtenOffMicroUsd: MicroUsd
}

const ZERO: MicroUsd = microUsd(0n)

/** A payer that never paid. */
export const noCredit: CreditState = {
  windowMicroUsd: ZERO,
  growthMicroUsd: ZERO,
  paidMicroUsd: ZERO,
  writtenOffMicroUsd: ZERO,
}

/** What an unknown payer must still pay ahead; 0 for one that is known. */
export function prepayDue(credit: CreditState, terms: CreditTerms): MicroUsd {
  if (credit.windowMicroUsd > 0n || credit.paidMicroUsd >= terms.prepayMicroUsd) return ZERO
  return microUsd(terms.prepayMicroUsd - credit.paidMicroUsd)
}

/** The window opens where nothing has to be paid ahead. */
export function creditAtOpening(credit: CreditState, terms: CreditTerms): CreditState {
  if (credit.windowMicroUsd > 0n || prepayDue(credit, terms) > 0n) return credit
  return { ...credit, windowMicroUsd: startOf(terms) }
}

/** The first payment opens the window; each window that was paid makes it 4/3 as large, up to the cap. */
export function creditAfterPayment(credit: CreditState, terms: CreditTerms, paid: bigint): CreditState {
  const paidMicroUsd = microUsd(credit.paidMicroUsd + paid)
  if (credit.windowMicroUsd === 0n) {
    const opened = { ...credit, paidMicroUsd }
    return prepayDue(opened, terms) > 0n ? opened : { ...opened, windowMicroUsd: startOf(terms) }
  }
  let window: bigint = credit.windowMicroUsd
  let growth = credit.growthMicroUsd + paid
  while (window < terms.capMicroUsd && growth >= window) {
    growth -= window
    // Rounded up, so that a window of one micro-dollar grows as well.
    window = lesser((window * 4n + 2n) / 3n, terms.capMicroUsd)
  }
  if (window >= terms.capMicroUsd) growth = 0n
  return { ...credit, windowMicroUsd: microUsd(window), growthMicroUsd: microUsd(growth), paidMicroUsd }
}

/** Unpaid work puts the window back to its start. */
export function creditAfterWriteOff(credit: CreditState, terms: CreditTerms, writtenOff: bigint): CreditState {
  const start = startOf(terms)
  return {
    ...credit,
    windowMicroUsd: lesser(credit.windowMicroUsd, start),
    growthMicroUsd: ZERO,
    writtenOffMicroUsd: microUsd(credit.writtenOffMicroUsd + writtenOff),
  }
}

/** What a payer may leave unpaid before it is refused: a fixed sum and a share of what it paid. */
export function writeOffLimit(
  credit: CreditState,
  limits: { readonly writeOffMaxMicroUsd: MicroUsd; readonly writeOffShareBps: number },
): MicroUsd {
  return microUsd(limits.writeOffMaxMicroUsd + (credit.paidMicroUsd * BigInt(limits.writeOffShareBps)) / 10_000n)
}

function startOf(terms: CreditTerms): MicroUsd {
  const least = lesser(terms.startMicroUsd, terms.capMicroUsd)
  return microUsd(least > 0n ? least : 1n)
}

/**
 * Work between two parties that is not paid yet, over all their channels; both sides keep one and come to the same
 * number. A channel's own part is never below zero: what is prepaid on one does not cover another.
 */
export interface CreditAccount {
  credit: CreditState
  exposureMicroUsd: bigint
}
