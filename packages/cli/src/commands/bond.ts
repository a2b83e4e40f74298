import { type Address, formatTokenUnits, type TransactionOutcome } from '@stead/core'
import { signNodeConsent } from '@stead/evm'
import { bytesToHex, hexToBytes } from '@stead/protocol'
import { type Command, Option } from 'commander'
import { accountOf, nodeSigner, withAccount } from '../chain/account-key.ts'
import { addressOf, tokensOf } from '../chain/amounts.ts'
import { type BondView, describeBond } from '../chain/bond-view.ts'
import { chainPlace } from '../chain/chain-place.ts'
import { addNodeOptions, type BondedNode, bondedNode, type GivenNode } from '../chain/node-options.ts'
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
  command.argument('[tokens]', 'how many tokens to add, such as 1500 or 0.5; left out: show the bond')
  addNodeOptions(command)
    .addOption(
      new Option('--consent <signature>', "the node key's consent to the first bond, where that key is elsewhere"),
    )
    .addOption(
      new Option(
        '--print-consent <operator>',
        'only print the consent of the node in the data folder to this operator',
      ),
    )
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
  const { address: node } = await bondedNode(given, context)
  printBond(await withEconomy(await chainPlace(given, context), (open) => bondView(open, node)), context)
}

async function bond(amount: bigint, given: GivenBond, context: CommandContext): Promise<void> {
  const node = await bondedNode(given, context)
  const account = await accountOf({ keyFile: given.keyFile, side: 'operator' }, node.place, context)
  const operator = account.signer.address
  const place = await chainPlace(given, context)
  const { view, outcome } = await withAccount({ place, account, context }, async (open) => {
    const { operator: owner } = await open.economy.bondOf(node.address)
    const consent = owner === undefined ? await consentOf(open, { node, operator, given: given.consent }) : NONE
    const outcome = await open.economy.bond(node.address, amount, consent)
    return { outcome, view: await bondView(open, node.address) }
  })
  context.terminal.message(`bonded ${formatTokenUnits(amount)} more`)
  printBond(view, context, outcome)
}

const NONE = new Uint8Array()

async function consentOf(
  { chain }: OpenEconomy,
  of: { readonly node: BondedNode; readonly operator: Address; readonly given: string | undefined },
): Promise<Uint8Array> {
  const { node, operator, given } = of
  if (given !== undefined) {
    if (/^0x[0-9a-f]{130}$/i.test(given)) return hexToBytes(given as `0x${string}`)
    throw new CliError('CLI_USAGE', 'a consent is 0x and 130 hexadecimal digits', {
      next: `On the node's machine run: stead bond --print-consent ${operator}`,
    })
  }
  const signer = await nodeSigner(node.place)
  if (signer?.address === node.address) return signNodeConsent(signer, operator, chain.identity)
  throw new CliError('CLI_KEY_MISSING', `the first bond of node ${node.address} needs the consent of its key`, {
    details: { node: node.address, operator },
    next: `On the node's machine run: stead bond --print-consent ${operator}; then here: --consent <signature>`,
  })
}

async function printConsent(operator: Address, given: GivenBond, context: CommandContext): Promise<void> {
  const signer = await nodeSigner((await bondedNode(given, context)).place)
  if (signer === undefined) throw new CliError('CLI_KEY_MISSING', 'the data folder has no key of a node')
  const { identity } = await withEconomy(await chainPlace(given, context), async ({ chain }) => chain)
  const consent = bytesToHex(signNodeConsent(signer, operator, identity))
  const { terminal } = context
  terminal.out(terminal.isJson ? toJson({ node: signer.address, operator, consent }) : consent)
}
