import { formatMicroUsd, formatTokenUnits } from '@stead/core'
import { type Command, Option } from 'commander'
import { withAccount } from '../chain/account-key.ts'
import { tokensOf } from '../chain/amounts.ts'
import { chainPlace } from '../chain/chain-place.ts'
import { outcomeText } from '../chain/outcome-text.ts'
import { addSpenderOptions, type GivenSpender, spenderOf } from '../chain/spender-options.ts'
import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'
import { type LotOffer, lotOffer } from '../market/lot-offer.ts'
import { describeLot } from '../market/market-text.ts'
import { toJson } from '../terminal/terminal.ts'

interface GivenPurchase extends GivenSpender {
  readonly max?: string
}

/** `stead buy-lot`: burns tokens for the fees that are for sale. */
export function define(command: Command, context: CommandContext): void {
  addSpenderOptions(command)
    .addOption(
      new Option('--max <tokens>', 'most tokens to burn, such as 0.5 (default: what the lot costs at this moment)'),
    )
    .addHelpText('after', '\nWhether it is worth it: stead market. The price only falls until the epoch ends.')
    .action((given: GivenPurchase) => buy(given, context))
}

async function buy(given: GivenPurchase, context: CommandContext): Promise<void> {
  const account = await spenderOf(given, context)
  const max = given.max === undefined ? undefined : tokensOf(given.max)
  const place = await chainPlace(given, context)
  const { offer, burned, outcome } = await withAccount({ place, account, context }, async (open) => {
    const offer = await lotOffer(open)
    if (offer.feesMicroUsd < offer.minimumLotMicroUsd) throw nothingForSale(offer)
    if (max !== undefined && max < offer.costTokenUnits) throw tooDear(max, offer)
    const outcome = await open.economy.buyLot(offer.lot, max ?? offer.costTokenUnits)
    const span = { fromBlock: Number(outcome.blockNumber), toBlock: Number(outcome.blockNumber) }
    const sale = (await open.ledger.lotsBought(span)).find(({ lot }) => lot === offer.lot)
    return { offer, outcome, burned: sale?.burnedTokenUnits ?? 0n }
  })
  const { terminal } = context
  const { lot, feesMicroUsd } = offer
  if (terminal.isJson) return void terminal.out(toJson({ lot, feesMicroUsd, burnedTokenUnits: burned, outcome }))
  const bought = `bought lot ${lot}: ${formatMicroUsd(feesMicroUsd)} for ${formatTokenUnits(burned)}, which are burned`
  terminal.out(`${bought}\n${outcomeText(outcome)}`)
}

function nothingForSale(offer: LotOffer): CliError {
  const { feesMicroUsd: have, minimumLotMicroUsd: need } = offer
  return new CliError('CLI_NOTHING_TO_DO', describeLot(offer).replaceAll('\n ', ';'), {
    details: { needMicroUsd: need, haveMicroUsd: have },
    next: `The epoch ends at ${new Date(offer.epochEndsAt).toISOString()}; then look again: stead market`,
  })
}

function tooDear(max: bigint, { lot, costTokenUnits }: LotOffer): CliError {
  return new CliError('CLI_LIMIT_REACHED', `lot ${lot} costs more than --max now`, {
    details: { needTokenUnits: costTokenUnits, allowedTokenUnits: max },
    next: 'See when it is cheap enough: stead market',
  })
}
