import { type MicroUsd, microUsd, type PeerId } from '@stead/core'
import type { ChannelRow } from '../journal/rows.ts'
import type { ChannelDesk } from '../provider/channel-desk.ts'
import type { PayerRecords } from '../provider/payer-records.ts'
import type { ProviderChannel } from '../provider/provider-channel.ts'
import type { ClaimDesk } from './claim-desk.ts'
import type { EarningsReport, ProviderChannelReport, SettlementRecord } from './settlement-record.ts'

/** Where the numbers come from. */
export interface EarningsSources {
  readonly channels: ChannelDesk
  readonly payers: PayerRecords
  readonly claims: ClaimDesk
}

/** Adds up what a provider's books say; one calculation for every view. */
export async function reportEarnings({ channels, payers, claims }: EarningsSources): Promise<EarningsReport> {
  const reports: ProviderChannelReport[] = []
  for await (const report of channelReports(channels)) reports.push(report)
  const settlements = claims.settlements.flatMap(onChain)
  const sum = (amount: (report: ProviderChannelReport) => bigint): MicroUsd =>
    microUsd(reports.reduce((total, report) => total + amount(report), 0n))
  const settled = (amount: (record: SettlementRecord) => bigint): bigint =>
    settlements.reduce((total, record) => total + amount(record), 0n)
  return {
    deliveredMicroUsd: sum((report) => report.billedMicroUsd + report.outstandingMicroUsd),
    paidMicroUsd: sum((report) => report.paidMicroUsd),
    unpaidMicroUsd: sum((report) => report.outstandingMicroUsd),
    writtenOffMicroUsd: microUsd(await payers.writtenOff()),
    claimableMicroUsd: sum((report) => (report.state === 'closed' ? 0n : claimable(report))),
    grossMicroUsd: microUsd(settled((record) => record.grossMicroUsd)),
    feeMicroUsd: microUsd(settled((record) => record.feeMicroUsd)),
    gasMicroUsd: microUsd(settled((record) => record.gasMicroUsd)),
    netMicroUsd: settled((record) => record.netMicroUsd),
    settlements,
    channels: reports,
    claim: claims.state,
  }
}

/** What of a settlement no other fork has undone: what it credited, and gas that was paid. */
function onChain(record: SettlementRecord): readonly SettlementRecord[] {
  const channels = record.channels.filter(({ grossMicroUsd }) => grossMicroUsd > 0n)
  return channels.length > 0 || record.gasCostWei > 0n ? [{ ...record, channels }] : []
}

async function* channelReports(channels: ChannelDesk): AsyncGenerator<ProviderChannelReport> {
  for await (const { id, row } of channels.receipts.channelRows()) {
    const live = channels.find(id)
    const head = live === undefined ? (await channels.receipts.head(id))?.before : live.ledger.head
    yield {
      channel: id,
      payer: row.seed.voucherSigner,
      peer: row.peer as PeerId,
      state: stateOf(live, row),
      allocationMicroUsd: row.allocationMicroUsd,
      billedMicroUsd: head?.deliveredMicroUsd ?? microUsd(0n),
      // What a broken or closed channel left unpaid is written off.
      outstandingMicroUsd:
        live === undefined || live.stage === 'broken' ? microUsd(0n) : live.ledger.outstandingMicroUsd,
      paidMicroUsd: live?.best?.cumulativeMicroUsd ?? row.voucherMicroUsd ?? head?.cumulativeMicroUsd ?? microUsd(0n),
      claimedMicroUsd: live?.claimedMicroUsd ?? row.claimedMicroUsd,
      deliveries: live?.ledger.deliveries ?? 0,
    }
  }
}

function stateOf(live: ProviderChannel | undefined, row: ChannelRow): ProviderChannelReport['state'] {
  if (live?.isPurseMissing === true) return 'missing'
  if (live === undefined && row.restingSince !== undefined && row.stage !== 'broken') return 'resting'
  return live?.stage ?? row.stage
}

function claimable(report: ProviderChannelReport): bigint {
  const rest = report.paidMicroUsd - report.claimedMicroUsd
  return rest > 0n ? rest : 0n
}
