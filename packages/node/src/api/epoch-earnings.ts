import { type Address, isSteadError, microUsd, type Wei } from '@stead/core'
import type { EarningsReport as MarketEarnings } from '@stead/market'
import type { EarningsQuery, EpochEarningsRow } from '@stead/sdk/api'
import type { EpochService } from '../epochs/epoch-service.ts'

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
 * An operator's earnings by epoch: figures from facts and results, which anybody can recompute; gas from the journal.
 * Loads rewards, which only a node that takes part in epochs has in memory. @throws ChainError, CoreError of the store
 */
export async function earningsByEpoch(
  epochs: EpochService,
  { operator, query, report }: EarningsOf,
): Promise<readonly EpochEarningsRow[]> {
  if (epochs.ports.time.head === undefined) return []
  const to = Math.min(query.to ?? Number.MAX_SAFE_INTEGER, epochs.ports.time.epoch() - 1)
  const from = Math.max(query.from ?? to - ROWS_DEFAULT + 1, to - ROWS_MAX + 1, 0)
  const gas = await gasByEpoch(epochs, report)
  const rows: EpochEarningsRow[] = []
  for (let epoch = from; epoch <= to; epoch++) rows.push(await rowOf(epochs, operator, { epoch, gasWei: gas(epoch) }))
  return rows
}

async function rowOf(
  epochs: EpochService,
  operator: Address,
  known: { readonly epoch: number; readonly gasWei: Wei },
): Promise<EpochEarningsRow> {
  try {
    const earned = await epochs.earnings.of(operator, known.epoch)
    const reason = earned.mintedTokenUnits > 0n ? null : (earned.programs[0]?.reasons[0]?.code ?? 'no-share')
    const { grossMicroUsd, feeMicroUsd, netMicroUsd, mintedTokenUnits, sponsoredMicroUsd } = earned
    return { ...known, grossMicroUsd, feeMicroUsd, netMicroUsd, mintedTokenUnits, sponsoredMicroUsd, reason }
  } catch (error) {
    if (!isSteadError(error) || error.code.startsWith('CHAIN_')) throw error
    const none = microUsd(0n)
    const nothing = { grossMicroUsd: none, feeMicroUsd: none, netMicroUsd: none, sponsoredMicroUsd: none }
    return { ...known, ...nothing, mintedTokenUnits: 0n, reason: error.code }
  }
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
