import { type Address, microUsd, type Wei } from '@stead/core'
import type { EpochBook, EpochService } from '@stead/epochs'
import type { EarningsReport as MarketEarnings } from '@stead/market'
import type { EarningsQuery, EpochEarningsRow, EpochReason } from '@stead/sdk/api'

/** Epochs that are shown when nobody says which, and the most in one answer. */
const ROWS_DEFAULT = 16
const ROWS_MAX = 366

/** What the rows are made of. */
interface EarningsOf {
  readonly operator: Address
  readonly query: EarningsQuery
  readonly report: MarketEarnings
}

/**
 * An operator's earnings by epoch, the one that runs last: figures from facts and results, which anybody can recompute;
 * gas from the journal. @throws ChainError, CoreError of the store
 */
export async function earningsByEpoch(
  epochs: EpochService,
  { operator, query, report }: EarningsOf,
): Promise<readonly EpochEarningsRow[]> {
  if (epochs.ports.time.head === undefined) return []
  const to = Math.min(query.to ?? Number.MAX_SAFE_INTEGER, epochs.ports.time.epoch())
  const from = Math.max(query.from ?? to - ROWS_DEFAULT + 1, to - ROWS_MAX + 1, 0)
  const gas = await gasByEpoch(epochs, report)
  const rows: EpochEarningsRow[] = []
  for (let epoch = from; epoch <= to; epoch++) {
    rows.push(rowOf(await epochs.earnings.of(operator, epoch), { epoch, gasWei: gas(epoch) }))
  }
  return rows
}

function rowOf(book: EpochBook, known: { readonly epoch: number; readonly gasWei: Wei }): EpochEarningsRow {
  const { grossMicroUsd, feeMicroUsd, shares } = book
  const mintedTokenUnits = shares?.mintedTokenUnits ?? 0n
  const whyNothing = book.unknown ?? shares?.programs[0]?.reasons[0]?.code ?? 'no-share'
  return {
    ...known,
    grossMicroUsd,
    feeMicroUsd,
    netMicroUsd: microUsd(grossMicroUsd - feeMicroUsd),
    mintedTokenUnits,
    sponsoredMicroUsd: shares?.sponsoredMicroUsd ?? microUsd(0n),
    reason: mintedTokenUnits > 0n ? null : whyNothing,
    reasons: reasonsOf(book),
  }
}

function reasonsOf({ shares, utility }: EpochBook): readonly EpochReason[] {
  return (shares?.programs ?? []).flatMap(({ program, reasons }) =>
    reasons.map(({ code, about, need, have }) => ({ code, about, need, have, isMinting: program === utility })),
  )
}

/** Gas of own claims and rewards by the epoch in which they were sent. */
async function gasByEpoch(epochs: EpochService, report: MarketEarnings): Promise<(epoch: number) => Wei> {
  const { genesisSeconds, epochSeconds } = epochs.ports.calendar
  const sums = new Map<number, bigint>()
  const add = (epoch: number, wei: bigint) => sums.set(epoch, (sums.get(epoch) ?? 0n) + wei)
  for (const { at, gasCostWei } of report.settlements) {
    add(Math.floor((at / 1000 - genesisSeconds) / epochSeconds), gasCostWei)
  }
  for (const { epoch, gasCostWei } of (await epochs.claimer?.claimed()) ?? []) add(epoch, gasCostWei)
  return (epoch) => (sums.get(epoch) ?? 0n) as Wei
}
