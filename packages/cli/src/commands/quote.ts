import { formatMicroUsd } from '@stead/core'
import { prepareJob } from '@stead/sdk'
import type { JobQuote } from '@stead/sdk/api'
import type { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { exitCodes } from '../exit-codes.ts'
import { interruptible } from '../job/interruptible.ts'
import { jobInputs } from '../job/job-inputs.ts'
import { addJobOptions, type GivenJobOptions, ownOptionsOf, runTermsOf } from '../job/job-options.ts'
import { loadPackage, planJob } from '../job/load-package.ts'
import { clientFor } from '../node-place.ts'
import { renderTable } from '../terminal/table.ts'
import { toJson } from '../terminal/terminal.ts'

/** `stead quote`: who would run a job package, and for how much; nothing is paid. */
export function define(command: Command, context: CommandContext): void {
  addJobOptions(command)
  command.action(async (directory: string, rest: string[], options: GivenJobOptions) => {
    const terms = runTermsOf(options)
    const loaded = await loadPackage(directory)
    const own = ownOptionsOf(loaded.job.options, rest)
    const client = clientFor(context)
    const inputs = await jobInputs(options.input ?? [], () => client)
    const plan = await planJob(loaded, { inputs, options: own })
    for (const notice of plan.notices) context.terminal.message(notice)
    const signal = context.interruption()
    const quote = await interruptible(signal, 'interrupted; nothing was paid', async () => {
      const submission = await prepareJob(client, plan, { name: loaded.job.name, ...terms, signal })
      return await client.quoteJob(submission, { signal })
    })
    print(quote, context)
  })
}

function print(quote: JobQuote, context: CommandContext): void {
  const { terminal } = context
  if (quote.matching.length === 0) context.exitWith(exitCodes.placement)
  if (terminal.isJson) {
    terminal.out(toJson(quote))
    return
  }
  const excluded = quote.excluded.map(({ reason, count }) => `${count} ${reason}`)
  terminal.out([`${quote.matching.length} match`, ...excluded].join('; '))
  if (quote.matching.length > 0) terminal.out(tableOf(quote))
  if (quote.leastMicroUsd !== undefined && quote.worstCaseMicroUsd !== undefined) {
    const range = `${formatMicroUsd(quote.leastMicroUsd)} to ${formatMicroUsd(quote.worstCaseMicroUsd)}`
    terminal.out(`${quote.tasks} tasks: ${range} (all at their fuel limit, replicas included)`)
  }
  if (quote.worstCaseMicroUsd !== undefined && quote.worstCaseMicroUsd > quote.maxCostMicroUsd) {
    terminal.message(`The cap of ${formatMicroUsd(quote.maxCostMicroUsd)} may be reached; raise it with --max-cost.`)
  }
}

function tableOf(quote: JobQuote): string {
  return renderTable(
    [
      { title: 'NODE', value: (each) => each.node },
      { title: 'RTT MS', value: (each) => each.rttMs?.toFixed(1) ?? '-', isNumber: true },
      { title: 'USD PER GIGAFUEL', value: (each) => formatMicroUsd(each.priceMicroUsdPerGigafuel), isNumber: true },
      { title: 'MINIMUM', value: (each) => formatMicroUsd(each.minimumMicroUsdPerTask), isNumber: true },
      { title: 'AT ONCE', value: (each) => String(each.concurrency), isNumber: true },
      { title: 'WARM', value: (each) => (each.warm ? 'yes' : 'no') },
    ],
    quote.matching,
  )
}
