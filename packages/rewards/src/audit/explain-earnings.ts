import { type Address, type Hash, type MicroUsd, microUsd } from '@stead/core'
import type { EpochResult } from '../epoch/result.ts'
import type { ChainFacts } from '../facts/chain-facts.ts'
import type { ShareReason } from '../programs/reasons.ts'
import { type EpochNumber, type RewardUnits, rewardUnits, type TokenUnits, tokenUnits } from '../units.ts'

/** What one program gave in one epoch, and why not more. */
export interface ProgramEarnings {
  readonly program: Hash
  /** Token units of program 0, micro-dollars of all others. */
  readonly shareUnits: RewardUnits
  readonly cumulativeUnits: RewardUnits
  readonly reasons: readonly ShareReason[]
}

/** One operator's epoch. `net = gross - fee`. */
export interface EpochEarnings {
  readonly epoch: EpochNumber
  readonly grossMicroUsd: MicroUsd
  readonly feeMicroUsd: MicroUsd
  readonly netMicroUsd: MicroUsd
  /** What program 0 gave in this epoch, for lots that were sold in it: fees of earlier epochs. */
  readonly mintedTokenUnits: TokenUnits
  /** What sponsors' programs gave. */
  readonly sponsoredMicroUsd: MicroUsd
  /** Program 0 first; every zero has a reason. */
  readonly programs: readonly ProgramEarnings[]
}

/** What an epoch's earnings are read from: both follow from public evidence. */
export interface ExplainedEpoch {
  readonly facts: ChainFacts
  readonly result: EpochResult
}

/** An operator's earnings by epoch, from facts and results alone; in the order of `epochs`, one at a time. */
export function* explainEarnings(operator: Address, epochs: Iterable<ExplainedEpoch>): Generator<EpochEarnings> {
  for (const { facts, result } of epochs) yield epochEarnings(operator, facts, result)
}

function epochEarnings(operator: Address, facts: ChainFacts, result: EpochResult): EpochEarnings {
  let [gross, fee] = [0n, 0n]
  for (const entry of facts.fees) {
    if (entry.operator !== operator) continue
    gross += entry.grossMicroUsd
    fee += entry.feeMicroUsd
  }
  const ids = [facts.utility, ...facts.programs.map(({ program }) => program)]
  const own = new Map(result.lines.flatMap((line) => (line.operator === operator ? [[line.program, line]] : [])))
  for (const program of own.keys()) if (!ids.includes(program)) ids.push(program)
  const programs = ids.map((program) => programEarnings(operator, program, own.get(program)))
  const share = (isWanted: (program: Hash) => boolean): bigint =>
    programs.reduce((sum, { program, shareUnits }) => sum + (isWanted(program) ? shareUnits : 0n), 0n)
  return {
    epoch: facts.epoch,
    grossMicroUsd: microUsd(gross),
    feeMicroUsd: microUsd(fee),
    netMicroUsd: microUsd(gross - fee),
    mintedTokenUnits: tokenUnits(share((program) => program === facts.utility)),
    sponsoredMicroUsd: microUsd(share((program) => program !== facts.utility)),
    programs,
  }
}

function programEarnings(
  operator: Address,
  program: Hash,
  line: Omit<ProgramEarnings, 'program'> | undefined,
): ProgramEarnings {
  if (line !== undefined) {
    const { shareUnits, cumulativeUnits, reasons } = line
    return { program, shareUnits, cumulativeUnits, reasons }
  }
  // Every operator with a bonded node, fees or anything from earlier has a line.
  const zero = rewardUnits(0n)
  const reasons = [{ code: 'not-bonded', about: operator, need: 1n, have: 0n }]
  return { program, shareUnits: zero, cumulativeUnits: zero, reasons }
}
