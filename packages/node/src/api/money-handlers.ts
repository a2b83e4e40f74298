import type { Address, MicroUsd } from '@stead/core'
import { messageOf, microUsd } from '@stead/core'
import type { SettlementRecord, SettlementReport } from '@stead/market'
import type {
  EarningsQuery,
  EarningsReport,
  PurseQuery,
  PurseView,
  SettleAnswer,
  SettledChannel,
  SettlementTransaction,
} from '@stead/sdk/api'
import type { SteadNode } from '../daemon/stead-node.ts'
import { NodeError } from '../errors.ts'
import { channelEarnings, claimOutlook } from './channel-earnings.ts'
import { earningsByEpoch } from './epoch-earnings.ts'
import type { Handlers } from './handlers.ts'
import { receiptLines } from './receipt-lines.ts'

type MoneyRoutes = 'listReceipts' | 'settle' | 'listPurses' | 'thaw' | 'getEarnings'

/** What was paid, claimed and earned. */
export function moneyHandlers(node: SteadNode): Pick<Handlers, MoneyRoutes> {
  return {
    listReceipts: async ({ query }) => ({ receipts: await receiptLines(node, query) }),
    settle: () => settle(node),
    listPurses: async ({ query }) => ({ purses: await purses(node, query) }),
    thaw: async ({ body }) => {
      const record = await node.trade.payer.market.thaw(body.purse)
      const transaction = record.transactions.at(-1)
      if (transaction === undefined || record.thawEndsAt === undefined) {
        throw new TypeError('a purse thaws without a transaction')
      }
      return { purse: record.purse, endsAt: record.thawEndsAt, transaction }
    },
    getEarnings: ({ query }) => earnings(node, query),
  }
}

async function purses({ trade }: SteadNode, { all = false }: PurseQuery): Promise<PurseView[]> {
  const { market } = trade.payer
  const shown = (await market.purses()).filter(({ stage }) => all || stage !== 'closed')
  shown.sort((one, other) => other.createdAt - one.createdAt)
  return await Promise.all(
    shown.map(async ({ purse, seed, stage, createdAt, channels, thawEndsAt, refundMicroUsd }) => ({
      purse,
      stage,
      createdAt,
      totalMicroUsd: seed.totalMicroUsd,
      signedMicroUsd: await market.signedMicroUsd(purse),
      providers: channels.length,
      ...(thawEndsAt === undefined ? {} : { thawEndsAt }),
      ...(refundMicroUsd === undefined ? {} : { refundMicroUsd }),
    })),
  )
}

async function settle(node: SteadNode): Promise<SettleAnswer> {
  const { payer, provider } = node.trade
  const paid = await payer.market.settle()
  const claimed: SettlementReport = (await provider?.market.settle()) ?? { settlements: [], failed: [] }
  return {
    paidMicroUsd: paid.receiptedMicroUsd,
    unpaid: paid.unsettled.map((each) => ({
      node: each.node,
      amountMicroUsd: each.unreceiptedMicroUsd,
      reason: `${each.error.code}: ${messageOf(each.error)}`,
    })),
    claimed: claimed.settlements.flatMap((record) => settledChannels(node, record)),
    transactions: claimed.settlements.map(transactionOf),
  }
}

async function earnings(node: SteadNode, query: EarningsQuery): Promise<EarningsReport> {
  const { provider } = node.trade
  if (provider === undefined) throw new NodeError('NODE_NOT_PROVIDING', 'this node sells nothing')
  const report = await provider.market.earnings()
  return {
    operator: provider.operator,
    rows:
      node.epochs === undefined
        ? []
        : await earningsByEpoch(node.epochs, { operator: provider.operator, query, report }),
    receiptedMicroUsd: report.paidMicroUsd,
    claimedMicroUsd: report.grossMicroUsd,
    unclaimedMicroUsd: report.claimableMicroUsd,
    writtenOffMicroUsd: report.writtenOffMicroUsd,
    feesMicroUsd: report.feeMicroUsd,
    channels: channelEarnings(report),
    claim: claimOutlook(report, microUsd(node.config.claim.minimumMicroUsd)),
    settlements: report.settlements.flatMap((record) => settledChannels(node, record)),
    transactions: report.settlements.map(transactionOf),
  }
}

function settledChannels(node: SteadNode, record: SettlementRecord): SettledChannel[] {
  const operator = node.trade.provider?.operator as Address
  return record.channels.map(({ channel, purse, grossMicroUsd, feeMicroUsd }) => ({
    channel,
    purse,
    node: node.foundation.signer.address,
    operator,
    grossMicroUsd,
    feeMicroUsd,
    netMicroUsd: (grossMicroUsd - feeMicroUsd) as MicroUsd,
    transaction: record.transaction,
  }))
}

function transactionOf(record: SettlementRecord): SettlementTransaction {
  const { transaction, gasUsed, gasCostWei, at, reason } = record
  return { transaction, action: 'claim', gasUsed, gasCostWei, at, reason }
}
