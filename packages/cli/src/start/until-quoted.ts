import { setTimeout as sleepFor } from 'node:timers/promises'
import type { DaemonClient } from '@stead/sdk'
import type { JobQuote, JobSubmission } from '@stead/sdk/api'
import { CliError } from '../errors.ts'
import type { Terminal } from '../terminal/terminal.ts'

/** Who is waited for, and how long. */
export interface QuoteTerms {
  /** Distinct operators that are there: all of them are waited for. */
  readonly operators: number
  /** With so many the job can be run all the same. */
  readonly operatorsMin: number
  /** Since one more answered, in milliseconds. */
  readonly giveUpMs: number
  /** Between two looks, in milliseconds. */
  readonly lookMs: number
}

/** What is waited for of the work itself. */
export interface QuoteComponents {
  readonly client: Pick<DaemonClient, 'quoteJob'>
  readonly terminal: Pick<Terminal, 'message'>
  readonly signal: AbortSignal
}

/**
 * Waits until the nodes answer with a price for a job: one whose offer is known may still be coming up, on a busy machine
 * for long, and a job that finds nobody who answers ends.
 * @throws CliError CLI_NO_PROVIDERS when too few answer
 */
export async function untilQuoted(
  { client, terminal, signal }: QuoteComponents,
  submission: JobSubmission,
  { operators, operatorsMin, giveUpMs, lookMs }: QuoteTerms,
): Promise<void> {
  let [best, sinceMs] = [0, performance.now()]
  for (let isTold = false; ; isTold = true) {
    const quote = await client.quoteJob(submission, { signal })
    const have = new Set(quote.matching.map(({ operator }) => operator)).size
    if (have >= operators) return
    if (have > best) [best, sinceMs] = [have, performance.now()]
    const waited = `${have} of ${operators} nodes answer${excludedText(quote)}`
    if (performance.now() - sinceMs >= giveUpMs) {
      if (have < operatorsMin) throw tooFew(waited, { have, operatorsMin })
      return terminal.message(`${waited}; going on without the others`)
    }
    if (!isTold) terminal.message(`${waited}; waiting for the others …`)
    await sleepFor(lookMs, undefined, { signal })
  }
}

function excludedText({ excluded }: JobQuote): string {
  return excluded.length === 0 ? '' : ` (${excluded.map(({ reason, count }) => `${count} ${reason}`).join(', ')})`
}

function tooFew(
  waited: string,
  { have, operatorsMin }: { readonly have: number; readonly operatorsMin: number },
): CliError {
  return new CliError('CLI_NO_PROVIDERS', `${waited}; a job needs ${operatorsMin}`, {
    details: { needOperators: operatorsMin, haveOperators: have },
    next: 'Try again when the machine is less busy: npm start; what the nodes do is in their logs, below .stead',
  })
}
