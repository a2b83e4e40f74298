import { formatMicroUsd, formatTokenUnits } from '@stead/core'
import { evidenceIdOf } from '@stead/rewards'
import { type Command, Option } from 'commander'
import { addressOf } from '../chain/amounts.ts'
import { addChainOptions, chainPlace, type GivenChain } from '../chain/chain-place.ts'
import { withEconomy } from '../chain/with-economy.ts'
import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'
import { addMemberOption, nodePlace, toldNodePlace } from '../node-place.ts'
import { printMismatch } from '../terminal/print-mismatch.ts'
import { toJson } from '../terminal/terminal.ts'
import { type AddressAudit, auditAddress } from './audit-address.ts'
import { type DocumentSource, documentSource } from './document-source.ts'
import { EpochAuditor, type EpochVerdict } from './epoch-auditor.ts'
import { describeEarnings } from './epoch-earnings.ts'
import { epochOf, epochOrLatestOf } from './epoch-number.ts'

interface GivenAudit extends GivenChain {
  readonly node?: string
  readonly evidence?: string
  readonly from?: string
}

/** `stead audit epoch` and `stead audit address`. */
export function defineEpochAudits(command: Command, context: CommandContext): void {
  const epoch = command
    .command('epoch')
    .description(
      'recompute the root of an epoch from chain and evidence; exits 9 on a difference, 5 when evidence is missing',
    )
    .argument('<epoch>', 'its number, or latest')
  addMemberOption(addEvidenceOption(addChainOptions(epoch)), 'operator').action((number: string, given: GivenAudit) =>
    printEpoch(number, given, context),
  )
  const address = command
    .command('address')
    .description(
      'recompute every epoch of an operator: what it earned, why, and what it was paid; exits 9 on a difference',
    )
    .argument('<address>', 'the operator')
  addMemberOption(addEvidenceOption(addChainOptions(address)), 'operator')
    .addOption(new Option('--from <epoch>', 'number of the first epoch (default: 0)'))
    .action((operator: string, given: GivenAudit) => printAddress(operator, given, context))
}

/** Adds `--evidence`. */
export function addEvidenceOption(command: Command): Command {
  return command.addOption(
    new Option(
      '--evidence <folder>',
      'documents from this folder, each in a file named by its content id (default: from the node)',
    ),
  )
}

/** Documents from a folder, or from the node that the command means. */
function evidenceSource(given: GivenAudit, context: CommandContext): DocumentSource {
  const tell = given.evidence === undefined ? toldNodePlace : nodePlace
  return documentSource(given, tell('operator', given, context))
}

async function printEpoch(text: string, given: GivenAudit, context: CommandContext): Promise<void> {
  const wanted = epochOrLatestOf(text)
  const source = evidenceSource(given, context)
  const verdict = await withEconomy(await chainPlace(given, context), async (open) => {
    const auditor = await EpochAuditor.open(open, source)
    const epoch = wanted ?? (await auditor.latest())
    context.terminal.message(`auditing epoch ${epoch} …`)
    return await auditor.audit(epoch)
  })
  const { terminal } = context
  if (verdict.kind === 'difference') return printDifference(verdict, context)
  terminal.out(terminal.isJson ? toJson({ audit: 'match', ...epochFacts(verdict) }) : describeMatch(verdict))
}

const NOT_CHECKED = 'not checked: whether logs were left out (ask a node that takes part in epochs)'
const NEVER_COUNTED = '; it was not decided on and never counted: the epoch is part of the next one'

type Match = EpochVerdict & { readonly kind: 'match' }

function epochFacts({ root, computed, base, owedLogs }: Match): Record<string, unknown> {
  const { facts, result, evidence, resultDocument } = computed
  return {
    ...root,
    evidence: evidenceIdOf(root.evidence),
    result: resultDocument.id,
    nodes: facts.nodes.length,
    logs: evidence.logs.length,
    // Null: nobody who was asked can say whether logs were left out.
    owedLogs: owedLogs ?? null,
    buildsOn: base ?? null,
    feesMicroUsd: facts.feeTotalMicroUsd,
    lines: result.lines.length,
    mintedTokenUnits: sharesOf(computed, true),
    sponsoredMicroUsd: sharesOf(computed, false),
    unsoldLots: result.openLots.map(({ lot }) => lot),
  }
}

