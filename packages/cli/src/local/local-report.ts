import { formatMicroUsd, type MicroUsd } from '@stead/core'
import type { Outcome } from '@stead/sandbox'
import { renderTable } from '../terminal/table.ts'
import type { LocalTask } from './local-run.ts'

/** One line of `stead test`. */
export interface TaskLine {
  readonly key: string
  /** `ok`, `exit 1`, `trap unreachable`, … */
  readonly outcome: string
  readonly succeeded: boolean
  readonly fuel: bigint
  /** Nothing for what nobody would be paid for. */
  readonly priceMicroUsd: MicroUsd
  readonly outputBytes: number
}

/** A task's line; `priceOf` says what a provider would take for so much fuel. */
export function taskLineOf({ key, outcome }: LocalTask, priceOf: (fuel: bigint) => MicroUsd): TaskLine {
  const isBilled = 'fuel' in outcome
  const fuel = isBilled ? outcome.fuel : 0n
  return {
    key,
    outcome: outcomeText(outcome),
    succeeded: outcome.status === 'ok' && outcome.exitCode === 0,
    fuel,
    priceMicroUsd: isBilled ? priceOf(fuel) : (0n as MicroUsd),
    outputBytes: outcome.status === 'ok' ? outcome.output.length : 0,
  }
}

function outcomeText(outcome: Outcome): string {
  switch (outcome.status) {
    case 'ok':
      return outcome.exitCode === 0 ? 'ok' : `exit ${outcome.exitCode}`
    case 'trap':
      return `trap: ${outcome.reason}${outcome.detail === '' ? '' : ` (${outcome.detail})`}`
    case 'out-of-fuel':
      return 'out of fuel'
    case 'limit':
      return `${outcome.limit} limit: wanted ${outcome.wanted}, allowed ${outcome.allowed}`
    case 'timed-out':
      return `timed out after ${outcome.allowedMs} ms`
    case 'node-fault':
      return `fault of this machine: ${outcome.message}`
  }
}

/** The lines as a table. */
export function describeTasks(lines: readonly TaskLine[]): string {
  return renderTable(
    [
      { title: 'TASK', value: (line) => line.key },
      { title: 'OUTCOME', value: (line) => line.outcome },
      { title: 'FUEL', value: (line) => String(line.fuel), isNumber: true },
      { title: 'PRICE', value: (line) => formatMicroUsd(line.priceMicroUsd), isNumber: true },
      { title: 'OUTPUT', value: (line) => `${line.outputBytes} B`, isNumber: true },
    ],
    lines,
  )
}
