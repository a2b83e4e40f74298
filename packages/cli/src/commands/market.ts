import { microUsd } from '@stead/core'
import { type Command, Option } from 'commander'
import { dollarsOf, tokensOf } from '../chain/amounts.ts'
import { addChainOptions, chainPlace, type GivenChain } from '../chain/chain-place.ts'
import { withEconomy } from '../chain/with-economy.ts'
import type { CommandContext } from '../command-context.ts'
import { lotOffer } from '../market/lot-offer.ts'
import { describeLot, describePool, describeQuote } from '../market/market-text.ts'
import { toJson } from '../terminal/terminal.ts'

interface GivenMarket extends GivenChain {
  readonly dollars?: string
  readonly tokens?: string
}

/** What is quoted when nothing is asked for: large enough for a price that means something. */
const USUAL_QUOTE = microUsd(100_000_000n)

/** `stead market`: the auction of fees, the exchange, and what a swap would bring. No account is needed. */
export function define(command: Command, context: CommandContext): void {
  addChainOptions(command)
    .addOption(new Option('--dollars <amount>', 'quote a swap of so many dollars for tokens (default: 100)'))
    .addOption(new Option('--tokens <amount>', 'quote a swap of so many tokens for dollars instead'))
    .action((given: GivenMarket) => market(given, context))
}

async function market(given: GivenMarket, context: CommandContext): Promise<void> {
  const dollars = given.dollars === undefined ? USUAL_QUOTE : dollarsOf(given.dollars)
  const tokens = given.tokens === undefined ? undefined : tokensOf(given.tokens)
  const seen = await withEconomy(await chainPlace(given, context), async (open) => {
    const pool = await open.exchange.pool()
    const isOpen = pool.tokenUnits > 0n && pool.dollarMicroUsd > 0n
    const quoted =
      tokens === undefined
        ? () => open.exchange.quote('dollars-to-tokens', dollars)
        : () => open.exchange.quote('tokens-to-dollars', tokens)
    return { lot: await lotOffer(open), pool, quote: isOpen ? await quoted() : undefined }
  })
  const { terminal } = context
  if (terminal.isJson) return void terminal.out(toJson(seen))
  const quote = seen.quote === undefined ? [] : [`  ${describeQuote(seen.quote)}`]
  terminal.out([describeLot(seen.lot), describePool(seen.pool), ...quote].join('\n'))
}
