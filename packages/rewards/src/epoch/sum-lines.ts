import { type Address, type Hash, type MicroUsd, microUsd } from '@stead/core'
import { RewardsError } from '../errors.ts'
import type { Share, SharedInput } from '../programs/program.ts'
import { REASONS_MAX } from '../programs/reasons.ts'
import { type RewardUnits, rewardUnits } from '../units.ts'
import type { EnabledProgram } from './bind-programs.ts'
import { lineKey, RESULT_LINES_MAX, type ResultLine } from './result.ts'

/**
 * Runs every enabled program and adds its shares to what was given before. A line with something in it stays, also after
 * its program has ended; one without lasts for its epoch.
 * @throws RewardsError REWARDS_PROGRAM_FAULT, REWARDS_TOO_LARGE
 */
export function sumLines(
  enabled: readonly EnabledProgram[],
  input: SharedInput,
  before: readonly ResultLine[],
): readonly ResultLine[] {
  const isEnabled = new Set(enabled.map(({ program }) => program.id))
  const kept = before.filter(({ cumulativeUnits }) => cumulativeUnits > 0n)
  const lines = new Map(kept.map((line) => [lineKey(line), carried(line, isEnabled.has(line.program))]))
  const linesOf = Map.groupBy(before, ({ program }) => program)
  for (const { program, depositedMicroUsd } of enabled) {
    const own = linesOf.get(program.id) ?? []
    const given = new Map(own.map(({ operator, cumulativeUnits }) => [operator, cumulativeUnits]))
    const spent = own.reduce((sum, { cumulativeUnits }) => sum + cumulativeUnits, 0n)
    const budgetMicroUsd = microUsd(depositedMicroUsd > spent ? depositedMicroUsd - spent : 0n)
    const shares = program.shares({ ...input, budgetMicroUsd, given })
    checkShares(program, shares, budgetMicroUsd)
    for (const share of shares) addShare(lines, program.id, share)
  }
  const sorted = [...lines].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, line]) => line)
  if (sorted.length <= RESULT_LINES_MAX) return sorted
  // Lines that only say why there is nothing make way for those that are somebody's money.
  const earned = sorted.filter(({ cumulativeUnits }) => cumulativeUnits > 0n)
  if (earned.length <= RESULT_LINES_MAX) return earned
  const message = `${earned.length} lines with something in them, at most ${RESULT_LINES_MAX} are allowed`
  throw new RewardsError('REWARDS_TOO_LARGE', message)
}

/** An earlier line as it stands unless its program gives more. */
function carried(line: ResultLine, isEnabled: boolean): ResultLine {
  const code = isEnabled ? 'no-share' : 'program-ended'
  return { ...line, shareUnits: ZERO, reasons: [{ code, about: line.operator, need: 1n, have: 0n }] }
}

const ZERO = 0n as RewardUnits

function addShare(lines: Map<string, ResultLine>, program: Hash, share: Share): void {
  const key = lineKey({ program, operator: share.operator })
  const cumulative = (lines.get(key)?.cumulativeUnits ?? 0n) + share.amountUnits
  lines.set(key, {
    program,
    operator: share.operator,
    shareUnits: share.amountUnits,
    cumulativeUnits: rewardUnits(cumulative),
    reasons: share.reasons.slice(0, REASONS_MAX),
  })
}

/** A program is code that anybody may write: its promises are checked. */
function checkShares(program: EnabledProgram['program'], shares: readonly Share[], budget: MicroUsd): void {
  const fault = (what: string, operator: Address | undefined): never => {
    const details = { program: program.id, name: program.name, operator, budget }
    throw new RewardsError('REWARDS_PROGRAM_FAULT', `program ${program.name}: ${what}`, { details })
  }
  const seen = new Set<Address>()
  let sum = 0n
  for (const { operator, amountUnits, reasons } of shares) {
    if (seen.has(operator)) fault(`${operator} twice`, operator)
    seen.add(operator)
    if (amountUnits < 0n) fault(`${operator} gets ${amountUnits}`, operator)
    if (amountUnits === 0n && reasons.length === 0) fault(`${operator} gets nothing without a reason`, operator)
    sum += amountUnits
  }
  if (program.funding === 'deposit' && sum > budget) fault(`gives ${sum} of a budget of ${budget}`, undefined)
}
