import { formatMicroUsd, isSteadError, type MicroUsd } from '@stead/core'
import type { DaemonClient } from '@stead/sdk'
import {
  FUNDED_DAYS_WARNED,
  type PlacementView,
  type StorageNodeView,
  type StorageRoundView,
  type StorageUsage,
} from '@stead/sdk/api'
import type { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { addMemberOption, clientFor, type GivenMember } from '../node-place.ts'
import { formatBytes } from '../objects/object-url.ts'
import { shownName } from '../terminal/shown-name.ts'
import { renderTable } from '../terminal/table.ts'
import { toJson } from '../terminal/terminal.ts'
import { caretakerText } from './caretaker.ts'

interface GivenUsage extends GivenMember {
  readonly now?: boolean
}

/** `stead usage`: who keeps how much, and what it costs. */
export function define(command: Command, context: CommandContext): void {
  addMemberOption(command, 'payer')
    .option('--now', 'have everything proven, pay for it and repair first')
    .action(async (given: GivenUsage) => {
      const client = clientFor(context, given)
      const round = given.now === true ? await client.runStorageRound() : undefined
      const usage = await client.getStorage()
      const { terminal } = context
      if (round !== undefined && !terminal.isJson) terminal.message(roundText(round))
      if (terminal.isJson) terminal.out(toJson({ ...usage, ...(round === undefined ? {} : { round }) }))
      else terminal.out(usage.nodes.length > 0 ? describe(usage) : nothingText(await bucketsOf(client)))
    })
}

/** The names of what is kept under the phrase of this machine, as far as they can be had now. */
async function bucketsOf(client: DaemonClient): Promise<readonly string[]> {
  try {
    return (await client.listBuckets()).buckets.map(({ name }) => name)
  } catch (error) {
    // Those who keep the roots may be away: that this machine pays nobody is known without them.
    if (isSteadError(error)) return []
    throw error
  }
}

/** What is said where no node keeps anything for this machine: others of its phrase may have nodes keep much. */
export function nothingText(buckets: readonly string[]): string {
  if (buckets.length === 0) return 'nothing is kept on the network; keep something: stead put <file> stead://bucket/'
  const [are, they] = buckets.length === 1 ? ['1 bucket is', 'it'] : [`${buckets.length} buckets are`, 'them']
  return (
    `this machine keeps nothing on the network itself, and pays nothing; ${are} there: ${buckets.map(shownName).join(', ')}` +
    `\nother machines of this recovery phrase keep ${they} there and pay: see stead usage on them`
  )
}

function roundText({
  outcomes,
  paidMicroUsd,
  repairedSegments,
  repairedPieces,
  missingPieces,
}: StorageRoundView): string {
  const counts = Object.entries(outcomes).flatMap(([outcome, count]) => (count === 0 ? [] : [`${count} ${outcome}`]))
  const missing = missingPieces === 0 ? '' : `; for ${missingPieces} pieces more there is no node now`
  return `settled: ${counts.join(', ')}, ${formatMicroUsd(paidMicroUsd)}; repaired ${repairedPieces} pieces of ${repairedSegments} segments${missing}`
}

function describe(usage: StorageUsage): string {
  const { nodes, keptBytes, microUsdPerDay, fundsMicroUsd, fundedDays, placement, caretaker } = usage
  const table = renderTable<StorageNodeView>(
    [
      { title: 'NODE', value: ({ node }) => node },
      { title: 'PIECES', value: ({ pieces }) => String(pieces), isNumber: true },
      { title: 'BYTES', value: ({ bytes }) => formatBytes(bytes), isNumber: true },
      { title: 'THERE', value: ({ availability }) => `${Math.round(availability * 100)} %`, isNumber: true },
      {
        title: 'UPTIME',
        value: ({ uptime }) => (uptime === undefined ? '-' : `${(uptime * 100).toFixed(1)} %`),
        isNumber: true,
      },
      { title: 'LAST', value: ({ lastOutcome }) => lastOutcome ?? '-' },
      { title: 'PAID', value: ({ paidMicroUsd }) => formatMicroUsd(paidMicroUsd), isNumber: true },
    ],
    nodes,
  )
  const sum = `${formatBytes(keptBytes)} on ${nodes.length} nodes, ${formatMicroUsd(microUsdPerDay)} a day`
  const counted =
    "what was removed counts until the node's daily sweep gives its room back, and what is half-sent: stead ls --uploads"
  const care = caretaker === undefined ? '' : `\n${caretakerText(caretaker)}`
  return `${table}\n${sum}\n${counted}\n${fundsText(fundsMicroUsd, fundedDays)}${placementText(placement)}${care}`
}

/** Beyond it nobody counts days; nor do prices hold for so long. */
const DAYS_SHOWN_MAX = 36_525

function fundsText(fundsMicroUsd: MicroUsd | undefined, days: number | undefined): string {
  if (fundsMicroUsd === undefined) return 'the chain cannot be asked for how long the money is enough'
  const funds = `${formatMicroUsd(fundsMicroUsd)} in the account and locked for storage`
  if (days === undefined) return funds
  const enough = `${funds}: enough for ${days > DAYS_SHOWN_MAX ? 'more than a hundred years' : `${days} days`}`
  return days < FUNDED_DAYS_WARNED
    ? `${enough}. Send dollars to the account (stead status): nodes delete what nobody pays for`
    : enough
}

/** Said, not hidden: it is the difference between a segment in a million years and one in a few. */
function placementText(placement: PlacementView): string {
  const { segments, unsteadySegments, steadyNodes } = placement
  const unsteady =
    unsteadySegments === 0
      ? ''
      : `\nWARNING: ${unsteadySegments} of ${segments} segments have fewer than half of their pieces on nodes of 95 % measured uptime; ${steadyNodes} nodes have that so far (it takes a day to measure)`
  return `${redundancyText(placement)}${unsteady}`
}

/** What is missing of segments now, and when it is made again; nothing where all is well. Each line begins with its break. */
export function redundancyText(placement: PlacementView): string {
  const { segments, shortSegments, bareSegments, unreadableSegments } = placement
  if (shortSegments === 0) return ''
  const lines = [`${shortSegments} of ${segments} segments lack pieces: nodes do not answer, or lost them`]
  const bare = bareSegments - unreadableSegments
  if (bare > 0) lines.push(`WARNING: ${bare} of these can lose no more nodes`)
  if (unreadableSegments > 0)
    lines.push(`WARNING: ${unreadableSegments} of these cannot be read now: too few of their nodes answer`)
  lines.push(repairText(placement))
  return lines.map((line) => `\n${line}`).join('')
}

function repairText({ shortSegments, dueSegments, repairFrom }: PlacementView): string {
  const parts = [
    ...(dueSegments > 0 ? [`${dueSegments} are repaired in the next round, or now: stead usage --now`] : []),
    ...(repairFrom === undefined
      ? []
      : [`from ${new Date(repairFrom).toISOString()} on repairs begin, if the nodes stay away until then`]),
  ]
  if (parts.length > 0) return parts.join('; ')
  return `${shortSegments === 1 ? 'it has' : 'all have'} enough left: none is repaired for the nodes that are away now`
}
