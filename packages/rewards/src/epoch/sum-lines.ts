import type { Address, Hash } from '@stead/core'
import { RewardsError } from '../errors.ts'
import type { ProgramInput, Share } from '../programs/program.ts'
import { REASONS_MAX } from '../programs/reasons.ts'
import { type TokenUnits, tokenUnits } from '../units.ts'
import type { EnabledProgram } from './bind-programs.ts'
import { lineKey, RESULT_LINES_MAX, type ResultLine } from './result.ts'

/** Runs every enabled program and adds its shares to what was given before; lines of earlier programs stay. */
export function sumLines(
  enabled: readonly EnabledProgram[],
  input: Omit<ProgramInput, 'budgetTokenUnits'>,
  before: readonly ResultLine[],
): readonly ResultLine[] {
  const lines = new Map(before.map((line) => [lineKey(line), { ...line, shareTokenUnits: ZERO, reasons: [] }]))
  const given = new Map<Hash, bigint>()
  for (const { program, cumulativeTokenUnits } of before) {
    given.set(program, (given.get(program) ?? 0n) + cumulativeTokenUnits)
  }
  for (const { program, depositedTokenUnits } of enabled) {
    const spent = given.get(program.id) ?? 0n
    const budgetTokenUnits = depositedTokenUnits > spent ? tokenUnits(depositedTokenUnits - spent) : ZERO
    const shares = program.shares({ ...input, budgetTokenUnits })
    checkShares(program, shares, budgetTokenUnits)
    for (const share of shares) addShare(lines, program.id, share)
  }
  if (lines.size > RESULT_LINES_MAX) {
    throw new RewardsError('REWARDS_TOO_LARGE', `${lines.size} lines, at most ${RESULT_LINES_MAX} are allowed`)
  }
  return [...lines].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, line]) => line)
}

const ZERO = 0n as TokenUnits

function addShare(lines: Map<string, ResultLine>, program: Hash, share: Share): void {
  const key = lineKey({ program, operator: share.operator })
  const cumulative = (lines.get(key)?.cumulativeTokenUnits ?? 0n) + share.amountTokenUnits
  lines.set(key, {
    program,
    operator: share.operator,
    shareTokenUnits: share.amountTokenUnits,
    cumulativeTokenUnits: tokenUnits(cumulative),
    reasons: share.reasons.slice(0, REASONS_MAX),
  })
}

/** A program is code that anybody may write: its promises are checked. */
function checkShares(program: EnabledProgram['program'], shares: readonly Share[], budget: TokenUnits): void {
  const fault = (what: string, operator: Address | undefined): never => {
    const details = { program: program.id, name: program.name, operator, budget }
    throw new RewardsError('REWARDS_PROGRAM_FAULT', `program ${program.name}: ${what}`, { details })
  }
  const seen = new Set<Address>()
  let sum = 0n
  for (const { operator, amountTokenUnits, reasons } of shares) {
    if (seen.has(operator)) fault(`${operator} twice`, operator)
    seen.add(operator)
    if (amountTokenUnits < 0n) fault(`${operator} gets ${amountTokenUnits}`, operator)
    if (amountTokenUnits === 0n && reasons.length === 0) fault(`${operator} gets nothing without a reason`, operator)
    sum += amountTokenUnits
  }
  if (program.funding === 'deposit' && sum > budget) fault(`gives ${sum} of a budget of ${budget}`, undefined)
}
