import { formatMicroUsd, formatTokenUnits, type TransactionOutcome } from '@stead/core'
import { type Command, Option } from 'commander'
import { accountSigner, keyFileOption } from '../chain/account-key.ts'
import { addressOf, formatWei } from '../chain/amounts.ts'
import { addChainOptions, chainPlace, type GivenChain } from '../chain/chain-place.ts'
import { outcomeText } from '../chain/outcome-text.ts'
import { type OpenEconomy, withEconomy } from '../chain/with-economy.ts'
import { type ClaimPlan, planClaim, shortProgram } from '../claim/claim-plan.ts'
import type { CommandContext } from '../command-context.ts'
import { addEvidenceOption } from '../epoch/audit-commands.ts'
import { documentSource } from '../epoch/document-source.ts'
import { CliError } from '../errors.ts'
import { renderTable } from '../terminal/table.ts'
import { toJson } from '../terminal/terminal.ts'

interface GivenClaim extends GivenChain {
  readonly keyFile?: string
  readonly operator?: string
  readonly evidence?: string
  readonly dryRun?: boolean
}

/** Epochs in one transaction that raises a cap; about 90,000 gas each. */
const ACCRUALS_MAX = 50

/** `stead claim`: everything that an operator has earned and not received. */
export function define(command: Command, context: CommandContext): void {
  addEvidenceOption(addChainOptions(command))
    .addOption(keyFileOption('operator'))
    .addOption(new Option('--operator <address>', 'who is paid (default: the account of the key)'))
    .addOption(new Option('--dry-run', 'say what would be paid, and send nothing'))
    .addHelpText(
      'after',
      '\nPays out what settlement credited, raises the cap for sold fees, and claims the rewards of the final root.\nAnybody may send it: all of it only ever goes to the operator.',
    )
    .action((given: GivenClaim) => claim(given, context))
}

interface Step {
  readonly what: string
  readonly outcome: TransactionOutcome
}

async function claim(given: GivenClaim, context: CommandContext): Promise<void> {
  const sender = await accountSigner(given, 'operator', context)
  const operator = given.operator === undefined ? sender.address : addressOf(given.operator)
  const source = documentSource(given, context)
  const { plan, steps } = await withEconomy(
    await chainPlace(given, context),
    async (open) => {
      const plan = await planClaim(open, source, operator)
      if (given.dryRun === true) return { plan, steps: [] }
      if (isEmpty(plan)) throw nothingToClaim(plan)
      return { plan, steps: await carryOut(open, plan) }
    },
    sender,
  )
  const { terminal } = context
  if (terminal.isJson) terminal.out(toJson({ ...plan, steps }))
  else terminal.out(describe(plan, steps))
}

function isEmpty({ owedMicroUsd, accruable, lines }: ClaimPlan): boolean {
  return owedMicroUsd === 0n && accruable.length === 0 && lines.every(({ payableUnits }) => payableUnits === 0n)
}

function nothingToClaim({ operator, finalEpoch }: ClaimPlan): CliError {
  const state = finalEpoch === undefined ? 'no root is final yet' : `the final root is of epoch ${finalEpoch}`
  return new CliError('CLI_NOTHING_TO_DO', `${operator} has nothing to claim; ${state}`, {
    details: { operator },
    next: `See why, epoch by epoch: stead audit address ${operator}`,
  })
}

async function carryOut({ chain, economy }: OpenEconomy, plan: ClaimPlan): Promise<readonly Step[]> {
  const { operator, owedMicroUsd, accruable, lines } = plan
  const steps: Step[] = []
  if (owedMicroUsd > 0n) {
    steps.push({ what: `paid out ${formatMicroUsd(owedMicroUsd)}`, outcome: await chain.payout(operator) })
  }
  for (let from = 0; from < accruable.length; from += ACCRUALS_MAX) {
    const epochs = accruable.slice(from, from + ACCRUALS_MAX).map(({ epoch }) => epoch)
    const outcome = await economy.accrue(operator, epochs)
    steps.push({ what: `cap raised for ${epochs.length} epochs`, outcome })
  }
  for (const { claim, isMinting, payableUnits } of lines) {
    if (payableUnits === 0n) continue
    const amount = isMinting ? formatTokenUnits(payableUnits) : formatMicroUsd(payableUnits)
    steps.push({ what: `claimed ${amount}`, outcome: await economy.claimReward(claim) })
  }
  return steps
}

function describe({ owedMicroUsd, accruable, lines }: ClaimPlan, steps: readonly Step[]): string {
  const rising = accruable.reduce((sum, { tokenUnits }) => sum + tokenUnits, 0n)
  const head = [
    `in the Escrow: ${formatMicroUsd(owedMicroUsd)}`,
    `cap to be raised: ${formatTokenUnits(rising)} for ${accruable.length} epochs`,
  ]
  const table = renderTable(
    [
      { title: 'PROGRAM', value: (line) => shortProgram(line.claim.program) },
      { title: 'EARNED', value: (line) => amountOf(line, line.claim.cumulative), isNumber: true },
      { title: 'PAID BEFORE', value: (line) => amountOf(line, line.paidUnits), isNumber: true },
      { title: 'NOW', value: (line) => amountOf(line, line.payableUnits), isNumber: true },
      {
        title: 'LEFT',
        value: (line) => amountOf(line, line.claim.cumulative - line.paidUnits - line.payableUnits),
        isNumber: true,
      },
    ],
    lines,
  )
  const gas = steps.reduce((sum, { outcome }) => sum + outcome.gasCostWei, 0n)
  const done = steps.map(({ what, outcome }) => `${what}: ${outcomeText(outcome)}`)
  const foot = steps.length === 0 ? ['nothing was sent'] : [...done, `gas: ${formatWei(gas)}`]
  return [...head, ...(lines.length === 0 ? ['no rewards yet'] : [table]), ...foot].join('\n')
}

function amountOf({ isMinting }: { readonly isMinting: boolean }, units: bigint): string {
  return isMinting ? formatTokenUnits(units) : formatMicroUsd(units)
}
