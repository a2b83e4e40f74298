import { type Hash, isSteadError } from '@stead/core'
import { type Command, Option } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { describeEpochs, describeJobs } from '../epoch/earnings-text.ts'
import { epochRangeOf } from '../epoch/epoch-number.ts'
import { jobEarnings, jobsByDelivery } from '../epoch/job-earnings.ts'
import { addMemberOption, clientOf, commandFor, type GivenMember, neighbourOf, toldNodePlace } from '../node-place.ts'
import { toJson } from '../terminal/terminal.ts'

interface GivenRange extends GivenMember {
  readonly from?: string
  readonly to?: string
  readonly jobs?: boolean
}

/** `stead earnings`: what the node's operator earned, by epoch and by job, and why a zero is one. */
export function define(command: Command, context: CommandContext): void {
  addMemberOption(command, 'operator')
    .addOption(new Option('--from <epoch>', 'number of the first epoch (default: the last 16 epochs)'))
    .addOption(new Option('--to <epoch>', 'number of the last epoch (default: the one that runs)'))
    .addOption(
      new Option(
        '--jobs',
        'also what each job brought this node; a channel, or the rest of it, where only the payer knows the job',
      ),
    )
    .addHelpText(
      'after',
      '\ngross = fee + net: claimed on chain in the epoch, by all nodes of the operator. gas is what this node paid in the' +
        '\ncoin of the chain: for claims of vouchers, and in the table of epochs for claims of rewards as well. Shares of an' +
        '\nepoch are known when its probe logs are in.' +
        '\nThe same from public evidence, by anybody: stead audit address <operator>',
    )
    .action((given: GivenRange) => earnings(given, context))
}

async function earnings(given: GivenRange, context: CommandContext): Promise<void> {
  const range = epochRangeOf(given)
  const node = toldNodePlace('operator', given, context)
  const client = clientOf(node)
  const { operator, rows, channels, claim } = await client.getEarnings(range)
  const jobs =
    given.jobs === true
      ? jobEarnings({
          channels,
          receipts: (await client.listReceipts()).receipts,
          jobs: await knownJobs(context),
        })
      : undefined
  const { terminal } = context
  if (terminal.isJson) {
    return void terminal.out(toJson({ operator, rows, ...(jobs === undefined ? {} : { jobs, claim }) }))
  }
  terminal.out(describeEpochs({ operator, rows }))
  if (jobs !== undefined) terminal.out(`\n${describeJobs(jobs, { claim, settle: commandFor(node, 'stead settle') })}`)
}

/** On a local network the payer can be asked which job a delivery was for; it need not run. */
async function knownJobs(context: CommandContext): Promise<ReadonlyMap<string, Hash>> {
  const payer = neighbourOf('payer', context)
  if (payer === undefined) return new Map()
  try {
    return jobsByDelivery((await clientOf(payer).listReceipts()).receipts)
  } catch (error) {
    if (isSteadError(error)) return new Map()
    throw error
  }
}
