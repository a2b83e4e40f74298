import { type Address, formatTokenUnits, type TransactionOutcome } from '@stead/core'
import { signNodeConsent } from '@stead/evm'
import { bytesToHex, hexToBytes } from '@stead/protocol'
import { type Command, Option } from 'commander'
import { accountSigner, nodeSigner } from '../chain/account-key.ts'
import { addressOf, tokensOf } from '../chain/amounts.ts'
import { type BondView, describeBond } from '../chain/bond-view.ts'
import { chainPlace } from '../chain/chain-place.ts'
import { addNodeOptions, type GivenNode, nodeOf } from '../chain/node-options.ts'
import { outcomeText } from '../chain/outcome-text.ts'
import { type OpenEconomy, withEconomy } from '../chain/with-economy.ts'
import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'
import { toJson } from '../terminal/terminal.ts'

interface GivenBond extends GivenNode {
  readonly consent?: string
  readonly printConsent?: string
}

/** `stead bond`: shows what a node has bonded, or adds to it. */
export function define(command: Command, context: CommandContext): void {
  command.argument('[tokens]', 'how many tokens to add; none shows the bond')
  addNodeOptions(command)
    .addOption(
      new Option('--consent <signature>', "the node key's consent to the first bond, where its key is elsewhere"),
    )
    .addOption(new Option('--print-consent <operator>', 'only print the consent of the node in the data folder'))
    .addHelpText(
      'after',
      '\nThe account of the operator sends the tokens; they come back by: stead unbond, stead withdraw.',
    )
    .action(async (tokens: string | undefined, given: GivenBond) => {
      if (given.printConsent !== undefined) return await printConsent(addressOf(given.printConsent), given, context)
      if (tokens === undefined) return await show(given, context)
      await bond(tokensOf(tokens), given, context)
    })
}

/** The bond of a node with the least that counts. */
export async function bondView({ economy }: Pick<OpenEconomy, 'economy'>, node: Address): Promise<BondView> {
  const [state, terms] = await Promise.all([economy.bondOf(node), economy.rootTerms()])
  return { node, ...state, minimumTokenUnits: terms.minimumStakeTokenUnits }
}

/** Prints a bond, after what changed it. */
export function printBond(view: BondView, context: CommandContext, outcome?: TransactionOutcome): void {
  const { terminal } = context
  if (terminal.isJson) return void terminal.out(toJson({ ...view, ...(outcome === undefined ? {} : { outcome }) }))
  terminal.out([describeBond(view), ...(outcome === undefined ? [] : [outcomeText(outcome)])].join('\n'))
}

async function show(given: GivenBond, context: CommandContext): Promise<void> {
  const node = await nodeOf(given, context)
  printBond(await withEconomy(await chainPlace(given, context), (open) => bondView(open, node)), context)
}

async function bond(amount: bigint, given: GivenBond, context: CommandContext): Promise<void> {
  const node = await nodeOf(given, context)
  const operator = await accountSigner(given, 'operator', context)
  const place = await chainPlace(given, context)
  const { view, outcome } = await withEconomy(
    place,
    async (open) => {
      const { operator: owner } = await open.economy.bondOf(node)
      const consent =
        owner === undefined ? await consentOf(open, { node, operator: operator.address }, given, context) : NONE
      const outcome = await open.economy.bond(node, amount, consent)
      return { outcome, view: await bondView(open, node) }
    },
    operator,
  )
  context.terminal.message(`bonded ${formatTokenUnits(amount)} more`)
  printBond(view, context, outcome)
}

const NONE = new Uint8Array()

async function consentOf(
  { chain }: OpenEconomy,
  { node, operator }: { readonly node: Address; readonly operator: Address },
  given: GivenBond,
  context: CommandContext,
): Promise<Uint8Array> {
  const { consent } = given
  if (consent !== undefined) {
    if (/^0x[0-9a-f]{130}$/i.test(consent)) return hexToBytes(consent as `0x${string}`)
    throw new CliError('CLI_USAGE', 'a consent is 0x and 130 hexadecimal digits')
  }
  const signer = await nodeSigner(context)
  if (signer?.address === node) return signNodeConsent(signer, operator, chain.identity)
  throw new CliError('CLI_KEY_MISSING', `the first bond of node ${node} needs the consent of its key`, {
    details: { node, operator },
    next: `On the node's machine run: stead bond --print-consent ${operator}; then here: --consent <signature>`,
  })
}

async function printConsent(operator: Address, given: GivenBond, context: CommandContext): Promise<void> {
  const signer = await nodeSigner(context)
  if (signer === undefined) throw new CliError('CLI_KEY_MISSING', 'the data folder has no key of a node')
  const { identity } = await withEconomy(await chainPlace(given, context), async ({ chain }) => chain)
  const consent = bytesToHex(signNodeConsent(signer, operator, identity))
  const { terminal } = context
  terminal.out(terminal.isJson ? toJson({ node: signer.address, operator, consent }) : consent)
}
