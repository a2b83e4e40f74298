import { formatMicroUsd, formatTokenUnits } from '@stead/core'
import type { AuditStatus, NodeStatus, PossessionStatus, StorageStatus } from '@stead/sdk/api'
import type { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { addMemberOption, clientFor, type GivenMember } from '../node-place.ts'
import { toJson } from '../terminal/terminal.ts'
import { leavingText } from './leave.ts'
import { redundancyText } from './usage.ts'

/** `stead status`: what the node is and does, and why. */
export function define(command: Command, context: CommandContext): void {
  addMemberOption(command, 'payer').action(async (given: GivenMember) => {
    const status = await clientFor(context, given).getStatus()
    context.terminal.out(context.terminal.isJson ? toJson(status) : describe(status))
  })
}

function describe(status: NodeStatus): string {
  const { chain, provider, storage, payer } = status
  const { account } = chain
  const dollars = account.dollarMicroUsd === undefined ? '?' : formatMicroUsd(account.dollarMicroUsd)
  const gas = account.gasWei === undefined ? '?' : `${account.gasWei} wei`
  const stale = account.stale === undefined ? '' : ` (not known now: ${account.stale})`
  const why = provider.reason === undefined ? '' : ` (${provider.reason})`
  return [
    `node       ${status.node}`,
    `peer       ${status.peer}`,
    ...(status.operator === undefined ? [] : [`operator   ${status.operator}`]),
    `directory  ${status.dataDirectory}, process ${status.processId}, since ${new Date(status.startedAt).toISOString()}`,
    `network    ${status.peers} peers, ${status.offers} offers known`,
    ...status.addresses.map((address) => `           ${address}`),
    `chain      ${chain.chainId}, escrow ${chain.escrow}${chain.reachable ? '' : ', not reachable now'}`,
    `account    ${account.account}: ${dollars}, ${gas}${stale}`,
    `provider   ${provider.state}${why}: ${provider.running} running, ${provider.queued} queued; ${provider.succeeded} succeeded, ${provider.failed} failed, ${provider.timedOut} timed out, ${provider.rejected} rejected; ${formatMicroUsd(provider.unclaimedMicroUsd)} to claim`,
    ...(storage === undefined
      ? []
      : [
          `storage    ${storageText(storage)}`,
          ...leavingLine(storage),
          ...auditText(storage.audits),
          ...possessionText(storage.possession),
        ]),
    ...wardsText(status.wards),
    ...keptText(status.kept),
    `payer      ${payer.jobsRunning} jobs running, ${formatMicroUsd(payer.lockedMicroUsd)} locked and not spent`,
  ].join('\n')
}

function storageText({ state, agreements, agreedBytes, liveBytes, trashBytes, capacityBytes }: StorageStatus): string {
  const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(2)} GiB`
  return `${state}: ${gib(agreedBytes)} paid for in ${agreements} agreements; ${gib(liveBytes)} on disk, ${gib(trashBytes)} trash, of ${gib(capacityBytes)}`
}

/** What auditors found last; a warning comes before it costs anything. */
function auditText(audits: AuditStatus | undefined): string[] {
  if (audits === undefined) return []
  const { epoch, isProven, outcomes, isWarned, isPenalised, decidedAt } = audits
  const found = Object.entries(outcomes).map(([outcome, count]) => `${count} ${outcome}`)
  const what = isProven === null ? 'too few audits count' : isProven ? 'proven' : 'not proven'
  const line = `audits of epoch ${epoch}: ${what} (${found.join(', ') || 'none'})`
  if (!isWarned) return [`           ${line}`]
  const until = decidedAt === undefined ? '' : `, which ends ${new Date(decidedAt).toISOString()},`
  const next = `without proof in the next epoch${until} it loses a part of its quality`
  return [
    isPenalised
      ? `           WARNING: ${line}; it was warned before, and loses a part of its quality; ${next} again`
      : `           WARNING: ${line}; ${next}`,
  ]
}

/** What must not be overlooked: each of these can cost a tenth of the stake. */
function possessionText({ challenges, fault, lookedAt }: PossessionStatus): string[] {
  const since = lookedAt === undefined ? 'since the start' : `since ${new Date(lookedAt).toISOString()}`
  const blind = fault === undefined ? [] : [`           WARNING: challenges are not seen ${since}: ${fault}`]
  const lines = challenges.map(({ number, state, endsAt, reason, takenTokenUnits, gasUsed }) => {
    const isAtRisk = state === 'offline' || state === 'lost' || state === 'lied'
    const end = endsAt === undefined ? '' : `, answer due ${new Date(endsAt).toISOString()}`
    const taken = takenTokenUnits === undefined ? '' : `, lost ${formatTokenUnits(takenTokenUnits)}`
    const why = reason === undefined ? '' : ` (${reason})`
    return `           ${isAtRisk ? 'WARNING: ' : ''}challenge ${number}: ${state}${end}${taken}, ${gasUsed} gas${why}`
  })
  return [...blind, ...lines]
}

/** Whose pieces are looked after, and what it cost of what they paid ahead. */
function wardsText(wards: NodeStatus['wards']): string[] {
  return (wards ?? []).map(({ payer, segments, pieces, spentMicroUsd, budgetMicroUsd, silentMs }) => {
    const hours = Math.floor(silentMs / 3_600_000)
    const seen = hours < 1 ? 'there within the last hour' : `not heard of for ${hours} hours`
    return `care       ${payer}: ${segments} segments, ${pieces} pieces made and kept, ${formatMicroUsd(spentMicroUsd)} of ${formatMicroUsd(budgetMicroUsd)} spent; ${seen}`
  })
}

/** What of one's own lies on other nodes. */
function keptText(kept: NodeStatus['kept']): string[] {
  if (kept === undefined) return []
  const isWhole = kept.shortSegments === 0
  return [
    `kept       ${kept.segments} segments on other nodes${isWhole ? ', all of them whole' : ''}${redundancyText(kept)}`,
  ]
}

function leavingLine({ leaving }: StorageStatus): string[] {
  return leaving === undefined ? [] : [`           ${leavingText(leaving)}`]
}
