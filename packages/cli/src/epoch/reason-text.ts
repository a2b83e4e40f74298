import { formatMicroUsd, formatTokenUnits } from '@stead/core'
import { PPM, type ShareReason } from '@stead/rewards'

const percent = (ppm: bigint): string => `${Number((ppm * 10_000n) / BigInt(PPM)) / 100} %`

/**
 * Why a share is zero or reduced, as a clause for a person; its code comes first. Amounts are in tokens by the program
 * that mints, in dollars by all others.
 */
export function reasonText({ code, about, need, have }: ShareReason, isMinting: boolean): string {
  const amount = isMinting ? formatTokenUnits : formatMicroUsd
  const clause = (): string => {
    switch (code) {
      case 'no-fees':
        return `nobody paid it in ${about}`
      case 'unsold-lot':
        return `fees of ${about}, ${formatMicroUsd(need)}, were not sold in this epoch; they are paid in the epoch of their sale`
      case 'not-bonded':
        return need === 1n
          ? 'no node of it was bonded as the epoch began'
          : `${about}: ${amount(have)} of ${amount(need)}`
      case 'quality':
        return isMinting
          ? `${about}: ${amount(have)} of ${amount(need)}`
          : `${about}: ${percent(have)}, need ${percent(need)}`
      case 'quality-unknown':
        return isMinting
          ? `${about}: too few probers reported, 0 of ${amount(need)}`
          : `${about}: ${have} of ${need} probers reported`
      case 'storage-unproven':
        return `${about}: ${amount(have)} of ${amount(need)}, because it was warned and did not show again what it keeps`
      case 'capped':
      case 'deposit-limit':
        return `${about}: limited to ${amount(have)} of ${amount(need)}`
      case 'place-not-paid':
        return `the program does not pay for ${about}`
      case 'no-share':
        return 'the program gives it nothing in this epoch'
      case 'program-ended':
        return 'the program is not in use any more'
      default:
        return `${about}: need ${need}, have ${have}`
    }
  }
  return `${code}: ${clause()}`
}
