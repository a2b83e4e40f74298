import { writeFileSync } from 'node:fs'
import { type Address, hasCode, messageOf } from '@stead/core'
import { Argument, type Command, Option } from 'commander'
import { addChainOptions, chainPlace, type GivenChain } from '../chain/chain-place.ts'
import { paidOperator } from '../chain/paid-operator.ts'
import { type OpenEconomy, withEconomy } from '../chain/with-economy.ts'
import type { CommandContext } from '../command-context.ts'
import { addEvidenceOption } from '../epoch/audit-commands.ts'
import { type DocumentSource, documentSource } from '../epoch/document-source.ts'
import { CliError } from '../errors.ts'
import { earningsColumns, earningsRows } from '../export/earnings-rows.ts'
import { rewardColumns, rewardRows, settlementColumns, settlementRows } from '../export/ledger-rows.ts'
import { addMemberOption, type NodePlace, toldNodePlace } from '../node-place.ts'
import { renderCsv } from '../terminal/table.ts'
import { toJson } from '../terminal/terminal.ts'

interface GivenExport extends GivenChain {
  readonly node?: string
  readonly address?: string
  readonly evidence?: string
  readonly out?: string
}

const KINDS = ['earnings', 'settlements', 'rewards'] as const
type Kind = (typeof KINDS)[number]

/** `stead export`: an operator's books, for a spreadsheet or a program. No account is needed. */
export function define(command: Command, context: CommandContext): void {
  command.addArgument(new Argument('<what>', 'which book').choices(KINDS))
  addMemberOption(addEvidenceOption(addChainOptions(command)), 'operator')
    .addOption(new Option('--csv', 'comma-separated values: the default; --json is the other form'))
    .addOption(
      new Option(
        '--address <operator>',
        'whose books (default: provide.operator of the node, else the account of its operator key)',
      ),
    )
    .addOption(new Option('--out <file>', 'write to this file instead of standard output'))
    .addHelpText(
      'after',
      '\nsettlements and rewards are read from the chain; earnings are recomputed from chain and evidence, as by an audit.\nAmounts are whole numbers: micro-dollars, and token units of 10^-18.',
    )
    .action((what: Kind, given: GivenExport) => exportBook(what, given, context))
}

async function exportBook(what: Kind, given: GivenExport, context: CommandContext): Promise<void> {
  const node = toldNodePlace('operator', given, context)
  const operator = await operatorOf(given, node, context)
  const place = await chainPlace(given, context)
  const source = (): DocumentSource => documentSource(given, node)
  const book = await withEconomy(place, (open) => bookOf(open, { what, operator, source }, context))
  const { terminal } = context
  const text = terminal.isJson ? `${toJson({ operator, [what]: book.rows })}\n` : book.csv
  if (given.out === undefined) process.stdout.write(text)
  else save(given.out, text)
  terminal.message(
    `${book.rows.length} ${book.rows.length === 1 ? 'row' : 'rows'}${given.out === undefined ? '' : ` in ${given.out}`}`,
  )
}

/** A book is read without any key: where the node has none either, its owner names the operator. */
async function operatorOf({ address }: GivenExport, node: NodePlace, context: CommandContext): Promise<Address> {
  try {
    return await paidOperator({ named: address }, node, context)
  } catch (cause) {
    if (!hasCode(cause, 'CLI_KEY_MISSING')) throw cause
    const next = 'Name the operator: --address <operator>; or the folder of its node: --data-dir <path>'
    throw new CliError('CLI_USAGE', `no node here says whose books are meant: ${cause.message}`, { next, cause })
  }
}

function save(path: string, text: string): void {
  try {
    writeFileSync(path, text)
  } catch (cause) {
    throw new CliError('CLI_USAGE', `${path} cannot be written: ${messageOf(cause)}`, { cause })
  }
}

interface Book {
  readonly rows: readonly object[]
  readonly csv: string
}

async function bookOf(
  open: OpenEconomy,
  {
    what,
    operator,
    source,
  }: { readonly what: Kind; readonly operator: Address; readonly source: () => DocumentSource },
  context: CommandContext,
): Promise<Book> {
  switch (what) {
    case 'settlements': {
      const rows = await settlementRows(open, operator)
      return { rows, csv: renderCsv(settlementColumns, rows) }
    }
    case 'rewards': {
      const rows = await rewardRows(open, operator)
      return { rows, csv: renderCsv(rewardColumns, rows) }
    }
    case 'earnings': {
      const onProgress = (line: string): void => context.terminal.message(line)
      const rows = await earningsRows({ open, source: source(), onProgress }, operator)
      return { rows, csv: renderCsv(earningsColumns, rows) }
    }
  }
}
