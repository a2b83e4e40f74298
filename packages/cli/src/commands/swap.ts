import type { SwapDirection, SwapQuote, UnixMs } from '@stead/core'
import { type Command, Option } from 'commander'
import { withAccount } from '../chain/account-key.ts'
import { dollarsOf, tokensOf } from '../chain/amounts.ts'
import { chainPlace } from '../chain/chain-place.ts'
import { outcomeText } from '../chain/outcome-text.ts'
import { addSpenderOptions, type GivenSpender, spenderOf } from '../chain/spender-options.ts'
import { type OpenEconomy, withEconomy } from '../chain/with-economy.ts'
import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'
import { describeQuote } from '../market/market-text.ts'
import { toJson } from '../terminal/terminal.ts'

interface GivenSwap extends GivenSpender {
  readonly slippage: string
  readonly minimum?: string
  readonly deadline: string
  readonly dryRun?: boolean
}

interface Wanted {
  readonly direction: SwapDirection
  readonly amountIn: bigint
  /** The least that is accepted, where a person names it. */
  readonly minimumOut: bigint | undefined
  readonly slippagePpm: number
  readonly deadlineMs: number
}

const PPM = 1_000_000n
const MINUTE_MS = 60_000
const DEADLINE_MINUTES_MAX = 1440

/** `stead swap`: dollars for tokens or tokens for dollars, at the exchange's price, with a limit. */
export function define(command: Command, context: CommandContext): void {
  command
    .argument('<amount>', 'how much is given, such as 100 or 0.5')
    .argument('<currency>', 'what is given: usd or stead; the other one is got')
  addSpenderOptions(command)
    .addOption(
      new Option('--slippage <percent>', 'how much less than quoted is accepted, 0 .. 50 percent').default('0.5'),
    )
    .addOption(new Option('--minimum <amount>', 'the least that is accepted, in what is got (default: by --slippage)'))
    .addOption(
      new Option(
        '--deadline <minutes>',
        `a later block swaps nothing, above 0 and at most ${DEADLINE_MINUTES_MAX} minutes`,
      ).default('10'),
    )
    .addOption(new Option('--dry-run', 'only quote: no account is needed, nothing is sent'))
    .action((amount: string, currency: string, given: GivenSwap) =>
      swap(wantedOf({ amount, currency }, given), given, context),
    )
}

function wantedOf({ amount, currency }: { amount: string; currency: string }, given: GivenSwap): Wanted {
  const [slippage, deadline] = [Number(given.slippage), Number(given.deadline)]
  if (!(slippage >= 0 && slippage <= 50))
    throw new CliError('CLI_USAGE', `--slippage is 0 .. 50, not ${given.slippage}`)
  if (!(deadline > 0 && deadline <= DEADLINE_MINUTES_MAX)) {
    throw new CliError(
      'CLI_USAGE',
      `--deadline is above 0 and at most ${DEADLINE_MINUTES_MAX} minutes, not ${given.deadline}`,
    )
  }
  const limits = { slippagePpm: Math.round(slippage * 10_000), deadlineMs: Math.ceil(deadline * MINUTE_MS) }
  const minimum = (read: (text: string) => bigint) => (given.minimum === undefined ? undefined : read(given.minimum))
  if (currency.toLowerCase() === 'usd') {
    return { direction: 'dollars-to-tokens', amountIn: dollarsOf(amount), minimumOut: minimum(tokensOf), ...limits }
  }
  if (currency.toLowerCase() === 'stead') {
    return { direction: 'tokens-to-dollars', amountIn: tokensOf(amount), minimumOut: minimum(dollarsOf), ...limits }
  }
  throw new CliError('CLI_USAGE', `the currency is usd or stead, not ${JSON.stringify(currency.slice(0, 80))}`)
}

async function swap(wanted: Wanted, given: GivenSwap, context: CommandContext): Promise<void> {
  const place = await chainPlace(given, context)
  const { terminal } = context
  if (given.dryRun === true) {
    const quote = await withEconomy(place, (open) => quoteOf(open, wanted))
    return void terminal.out(terminal.isJson ? toJson({ quote }) : describeQuote(quote))
  }
  const account = await spenderOf(given, context)
  const done = await withAccount({ place, account, context }, async (open) => {
    const quote = await quoteOf(open, wanted)
    if (!terminal.isJson) terminal.message(describeQuote(quote))
    return { quote, outcome: await open.exchange.swap(await requestOf(open, wanted, quote)) }
  })
  if (terminal.isJson) return void terminal.out(toJson(done))
  const { quote, outcome } = done
  terminal.out(`swapped: ${describeQuote({ ...quote, amountOut: outcome.amountOut })}\n${outcomeText(outcome)}`)
}

function quoteOf({ exchange }: OpenEconomy, { direction, amountIn }: Wanted): Promise<SwapQuote> {
  return exchange.quote(direction, amountIn)
}

async function requestOf({ chain }: OpenEconomy, wanted: Wanted, quote: SwapQuote) {
  const { direction, amountIn, slippagePpm, deadlineMs } = wanted
  const least = (quote.amountOut * (PPM - BigInt(slippagePpm))) / PPM
  const deadline = ((await chain.blockTime()) + deadlineMs) as UnixMs
  return { direction, amountIn, minimumOut: wanted.minimumOut ?? least, deadline }
}