function sharesOf({ facts, result }: Match['computed'], isMinted: boolean): bigint {
  const lines = result.lines.filter(({ program }) => (program === facts.utility) === isMinted)
  return lines.reduce((sum, { shareUnits }) => sum + shareUnits, 0n)
}

function describeMatch({ root, computed, base, owedLogs }: Match): string {
  const { facts, result, evidence } = computed
  const minted = formatTokenUnits(sharesOf(computed, true))
  const sponsored = formatMicroUsd(sharesOf(computed, false))
  const unsold = result.openLots.map(({ lot }) => lot).join(', ')
  return [
    'MATCH',
    `epoch ${root.epoch}, root ${root.root} (${root.state})${root.state === 'dropped' ? NEVER_COUNTED : ''}`,
    ...(base === undefined ? [] : [`builds on epoch ${base.epoch} (${base.state})`]),
    `evidence ${evidenceIdOf(root.evidence)}: ${evidence.logs.length} probe logs of ${facts.nodes.length} bonded nodes`,
    owedLogs === undefined ? NOT_CHECKED : `none of the ${owedLogs} probe logs is left out that the node had in time`,
    `fees ${formatMicroUsd(facts.feeTotalMicroUsd)}; ${facts.sales.length} lots sold; unsold: ${unsold === '' ? 'none' : unsold}`,
    `${result.lines.length} lines: ${minted} to mint, ${sponsored} from sponsors`,
  ].join('\n')
}

function printDifference(verdict: EpochVerdict & { readonly kind: 'difference' }, context: CommandContext): void {
  const { root, what, details } = verdict
  const state = root.state === 'dropped' ? ` (of the root that was dropped${NEVER_COUNTED})` : ''
  const error = new CliError('CLI_AUDIT_MISMATCH', `epoch ${root.epoch}: ${what}${state}`, {
    details: { epoch: root.epoch, root: root.root, ...details },
    next: `Keep the evidence: stead audit epoch ${root.epoch} --json > evidence.json`,
  })
  printMismatch(context, error, { audit: what, ...root })
}

async function printAddress(text: string, given: GivenAudit, context: CommandContext): Promise<void> {
  const operator = addressOf(text)
  const fromEpoch = given.from === undefined ? 0 : epochOf(given.from, '--from')
  const source = evidenceSource(given, context)
  const audit = await withEconomy(await chainPlace(given, context), (open) =>
    auditAddress({ open, source, onProgress: (line) => context.terminal.message(line) }, { operator, fromEpoch }),
  )
  const { terminal } = context
  if (audit.difference !== undefined) return printDifference(audit.difference, context)
  if (audit.overpaid !== undefined) throw overpaidError(audit)
  terminal.out(terminal.isJson ? toJson({ audit: 'match', ...audit }) : describeAddress(audit))
}

function overpaidError({ operator, overpaid }: AddressAudit): CliError {
  const { program, paidUnits = 0n, cumulativeUnits = 0n } = overpaid ?? {}
  const message = `${operator} was paid ${paidUnits} units by program ${program}, its epochs add up to ${cumulativeUnits}`
  return new CliError('CLI_AUDIT_MISMATCH', message, {
    details: { operator, program, needUnits: cumulativeUnits, haveUnits: paidUnits },
  })
}

function describeAddress(audit: AddressAudit): string {
  const paid = audit.programs.map(({ program, isMinting, cumulativeUnits, paidUnits }) => {
    const format = isMinting ? formatTokenUnits : formatMicroUsd
    return `program ${program.slice(0, 18)}: earned ${format(cumulativeUnits)}, paid ${format(paidUnits)}`
  })
  const utility = audit.programs.find(({ isMinting }) => isMinting)?.program
  const head = `MATCH\n${audit.operator}, ${audit.epochs.length} epochs recomputed`
  const { unheardEpochs } = audit
  const unheard = unheardEpochs.length === 0 ? [] : [`in ${unheardEpochs.length} epochs ${NOT_CHECKED}`]
  return [head, ...paid, ...unheard, '', describeEarnings(audit.epochs, utility)].join('\n')
}
