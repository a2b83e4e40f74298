import { formatMicroUsd } from '@stead/core'
import type { CareOfferView, CaretakerView } from '@stead/sdk/api'
import type { Command } from 'commander'
import { addressOf, dollarsOf, formatPpm } from '../chain/amounts.ts'
import type { CommandContext } from '../command-context.ts'
import { addMemberOption, clientFor, type GivenMember } from '../node-place.ts'
import { formatBytes } from '../objects/object-url.ts'
import { renderTable } from '../terminal/table.ts'
import { toJson } from '../terminal/terminal.ts'

interface GivenSet extends GivenMember {
  readonly budget?: string
  readonly perDay?: string
}

const HELP = `
A caretaker repairs what you keep while this machine is off for longer than a day, and pays nodes for it. It needs no key
and can read nothing. Its budget is paid ahead: it is all that a bad caretaker can take, and what is not used does not come back.
`

/** `stead caretaker list|set|show|remove`: who looks after what is kept while this machine is off. */
export function define(command: Command, context: CommandContext): void {
  command.addHelpText('after', HELP)
  const set = command.command('set').description('appoint a node, and pay its budget ahead')
  addMemberOption(set, 'payer')
    .argument(
      '[node]',
      'address of a node that offers care (stead caretaker list); without one, who takes the smallest share',
    )
    .option('--budget <dollars>', 'paid ahead, and all that it can spend (default: 45 times what a day may cost)')
    .option('--per-day <dollars>', 'most that it may spend in a day (default: twice what storing costs now)')
    .action(async (node: string | undefined, given: GivenSet) => {
      const view = await clientFor(context, given).appointCaretaker({
        ...(node === undefined ? {} : { node: addressOf(node) }),
        ...(given.budget === undefined ? {} : { budgetMicroUsd: dollarsOf(given.budget) }),
        ...(given.perDay === undefined ? {} : { perDayMicroUsd: dollarsOf(given.perDay) }),
      })
      show(context, view)
    })
  const listed = command.command('list').description('nodes that sell care, who takes the smallest share first')
  addMemberOption(listed, 'payer').action(async (given: GivenMember) => {
    const { terminal } = context
    const list = await clientFor(context, given).listCareOffers()
    terminal.out(terminal.isJson ? toJson(list) : careOffersText(list.offers))
  })
  const shown = command.command('show').description('who it is, what it did, and what it billed')
  addMemberOption(shown, 'payer').action(async (given: GivenMember) => {
    show(context, (await clientFor(context, given).getStorage()).caretaker)
  })
  const remove = command.command('remove').description('have nobody look after anything any more')
  addMemberOption(remove, 'payer').action(async (given: GivenMember) => {
    await clientFor(context, given).dismissCaretaker()
    const { terminal } = context
    terminal.out(terminal.isJson ? toJson({}) : 'dismissed; what was paid ahead and not used does not come back')
  })
}

function show({ terminal }: CommandContext, view: CaretakerView | undefined): void {
  const text = view === undefined ? 'nobody looks after what is kept: stead caretaker set' : caretakerText(view)
  terminal.out(terminal.isJson ? toJson(view === undefined ? {} : { caretaker: view }) : text)
}

/** Nodes that sell care, for a person. */
export function careOffersText(offers: readonly CareOfferView[]): string {
  if (offers.length === 0) return 'no node sells care now; nodes do so with: stead up --provide --care'
  return renderTable<CareOfferView>(
    [
      { title: 'NODE', value: ({ node }) => node },
      { title: 'OPERATOR', value: ({ operator }) => operator },
      { title: 'SHARE', value: ({ sharePpm }) => formatPpm(sharePpm), isNumber: true },
      { title: 'SEGMENTS', value: ({ segmentsMax }) => String(segmentsMax), isNumber: true },
      { title: 'UNTIL', value: ({ expiresAt }) => new Date(expiresAt).toISOString() },
    ],
    offers,
  )
}

/** A caretaker for a person. */
export function caretakerText(view: CaretakerView): string {
  const { node, sharePpm, budgetMicroUsd, perDayMicroUsd, heardAt, said, refusal } = view
  const lines = [
    `caretaker  ${node}, for ${formatPpm(sharePpm)} on top of what it pays to nodes`,
    `budget     ${formatMicroUsd(budgetMicroUsd)} paid ahead, at most ${formatMicroUsd(perDayMicroUsd)} a day; ${formatMicroUsd(view.acceptedMicroUsd)} billed and found right`,
    `told       ${new Date(heardAt).toISOString()}, with the last round of this node`,
  ]
  if (said !== undefined)
    lines.push(
      `says       ${said.segments} segments looked after, ${said.madePieces} pieces made, ${said.pieces} kept now (${formatBytes(said.bytes)}), ${formatMicroUsd(said.spentMicroUsd)} spent`,
    )
  if (said !== undefined && said.unrepairedSegments > 0)
    lines.push(`WARNING: ${said.unrepairedSegments} segments need repair and did not get it: is its budget enough?`)
  if (refusal !== undefined)
    lines.push(
      `WARNING: bills of ${formatMicroUsd(view.refusedMicroUsd)} were refused: ${refusal}; think of another one`,
    )
  return lines.join('\n')
}
