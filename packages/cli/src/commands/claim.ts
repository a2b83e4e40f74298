import { formatMicroUsd, hasCode } from '@stead/core'
import { type Command, Option } from 'commander'
import { accountOf, keyFileOption, withAccount } from '../chain/account-key.ts'
import { addChainOptions, type ChainPlace, chainPlace, type GivenChain } from '../chain/chain-place.ts'
import { paidOperator } from '../chain/paid-operator.ts'
import { withEconomy } from '../chain/with-economy.ts'
import { type ClaimStep, carryOut, carryOutByNode, nodeOf } from '../claim/carry-out.ts'
import { type ClaimPlan, isEmptyPlan, planClaim } from '../claim/claim-plan.ts'
import { describePlan, describeSteps } from '../claim/claim-text.ts'
import type { CommandContext } from '../command-context.ts'
import { addEvidenceOption } from '../epoch/audit-commands.ts'
import { documentSource } from '../epoch/document-source.ts'
import { CliError } from '../errors.ts'
import { addMemberOption, clientOf, commandFor, type NodePlace, toldNodePlace } from '../node-place.ts'
import { toJson } from '../terminal/terminal.ts'

interface GivenClaim extends GivenChain {
  readonly node?: string
  readonly keyFile?: string
  readonly operator?: string
  readonly evidence?: string
  readonly dryRun?: boolean
}

/** `stead claim`: everything that an operator has earned and not received. */
export function define(command: Command, context: CommandContext): void {
  addMemberOption(addEvidenceOption(addChainOptions(command)), 'operator')
    .addOption(keyFileOption('operator'))
    .addOption(
      new Option(
        '--operator <address>',
        'who is paid (default: provide.operator of the node, else the account of the key)',
      ),
    )
    .addOption(new Option('--dry-run', 'say what would be paid, and send nothing'))
    .addHelpText(
      'after',
      '\nPays out what settlement credited, raises the cap for sold fees, and claims the rewards of the final root.' +
        "\nThe operator's own node sends it when it runs, and no chain, key or other operator is named; else the account" +
        '\nof the key does. Anybody may: all of it only ever goes to the operator.' +
        '\nVouchers that the node still holds are claimed by: stead settle',
    )
    .action((given: GivenClaim) => claim(given, context))
}

async function claim(given: GivenClaim, context: CommandContext): Promise<void> {
  const { terminal } = context
  const node = toldNodePlace('operator', given, context)
  const operator = await paidOperator({ named: given.operator, keyFile: given.keyFile }, node, context)
  const place = await chainPlace(given, context)
  const plan = await withEconomy(place, (open) => planClaim(open, documentSource(given, node), operator))
  const isDry = given.dryRun === true
  if (isEmptyPlan(plan) && !isDry) throw await nothingToClaim(plan, node)
  if (!terminal.isJson) terminal.out(describePlan(plan))
  const sent = isDry ? undefined : await send(plan, { given, node, place }, context)
  if (terminal.isJson) return void terminal.out(toJson({ ...plan, ...(sent ?? { steps: [] }) }))
  if (sent === undefined) return void terminal.out('nothing was sent')
  terminal.out(describeSteps(plan, sent.steps))
  if (sent.by === 'node') terminal.message('sent by the node, which keeps account of the gas: stead earnings')
}

interface Sent {
  readonly by: 'node' | 'account'
  readonly steps: readonly ClaimStep[]
}

interface Way {
  readonly given: GivenClaim
  readonly node: NodePlace
  readonly place: ChainPlace
}

async function send(plan: ClaimPlan, { given, node, place }: Way, context: CommandContext): Promise<Sent> {
  const isOwnWay = given.rpc !== undefined || given.addressBook !== undefined || given.keyFile !== undefined
  const client = isOwnWay ? undefined : await nodeOf(clientOf(node), plan.operator)
  const byNode = client === undefined ? undefined : await carryOutByNode(client)
  if (byNode !== undefined) return { by: 'node', steps: byNode }
  const account = await accountOf({ keyFile: given.keyFile, side: 'operator' }, node, context)
  return { by: 'account', steps: await withAccount({ place, account, context }, (open) => carryOut(open, plan)) }
}

async function nothingToClaim({ operator, finalEpoch }: ClaimPlan, node: NodePlace): Promise<CliError> {
  const state = finalEpoch === undefined ? 'no root is final yet' : `the final root is of epoch ${finalEpoch}`
  const message = `${operator} has nothing to claim; ${state}`
  const unclaimedMicroUsd = await vouchersOf(node)
  if (unclaimedMicroUsd === 0n) {
    return new CliError('CLI_NOTHING_TO_DO', message, {
      details: { operator },
      next: `See why, epoch by epoch: stead audit address ${operator}`,
    })
  }
  return new CliError(
    'CLI_NOTHING_TO_DO',
    `${message}; the node holds vouchers of ${formatMicroUsd(unclaimedMicroUsd)}`,
    {
      details: { operator, unclaimedMicroUsd },
      next: `Claim the vouchers: ${commandFor(node, 'stead settle')}; then: ${commandFor(node, 'stead claim')}`,
    },
  )
}

/** What the node has on vouchers; 0 where none runs or it sells nothing. */
async function vouchersOf(node: NodePlace): Promise<bigint> {
  try {
    return (await clientOf(node).getStatus()).provider.unclaimedMicroUsd
  } catch (error) {
    if (hasCode(error, 'API_NO_DAEMON')) return 0n
    throw error
  }
}
